package tenancy

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/authz"
	"souk/internal/mail"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/tenancy/tenancydb"
)

// Accounts lets people make accounts and look after their own. What it does for
// whoever is not logged in has transactions of its own.
type Accounts struct {
	logins *Logins
	mails  *mail.Outbox
}

// NewAccounts returns an Accounts for the record of logins.
func NewAccounts(logins *Logins, mails *mail.Outbox) *Accounts { return &Accounts{logins, mails} }

func (a *Accounts) store() *store.Store { return a.logins.store }

const defaultLocale = "en"

// The length of a password. The upper bound keeps hashing short.
const (
	shortestPassword = 12 // characters
	longestPassword  = 1024
)

// checkPassword refuses a password that is easily guessed.
func checkPassword(location, password, email string) error {
	switch {
	case utf8.RuneCountInString(password) < shortestPassword:
		return problem.InvalidField(location, nil, "must have at least %d characters", shortestPassword)
	case len(password) > longestPassword:
		return problem.InvalidField(location, nil, "must have at most %d bytes", longestPassword)
	case strings.EqualFold(strings.TrimSpace(password), email):
		return problem.InvalidField(location, nil, "must not be the e-mail address")
	}
	return nil
}

// checkPersonName refuses what is no name of a person; "" is one.
func checkPersonName(location, name string) error {
	for _, r := range name {
		if !unicode.IsPrint(r) {
			return problem.InvalidField(location, nil, "must be plain text in one line")
		}
	}
	return nil
}

// together makes one problem of those of several fields, so that all are named
// at once.
func together(errs ...error) error {
	var fields []problem.Field
	for _, err := range errs {
		p := problem.As(err)
		if err != nil && (p == nil || p.Code != "invalid") {
			return err
		}
		if p != nil {
			fields = append(fields, p.Fields...)
		}
	}
	if len(fields) == 0 {
		return nil
	}
	return problem.Invalid(fields...)
}

// Account returns the account of the person who asks.
func Account(ctx context.Context, tx store.Tx, id uuid.UUID) (api.Account, error) {
	r, err := tenancydb.New(tx).Account(ctx, id)
	return api.Account{ID: r.ID.String(), Email: r.Email, Name: r.Name, Locale: r.Locale, TimeZone: r.TimeZone, Verified: true}, found(err, "account", id.String())
}

// UpdateAccount changes what the patch names.
func UpdateAccount(ctx context.Context, tx store.Tx, p authz.Principal, in api.AccountPatch, requestID string, at time.Time) (api.Account, error) {
	a, err := Account(ctx, tx, p.Account)
	if err != nil {
		return a, err
	}
	before := a
	for to, from := range map[*string]*string{&a.Name: in.Name, &a.Locale: in.Locale, &a.TimeZone: in.TimeZone} {
		if from != nil {
			*to = *from
		}
	}
	if err := together(checkPersonName("body.name", a.Name), checkTimeZone("body.timeZone", a.TimeZone)); err != nil || a == before {
		return a, err
	}
	err = tenancydb.New(tx).UpdateAccount(ctx, tenancydb.UpdateAccountParams{ID: p.Account, Name: a.Name, Locale: a.Locale, TimeZone: a.TimeZone})
	if err != nil {
		return a, err
	}
	return a, auditAccount(ctx, tx, p.Account, audit.Event{
		Action: "account.update", Actor: p.Name, RequestID: requestID, At: at, Details: map[string]any{"name": a.Name, "locale": a.Locale, "timeZone": a.TimeZone},
	})
}

// auditAccount writes the event into the log of every organization that the
// person can enter.
func auditAccount(ctx context.Context, tx store.Tx, account uuid.UUID, e audit.Event) error {
	e.Kind, e.ObjectID, e.ObjectName = "account", account.String(), cmp.Or(e.ObjectName, e.Actor)
	return auditSession(ctx, tx, account, e)
}

// Sessions lists where the person is logged in, the latest log-in first.
func Sessions(ctx context.Context, tx store.Tx, p authz.Principal, now time.Time) ([]api.Session, error) {
	rows, err := tenancydb.New(tx).SessionsOf(ctx, tenancydb.SessionsOfParams{AccountID: p.Account, Now: now})
	if err != nil {
		return nil, err
	}
	list := make([]api.Session, len(rows))
	for i, r := range rows {
		list[i] = api.Session{
			ID: r.ID.String(), CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(), LastUsedAt: utc(r.LastUsedAt),
			Address: r.Address, UserAgent: r.UserAgent, Current: r.ID == p.Credential,
		}
	}
	return list, nil
}

// EndSession ends one of the person's sessions at once; it may be the one that
// asks.
func EndSession(ctx context.Context, tx store.Tx, p authz.Principal, id uuid.UUID, requestID string, at time.Time) error {
	n, err := tenancydb.New(tx).RevokeSessionOf(ctx, tenancydb.RevokeSessionOfParams{ID: id, AccountID: p.Account, RevokedAt: at})
	if err != nil {
		return err
	}
	if n == 0 {
		return problem.NotFound("session", id.String())
	}
	return auditSession(ctx, tx, p.Account, audit.Event{Action: "session.end", ObjectID: id.String(), Actor: p.Name, RequestID: requestID, At: at})
}

// EndOtherSessions ends all of the person's sessions but the one that asks, and
// returns how many those were.
func EndOtherSessions(ctx context.Context, tx store.Tx, p authz.Principal, requestID string, at time.Time) (int64, error) {
	n, err := tenancydb.New(tx).RevokeSessions(ctx, tenancydb.RevokeSessionsParams{AccountID: p.Account, Keep: p.Credential, RevokedAt: at})
	if err != nil || n == 0 {
		return n, err
	}
	return n, auditAccount(ctx, tx, p.Account, audit.Event{Action: "session.end-others", Actor: p.Name, RequestID: requestID, At: at, Details: map[string]any{"sessionsEnded": n}})
}

// ChangePassword sets another password and ends all other sessions. Whoever does
// not know the present one is slowed down as at the log-in.
func (a *Accounts) ChangePassword(ctx context.Context, p authz.Principal, in api.PasswordChange, from Caller, now time.Time) error {
	row, err := tenancydb.New(a.store().SystemPool()).Account(ctx, p.Account)
	if err != nil {
		return found(err, "account", p.Account.String())
	}
	if row.PasswordHash == "" {
		return problem.Conflict("no-password", "Your account has no password: you log in by single sign-on.")
	}
	if err := checkPassword("body.new", in.New, row.Email); err != nil {
		return err
	}
	if err := a.logins.countTry(ctx, row.Email, from.Address, now); err != nil {
		return err
	}
	ok, err := a.logins.matches(ctx, row.PasswordHash, in.Current)
	if err != nil {
		return err
	}
	if !ok {
		return problem.InvalidField("body.current", nil, "is not your present password")
	}
	phc, err := a.logins.hash(ctx, in.New)
	if err != nil {
		return err
	}
	return a.store().System(ctx, func(tx store.Tx) error {
		q := tenancydb.New(tx)
		if err := q.ForgetLoginFailures(ctx, tenancydb.ForgetLoginFailuresParams{Address: from.Address, Email: row.Email}); err != nil {
			return err
		}
		return a.setPassword(ctx, tx, person{p.Account, row.Email, row.Locale}, phc, p.Credential, "password.change", from, now)
	})
}

// person is who has an account.
type person struct {
	id            uuid.UUID
	email, locale string
}

// setPassword ends all sessions but the one to keep, all log-ins that wait for a
// second factor, and all links to reset the password by, and tells the person.
func (a *Accounts) setPassword(ctx context.Context, tx store.Tx, who person, phc string, keep uuid.UUID, action string, from Caller, now time.Time) error {
	q := tenancydb.New(tx)
	if err := q.SetPassword(ctx, tenancydb.SetPasswordParams{ID: who.id, PasswordHash: phc}); err != nil {
		return err
	}
	ended, err := q.RevokeSessions(ctx, tenancydb.RevokeSessionsParams{AccountID: who.id, Keep: keep, RevokedAt: now})
	if err != nil {
		return err
	}
	if err := q.DeleteHalfLogins(ctx, who.id); err != nil {
		return err
	}
	if err := q.UseResets(ctx, tenancydb.UseResetsParams{AccountID: &who.id, UsedAt: now}); err != nil {
		return err
	}
	if err := tell(ctx, tx, a.mails, who, mail.PasswordChanged, now); err != nil {
		return err
	}
	return auditAccount(ctx, tx, who.id, audit.Event{Action: action, Actor: who.email, RequestID: from.RequestID, At: now, Details: map[string]any{"sessionsEnded": ended}})
}

// tell mails a person what has been changed of their account, with the way to
// another password. Where no mail can be sent, there is none.
func tell(ctx context.Context, tx store.Tx, mails *mail.Outbox, who person, kind mail.Kind, now time.Time) error {
	letter := mail.Letter{To: who.email, Message: mail.Message{Kind: kind, Locale: who.locale, Path: "/password/forgot"}, Until: now.Add(noticeLasts)}
	if err := mails.Write(ctx, tx, letter, now); err != nil && problem.As(err) == nil {
		return err
	}
	return nil
}

// noticeLasts is how long a mail is tried that has no link with a token.
const noticeLasts = 3 * 24 * time.Hour

// present returns the account of an address, if it has one.
func present(ctx context.Context, q *tenancydb.Queries, email string) (account tenancydb.AccountByEmailRow, known bool, err error) {
	account, err = q.AccountByEmail(ctx, email)
	if errors.Is(err, pgx.ErrNoRows) {
		return account, false, nil
	}
	return account, err == nil, err
}

// SweepLinks forgets sign-ups whose link nobody opened, and resets of long ago,
// at most limit of each, and returns how many those were.
func SweepLinks(ctx context.Context, tx store.Tx, now time.Time, limit int) (int64, error) {
	q := tenancydb.New(tx)
	signups, err := q.SweepSignups(ctx, tenancydb.SweepSignupsParams{Before: now.Add(-linksKept), Limit: int32(limit)})
	if err != nil {
		return signups, err
	}
	resets, err := q.SweepResets(ctx, tenancydb.SweepResetsParams{Before: now.Add(-linksKept), Limit: int32(limit)})
	return max(signups, resets), err
}

// linksKept is how long a link that has expired is told from one that never was.
const linksKept = 24 * time.Hour
