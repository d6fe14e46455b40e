package tenancy

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/tenancy/tenancydb"
)

// mostPasskeys is how many one person can have.
const mostPasskeys = 20

// Site is where people open Souk; a browser ties passkeys to its name.
type Site struct{ name, origin string }

// SiteOf returns the site at an address, or a problem where browsers know no
// passkeys: they need a name, and TLS but for localhost.
func SiteOf(address string) (Site, error) {
	u, err := url.Parse(address)
	if err != nil {
		return Site{}, err
	}
	name := strings.ToLower(u.Hostname())
	_, notIP := netip.ParseAddr(name)
	local := name == "localhost" || strings.HasSuffix(name, ".localhost")
	if name == "" || notIP == nil || (u.Scheme != "https" && !local) {
		return Site{}, problem.Conflict("no-passkeys-here", "Passkeys work where Souk is opened by a name and over https, not at %s.", address)
	}
	return Site{name: name, origin: u.Scheme + "://" + strings.ToLower(u.Host)}, nil
}

// party is the site as the library knows it.
func (s Site) party() (*webauthn.WebAuthn, error) {
	return webauthn.New(&webauthn.Config{
		RPID: s.name, RPDisplayName: "Souk", RPOrigins: []string{s.origin}, AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementDiscouraged, UserVerification: protocol.VerificationPreferred},
	})
}

// holder is a person, as the library knows them, with the passkeys of one site.
type holder struct {
	id    uuid.UUID
	email string
	keys  []webauthn.Credential
}

func (h holder) WebAuthnID() []byte                         { return h.id[:] }
func (h holder) WebAuthnName() string                       { return h.email }
func (h holder) WebAuthnDisplayName() string                { return h.email }
func (h holder) WebAuthnCredentials() []webauthn.Credential { return h.keys }

func holderOf(ctx context.Context, tx store.Tx, account uuid.UUID, email string, site Site) (h holder, all int, err error) {
	rows, err := tenancydb.New(tx).PasskeysOf(ctx, account)
	h = holder{id: account, email: email}
	for _, r := range rows {
		var key webauthn.Credential
		if err := json.Unmarshal(r.Credential, &key); err != nil {
			return h, 0, err
		}
		if r.Site == site.name {
			h.keys = append(h.keys, key)
		}
	}
	return h, len(rows), err
}

// Passkeys lists the person's.
func Passkeys(ctx context.Context, tx store.Tx, account uuid.UUID) ([]api.Passkey, error) {
	rows, err := tenancydb.New(tx).PasskeysOf(ctx, account)
	list := make([]api.Passkey, len(rows))
	for i, r := range rows {
		list[i] = api.Passkey{ID: r.ID.String(), Name: r.Name, Site: r.Site, CreatedAt: r.CreatedAt.UTC(), LastUsedAt: utc(r.LastUsedAt)}
	}
	return list, err
}

// BeginPasskey returns what the person's browser is to ask an authenticator for.
// Only somebody with the codes of an app can have a passkey: those, and the
// recovery codes, are for when it is lost.
func BeginPasskey(ctx context.Context, tx store.Tx, a Act, site Site) (json.RawMessage, error) {
	if status, err := tenancydb.New(tx).TOTPStatus(ctx, a.Principal.Account); errors.Is(err, pgx.ErrNoRows) || (err == nil && !status.Enabled) {
		return nil, problem.Conflict("second-factor-off", "Set the codes of an app up first: they let you in when the passkey is lost.")
	} else if err != nil {
		return nil, err
	}
	h, all, err := holderOf(ctx, tx, a.Principal.Account, a.Principal.Name, site)
	if err != nil {
		return nil, err
	}
	if all >= mostPasskeys {
		return nil, problem.Conflict("too-many-passkeys", "You have %d passkeys already. Remove one first.", all)
	}
	party, err := site.party()
	if err != nil {
		return nil, err
	}
	options, challenge, err := party.BeginRegistration(h, webauthn.WithExclusions(webauthn.Credentials(h.keys).CredentialDescriptors()))
	if err != nil {
		return nil, err
	}
	kept, err := json.Marshal(challenge)
	if err != nil {
		return nil, err
	}
	err = tenancydb.New(tx).PutPasskeyChallenge(ctx, tenancydb.PutPasskeyChallengeParams{AccountID: a.Principal.Account, Challenge: kept, ExpiresAt: a.Now.Add(halfLasts)})
	if err != nil {
		return nil, err
	}
	return json.Marshal(options.Response)
}

// AddPasskey takes what the authenticator answered, once. The caller has asked for
// the password.
func AddPasskey(ctx context.Context, tx store.Tx, a Act, site Site, in api.PasskeyCreate) (api.Passkey, error) {
	if err := checkPersonName("body.name", in.Name); err != nil {
		return api.Passkey{}, err
	}
	challenge, err := takeChallenge(ctx, tx, a)
	if err != nil {
		return api.Passkey{}, err
	}
	h, _, err := holderOf(ctx, tx, a.Principal.Account, a.Principal.Name, site)
	if err != nil {
		return api.Passkey{}, err
	}
	key, err := register(site, h, challenge, in.Credential)
	if err != nil {
		return api.Passkey{}, err
	}
	kept, err := json.Marshal(key)
	if err != nil {
		return api.Passkey{}, err
	}
	out := api.Passkey{ID: store.NewID().String(), Name: in.Name, Site: site.name, CreatedAt: a.Now.UTC()}
	n, err := tenancydb.New(tx).InsertPasskey(ctx, tenancydb.InsertPasskeyParams{
		ID: uuid.MustParse(out.ID), AccountID: a.Principal.Account, CredentialID: key.ID, Credential: kept, Site: site.name, Name: in.Name, CreatedAt: a.Now,
	})
	if err != nil {
		return out, err
	}
	if n == 0 {
		return out, problem.Conflict("passkey-known", "This passkey has been added already.")
	}
	return out, a.auditPasskey(ctx, tx, "passkey.add", out.ID, out.Name)
}

func takeChallenge(ctx context.Context, tx store.Tx, a Act) (challenge webauthn.SessionData, err error) {
	row, err := tenancydb.New(tx).TakePasskeyChallenge(ctx, a.Principal.Account)
	if errors.Is(err, pgx.ErrNoRows) || (err == nil && !a.Now.Before(row.ExpiresAt)) {
		return challenge, problem.Conflict("passkey-not-begun", "Nobody waits for this passkey, or it took too long. Begin anew.")
	}
	if err != nil {
		return challenge, err
	}
	return challenge, decodeChallenge(row.Challenge, &challenge)
}

// decodeChallenge reads what was asked. How long it is good for Souk's clock says,
// not the library's.
func decodeChallenge(kept []byte, challenge *webauthn.SessionData) error {
	err := json.Unmarshal(kept, challenge)
	challenge.Expires = time.Time{}
	return err
}

func register(site Site, h holder, challenge webauthn.SessionData, answer []byte) (*webauthn.Credential, error) {
	party, err := site.party()
	if err != nil {
		return nil, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return nil, problem.InvalidField("body.credential", nil, "is not what a browser answers")
	}
	key, err := party.CreateCredential(h, challenge, parsed)
	if err != nil {
		return nil, problem.InvalidField("body.credential", nil, "does not fit what was asked for")
	}
	return key, nil
}

// DeletePasskey takes one of the person's away.
func DeletePasskey(ctx context.Context, tx store.Tx, a Act, id uuid.UUID) error {
	name, err := tenancydb.New(tx).DeletePasskey(ctx, tenancydb.DeletePasskeyParams{ID: id, AccountID: a.Principal.Account})
	if errors.Is(err, pgx.ErrNoRows) {
		return problem.NotFound("passkey", id.String())
	}
	if err != nil {
		return err
	}
	return a.auditPasskey(ctx, tx, "passkey.remove", id.String(), name)
}

func (a Act) auditPasskey(ctx context.Context, tx store.Tx, action, id, name string) error {
	return auditSession(ctx, tx, a.Principal.Account, audit.Event{
		Action: action, Kind: "passkey", ObjectID: id, ObjectName: name, Actor: a.Principal.Name, RequestID: a.RequestID, At: a.Now,
	})
}

// AskPasskey returns what the browser is to ask the person's authenticators for,
// to finish half a log-in.
func (l *Logins) AskPasskey(ctx context.Context, ticket string, site Site, now time.Time) (options json.RawMessage, err error) {
	h, err := tenancydb.New(l.store.SystemPool()).HalfLogin(ctx, tenancydb.HalfLoginParams{TicketHash: hashSecret(ticket), Now: now})
	if err != nil {
		return nil, halfGone(err)
	}
	return options, l.store.System(ctx, func(tx store.Tx) error {
		person, _, err := holderOf(ctx, tx, h.AccountID, h.Email, site)
		if err != nil {
			return err
		}
		if len(person.keys) == 0 {
			return problem.Conflict("no-passkey", "Your account has no passkey for %s. Use a code.", site.name)
		}
		party, err := site.party()
		if err != nil {
			return err
		}
		asked, challenge, err := party.BeginLogin(person)
		if err != nil {
			return err
		}
		kept, err := json.Marshal(challenge)
		if err != nil {
			return err
		}
		if options, err = json.Marshal(asked.Response); err != nil {
			return err
		}
		return tenancydb.New(tx).PutLoginChallenge(ctx, tenancydb.PutLoginChallengeParams{ID: h.ID, Challenge: kept})
	})
}

// FinishByPasskey begins the session of half a log-in by the answer to what
// AskPasskey asked.
func (l *Logins) FinishByPasskey(ctx context.Context, ticket string, site Site, answer []byte, from Caller, now time.Time) (Session, error) {
	return l.finish(ctx, ticket, from, now, func(ctx context.Context, tx store.Tx, w waiting) (map[string]any, error) {
		key, err := checkPasskey(ctx, tx, w, site, answer)
		if err != nil {
			return nil, err
		}
		kept, err := json.Marshal(key)
		if err != nil {
			return nil, err
		}
		err = tenancydb.New(tx).UsePasskey(ctx, tenancydb.UsePasskeyParams{AccountID: w.account, CredentialID: key.ID, Credential: kept, LastUsedAt: &now})
		return map[string]any{"secondFactor": "passkey"}, err
	})
}

// checkPasskey returns the passkey that answered, as it is to be kept now.
func checkPasskey(ctx context.Context, tx store.Tx, w waiting, site Site, answer []byte) (*webauthn.Credential, error) {
	wrong := &problem.Error{Status: http.StatusUnauthorized, Code: "second-factor-wrong", Detail: "The passkey does not fit. Try again, or use a code."}
	if len(w.challenge) == 0 {
		return nil, wrong
	}
	var challenge webauthn.SessionData
	if err := decodeChallenge(w.challenge, &challenge); err != nil {
		return nil, err
	}
	person, _, err := holderOf(ctx, tx, w.account, w.email, site)
	if err != nil {
		return nil, err
	}
	party, err := site.party()
	if err != nil {
		return nil, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return nil, wrong
	}
	key, err := party.ValidateLogin(person, challenge, parsed)
	if err != nil || key.Authenticator.CloneWarning { // a copy of it has been used
		return nil, wrong
	}
	return key, nil
}
