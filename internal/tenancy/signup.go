package tenancy

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/mail"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/tenancy/tenancydb"
)

// signupLasts is how long the link of a sign-up is good, and how long the name of
// its organization is held.
const signupLasts = 24 * time.Hour

// SignUp takes a sign-up in and sends the link that makes an account and an
// organization of it. With an address that has an account it does and takes as
// much, and sends another mail: only who reads that learns of it.
func (a *Accounts) SignUp(ctx context.Context, in api.SignUp, now time.Time) error {
	err := together(mail.CheckAddress("body.email", in.Email), checkPersonName("body.name", in.Name), checkPassword("body.password", in.Password, in.Email),
		CheckName("body.organization.name", in.Organization.Name), checkPersonName("body.organization.displayName", in.Organization.DisplayName))
	if err != nil {
		return err
	}
	phc, err := a.logins.hash(ctx, in.Password)
	if err != nil {
		return err
	}
	return a.store().System(ctx, func(tx store.Tx) error {
		q := tenancydb.New(tx)
		if err := takeName(ctx, q, in.Organization.Name, in.Email, now); err != nil {
			return atField(err, "body.organization.name", in.Organization.Name)
		}
		account, known, err := a.lockEmail(ctx, q, in.Email)
		if err != nil {
			return err
		}
		token, locale := newLinkToken(), cmp.Or(in.Locale, defaultLocale)
		if known {
			in.Email, locale = account.Email, account.Locale
		}
		err = q.InsertSignup(ctx, tenancydb.InsertSignupParams{
			ID: store.NewID(), Email: in.Email, Name: in.Name, PasswordHash: phc, Locale: locale, Organization: in.Organization.Name,
			DisplayName: in.Organization.DisplayName, TokenHash: signupHash(token, known), CreatedAt: now, ExpiresAt: now.Add(signupLasts),
		})
		if err != nil {
			return err
		}
		return a.mails.Write(ctx, tx, signupLetter(in.Email, locale, in.Organization.Name, token, known, now), now)
	})
}

// lockEmail returns the account of the address, if it has one. Until the
// transaction ends nobody else makes one.
func (a *Accounts) lockEmail(ctx context.Context, q *tenancydb.Queries, email string) (tenancydb.AccountByEmailRow, bool, error) {
	if err := q.LockEmail(ctx, email); err != nil {
		return tenancydb.AccountByEmailRow{}, false, err
	}
	return present(ctx, q, email)
}

// signupHash is that of the token; a sign-up with a known address has none.
func signupHash(token string, known bool) []byte {
	if known {
		return nil
	}
	return hashSecret(token)
}

// signupTopic counts both kinds of mail together, so that neither tells of itself
// by how many there are.
const signupTopic = "sign-up"

func signupLetter(email, locale, organization, token string, known bool, now time.Time) mail.Letter {
	m := mail.Message{Kind: mail.SignUp, Locale: locale, Path: "/verify-email?token=" + token, Organization: organization}
	if known {
		m.Kind, m.Path = mail.KnownAddress, "/login"
	}
	return mail.Letter{To: email, Message: m, Topic: signupTopic, Until: now.Add(signupLasts)}
}

// atField says of a conflict which field it is about.
func atField(err error, location string, value any) error {
	if p := problem.As(err); p != nil && p.Fields == nil {
		p.Fields = []problem.Field{{Location: location, Message: "is taken", Value: value}}
	}
	return err
}

// ResendSignUp sends the link of the newest sign-up with the address again, as a
// new one; the one before is of no use then.
func (a *Accounts) ResendSignUp(ctx context.Context, email string, now time.Time) error {
	if err := mail.CheckAddress("body.email", email); err != nil {
		return err
	}
	return a.store().System(ctx, func(tx store.Tx) error {
		q := tenancydb.New(tx)
		_, known, err := a.lockEmail(ctx, q, email)
		if err != nil {
			return err
		}
		s, err := q.LatestSignup(ctx, tenancydb.LatestSignupParams{Email: email, Now: now})
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		// A link is replaced only by one that is sent.
		if room, err := a.mails.Room(ctx, tx, s.Email, signupTopic, now); err != nil || !room {
			return err
		}
		known = known || s.TokenHash == nil
		token := newLinkToken()
		err = q.RenewSignup(ctx, tenancydb.RenewSignupParams{ID: s.ID, TokenHash: signupHash(token, known), ExpiresAt: now.Add(signupLasts)})
		if err != nil {
			return err
		}
		return a.mails.Write(ctx, tx, signupLetter(s.Email, s.Locale, s.Organization, token, known, now), now)
	})
}

// VerifyEmail makes the account and the organization of the sign-up whose link
// has the token, and logs the person in.
func (a *Accounts) VerifyEmail(ctx context.Context, token string, from Caller, now time.Time) (s Session, err error) {
	err = a.store().System(ctx, func(tx store.Tx) error {
		q := tenancydb.New(tx)
		signup, err := q.SignupByToken(ctx, hashSecret(token))
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return linkUnknown()
		case err != nil:
			return err
		case signup.UsedAt != nil:
			return linkUsed()
		case !now.Before(signup.ExpiresAt):
			return linkExpired()
		}
		s, err = a.admit(ctx, tx, signup, from, now)
		return err
	})
	return s, err
}

func (a *Accounts) admit(ctx context.Context, tx store.Tx, signup tenancydb.Signup, from Caller, now time.Time) (Session, error) {
	q := tenancydb.New(tx)
	if err := takeName(ctx, q, signup.Organization, signup.Email, now); err != nil {
		return Session{}, err
	}
	_, known, err := a.lockEmail(ctx, q, signup.Email)
	if err != nil {
		return Session{}, err
	}
	if known { // by an invitation, say, since the mail was sent
		return Session{}, problem.Conflict("account-exists", "There is an account with this address already. Log in with it.")
	}
	if err := q.UseSignups(ctx, tenancydb.UseSignupsParams{Email: signup.Email, UsedAt: now}); err != nil {
		return Session{}, err
	}
	account := tenancydb.InsertAccountParams{ID: store.NewID(), Email: signup.Email, Name: signup.Name, PasswordHash: signup.PasswordHash, CreatedAt: now, Locale: signup.Locale}
	if err := q.InsertAccount(ctx, account); err != nil {
		return Session{}, err
	}
	organization := api.OrganizationCreate{Name: signup.Organization, DisplayName: signup.DisplayName, TimeZone: defaultTimeZone, Kinds: []string{"customer"}}
	id, err := makeOrganization(ctx, q, organization, account.ID, now)
	if err != nil {
		return Session{}, err
	}
	err = audit.Write(ctx, tx, audit.Event{
		Organization: id, At: now, Actor: signup.Email, Action: "organization.create", Kind: "organization", ObjectID: id.String(), ObjectName: signup.Organization,
		RequestID: from.RequestID, Details: map[string]any{"by": "sign-up", "owner": signup.Email},
	})
	if err != nil {
		return Session{}, err
	}
	return startSession(ctx, tx, account.ID, signup.Email, from, nil, now)
}
