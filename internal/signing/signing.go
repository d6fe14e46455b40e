// Package signing signs evidence, so that whoever is shown it can check, without
// asking anybody, that this Souk said so: a compact JSON Web Signature (RFC 7515)
// by Ed25519 (RFC 8037), whose public keys are published as a JSON Web Key Set
// (RFC 7517).
package signing

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/jackc/pgx/v5"

	"souk/internal/clock"
	"souk/internal/envelope"
	"souk/internal/signing/signingdb"
	"souk/internal/store"
)

// Path is where the public keys are published, below the address of the portal.
const Path = "/.well-known/jwks.json"

// Renewal is the age from which a key signs nothing more, and another is made.
// What it has signed stays valid, and it stays published.
const Renewal = 365 * 24 * time.Hour

// Kinds of evidence, as the signature's header "typ" names them. A signature of
// one kind is not accepted for another.
const (
	RestoreCertificate = "souk-restore-certificate"
	SLAReport          = "souk-sla-report"
	Conformance        = "souk-conformance"
)

// Service signs by the newest key of the record. It is safe for concurrent use.
type Service struct {
	Store   *store.Store
	Clock   clock.Clock
	Secrets *envelope.Envelope

	mu      sync.Mutex
	current *key
}

type key struct {
	signer  jose.SigningKey
	created time.Time
}

// Sign returns the compact signature of a payload, which is signed as it is. The
// same payload and kind give the same bytes for as long as the key is the same.
// It opens a transaction of its own where it has to read or make the key.
func (s *Service) Sign(ctx context.Context, kind string, payload []byte) (string, error) {
	k, err := s.key(ctx)
	if err != nil {
		return "", fmt.Errorf("sign a %s: %w", kind, err)
	}
	signer, err := jose.NewSigner(k.signer, (&jose.SignerOptions{}).WithType(jose.ContentType(kind)))
	if err != nil {
		return "", fmt.Errorf("sign a %s: %w", kind, err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign a %s: %w", kind, err)
	}
	return signed.CompactSerialize()
}

// Keys returns all public keys, the oldest first.
func (s *Service) Keys(ctx context.Context) (jose.JSONWebKeySet, error) {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	err := s.Store.System(ctx, func(tx store.Tx) error {
		rows, err := signingdb.New(tx).PublicKeys(ctx)
		for _, r := range rows {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: ed25519.PublicKey(r.PublicKey), KeyID: r.ID, Algorithm: string(jose.EdDSA), Use: "sig"})
		}
		return err
	})
	return set, err
}

// key returns the key to sign by, and makes it where there is none yet or the
// newest is due for renewal.
func (s *Service) key(ctx context.Context) (*key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil && s.Clock.Now().Before(s.current.created.Add(Renewal)) {
		return s.current, nil
	}
	var k *key
	err := s.Store.System(ctx, func(tx store.Tx) error {
		q := signingdb.New(tx)
		if err := q.Serialize(ctx); err != nil {
			return err
		}
		newest, err := q.NewestKey(ctx)
		if errors.Is(err, pgx.ErrNoRows) || err == nil && !s.Clock.Now().Before(newest.CreatedAt.Add(Renewal)) {
			newest, err = s.makeKey(ctx, q)
		}
		if err != nil {
			return err
		}
		k, err = s.open(ctx, newest)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.current = k
	return k, nil
}

func (s *Service) makeKey(ctx context.Context, q *signingdb.Queries) (made signingdb.SigningKey, err error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return made, err
	}
	id, err := Thumbprint(public)
	if err != nil {
		return made, err
	}
	sealed, err := s.Secrets.Seal(ctx, sealContext(id), private.Seed())
	if err != nil {
		return made, err
	}
	made = signingdb.SigningKey{ID: id, PublicKey: public, Sealed: sealed, CreatedAt: s.Clock.Now()}
	return made, q.InsertKey(ctx, signingdb.InsertKeyParams(made))
}

func (s *Service) open(ctx context.Context, stored signingdb.SigningKey) (*key, error) {
	seed, err := s.Secrets.Open(ctx, sealContext(stored.ID), stored.Sealed)
	if err != nil {
		return nil, err
	}
	if len(seed) != ed25519.SeedSize {
		return nil, envelope.ErrDamaged
	}
	private := jose.JSONWebKey{Key: ed25519.NewKeyFromSeed(seed), KeyID: stored.ID, Algorithm: string(jose.EdDSA)}
	return &key{signer: jose.SigningKey{Algorithm: jose.EdDSA, Key: private}, created: stored.CreatedAt}, nil
}

// sealContext binds a sealed key to its row.
func sealContext(id string) string { return "signing_keys/" + id }
