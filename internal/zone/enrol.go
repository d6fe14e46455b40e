package zone

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/internal/agentapi"
	"souk/internal/pki"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/zone/zonedb"
)

// tokenValidity is how long an enrolment token can be used.
const tokenValidity = 24 * time.Hour

// Token is a one-time enrolment token.
type Token struct {
	ZoneID    uuid.UUID
	Zone      string
	Secret    string // shown once
	ExpiresAt time.Time
}

// IssueToken makes a one-time token that enrols an agent for a zone. Once it is
// used the agent enrolled before is superseded. The transaction is a system one.
func (z *Zones) IssueToken(ctx context.Context, tx store.Tx, name, actor string) (Token, error) {
	q := zonedb.New(tx)
	zone, err := q.ZoneByName(ctx, name)
	if errors.Is(err, pgx.ErrNoRows) {
		return Token{}, problem.NotFound("zone", name)
	}
	if err != nil {
		return Token{}, err
	}
	now := z.Clock.Now()
	t := Token{ZoneID: zone.ID, Zone: zone.Name, Secret: "souk_zone_" + rand.Text() + rand.Text(), ExpiresAt: now.Add(tokenValidity)}
	return t, q.InsertEnrolmentToken(ctx, zonedb.InsertEnrolmentTokenParams{ID: store.NewID(), ZoneID: zone.ID, SecretHash: hash([]byte(t.Secret)), CreatedBy: actor, CreatedAt: now, ExpiresAt: t.ExpiresAt})
}

func hash(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}

// errToken covers every way in which a token can be no good, so that none can be guessed at.
var errToken = &problem.Error{Status: http.StatusForbidden, Code: "token-refused", Detail: "This enrolment token is unknown, used or expired. Ask the operator for another one: souk zone enrol NAME."}

// Enrol exchanges a one-time token and a certificate request for an identity.
// Repeating it with the same token and key answers with a certificate of the
// same epoch; the token is spent for every other key.
func (z *Zones) Enrol(ctx context.Context, req agentapi.EnrolRequest) (agentapi.EnrolResponse, error) {
	key, err := keyHash(req.CSR)
	if err != nil {
		return agentapi.EnrolResponse{}, err
	}
	var out agentapi.EnrolResponse
	err = z.Store.System(ctx, func(tx store.Tx) error {
		q := zonedb.New(tx)
		token, err := q.EnrolmentTokenForUpdate(ctx, hash([]byte(req.Token)))
		if errors.Is(err, pgx.ErrNoRows) || (err == nil && !z.Clock.Now().Before(token.ExpiresAt)) {
			return errToken
		}
		if err != nil {
			return err
		}
		if token.UsedKeyHash != nil {
			out, err = z.repeat(ctx, q, token, key, req.CSR)
			return err
		}
		out, err = z.first(ctx, q, token, key, req.CSR)
		return err
	})
	return out, err
}

// first enrols: the zone gets a new epoch, and with it a new agent.
func (z *Zones) first(ctx context.Context, q *zonedb.Queries, token zonedb.EnrolmentToken, key []byte, csr string) (agentapi.EnrolResponse, error) {
	epoch := int64(1)
	before, err := q.AgentForUpdate(ctx, token.ZoneID)
	switch {
	case err == nil:
		epoch = before.Epoch + 1
	case !errors.Is(err, pgx.ErrNoRows):
		return agentapi.EnrolResponse{}, err
	}
	out, err := z.issue(ctx, q, token.ZoneID, epoch, csr)
	if err != nil {
		return agentapi.EnrolResponse{}, err
	}
	if err := q.SpendEnrolmentToken(ctx, zonedb.SpendEnrolmentTokenParams{ID: token.ID, UsedKeyHash: key, Epoch: &epoch}); err != nil {
		return agentapi.EnrolResponse{}, err
	}
	return out, q.PutAgent(ctx, zonedb.PutAgentParams{ZoneID: token.ZoneID, Epoch: epoch, KeyHash: key, NotAfter: out.NotAfter, EnrolledAt: z.Clock.Now()})
}

// repeat answers an enrolment that was carried out before, as long as it still counts.
func (z *Zones) repeat(ctx context.Context, q *zonedb.Queries, token zonedb.EnrolmentToken, key []byte, csr string) (agentapi.EnrolResponse, error) {
	if string(token.UsedKeyHash) != string(key) {
		return agentapi.EnrolResponse{}, errToken
	}
	now, err := q.AgentForUpdate(ctx, token.ZoneID)
	if err != nil {
		return agentapi.EnrolResponse{}, err
	}
	if token.Epoch == nil || now.Epoch != *token.Epoch || string(now.KeyHash) != string(key) {
		return agentapi.EnrolResponse{}, errSuperseded
	}
	if now.RevokedAt != nil {
		return agentapi.EnrolResponse{}, errRevoked
	}
	return z.issue(ctx, q, token.ZoneID, now.Epoch, csr)
}

// Rotate issues a new certificate for the identity of the current one. One that
// has expired has to be the newest that was issued, or to repeat the request that
// led to the newest, whose answer was lost.
func (z *Zones) Rotate(ctx context.Context, a agent, currentKey []byte, expired bool, req agentapi.RotateRequest) (agentapi.RotateResponse, error) {
	key, err := keyHash(req.CSR)
	if err != nil {
		return agentapi.RotateResponse{}, err
	}
	var out agentapi.RotateResponse
	err = z.Store.System(ctx, func(tx store.Tx) error {
		q := zonedb.New(tx)
		now, err := q.AgentForUpdate(ctx, a.zone)
		if err != nil {
			return err
		}
		if err := inForce(now, a); err != nil {
			return err
		}
		if newest := string(now.KeyHash); expired && newest != string(currentKey) && newest != string(key) {
			return errExpired
		}
		if out, err = z.issue(ctx, q, a.zone, a.epoch, req.CSR); err != nil {
			return err
		}
		return q.RotateAgent(ctx, zonedb.RotateAgentParams{ZoneID: a.zone, PreviousKeyHash: currentKey, KeyHash: key, NotAfter: out.NotAfter})
	})
	return out, err
}

func (z *Zones) issue(ctx context.Context, q *zonedb.Queries, zone uuid.UUID, epoch int64, csr string) (agentapi.EnrolResponse, error) {
	name, err := q.ZoneName(ctx, zone)
	if err != nil {
		return agentapi.EnrolResponse{}, err
	}
	subject := pkix.Name{CommonName: zone.String(), SerialNumber: strconv.FormatInt(epoch, 10)}
	text, err := z.ca.IssueClient([]byte(csr), subject, z.RealNow(), z.CertificateValidity)
	if err != nil {
		return agentapi.EnrolResponse{}, problem.InvalidField("body.csr", nil, "%v", err)
	}
	cert, err := pki.ParseCertificate(text)
	if err != nil {
		return agentapi.EnrolResponse{}, err
	}
	return agentapi.EnrolResponse{ZoneID: zone.String(), Zone: name, Epoch: epoch, Certificate: string(text), NotAfter: cert.NotAfter, CA: z.CA()}, nil
}

// keyHash returns the hash of the public key of a certificate request.
func keyHash(csr string) ([]byte, error) {
	block, _ := pem.Decode([]byte(csr))
	if block == nil {
		return nil, problem.InvalidField("body.csr", nil, "This is not a certificate request in PEM.")
	}
	req, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, problem.InvalidField("body.csr", nil, "This is not a certificate request in PEM.")
	}
	return hash(req.RawSubjectPublicKeyInfo), nil
}
