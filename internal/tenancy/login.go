package tenancy

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/internal/audit"
	"souk/internal/authz"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/tenancy/tenancydb"
)

// SessionLasts is how long a log-in is good for.
const SessionLasts = 12 * time.Hour

// Logins lets people log in, and keeps guessers from trying.
type Logins struct {
	store *store.Store
	// hashing bounds how many passwords are hashed at once: each takes 19 MiB.
	hashing chan struct{}
	factors *TOTP
}

// NewLogins returns a Logins for the record.
func NewLogins(s *store.Store, factors *TOTP) *Logins {
	return &Logins{store: s, hashing: make(chan struct{}, 4), factors: factors}
}

// Caller is where a request comes from.
type Caller struct {
	Address   string // of the client, as requests are counted by
	UserAgent string // as the client calls itself
	RequestID string
}

// Try is one try to log in.
type Try struct {
	Caller
	Email, Password string
	Code            string // of the second factor
}

// Session is a log-in. The secret is not kept.
type Session struct {
	ID, Account uuid.UUID
	Email       string
	Secret      string
	ExpiresAt   time.Time
}

// Login checks the password, and the second factor where the account has one, and
// begins a session. Every try counts as a failure until it has succeeded, so that
// many at once gain nothing. Unknown addresses take as long, and read the same, as
// wrong passwords.
func (l *Logins) Login(ctx context.Context, try Try, now time.Time) (Session, error) {
	account, err := l.check(ctx, try, now)
	if err != nil {
		return Session{}, err
	}
	return l.begin(ctx, account, try, now)
}

// check returns the account whose password was tried, if it is right.
func (l *Logins) check(ctx context.Context, try Try, now time.Time) (tenancydb.LoginAccountRow, error) {
	if err := l.countTry(ctx, try.Email, try.Address, now); err != nil {
		return tenancydb.LoginAccountRow{}, err
	}
	account, phc := tenancydb.LoginAccountRow{}, nobody
	var err error
	account, err = tenancydb.New(l.store.SystemPool()).LoginAccount(ctx, try.Email)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return account, err
	}
	if err == nil {
		phc = account.PasswordHash
	}
	ok, err := l.matches(ctx, phc, try.Password)
	if err != nil {
		return account, err
	}
	if !ok || account.DisabledAt != nil {
		return account, l.refuse(ctx, try, now)
	}
	return account, nil
}

// refuse says why a log-in failed. Whoever knows the password of a sign-up whose
// link has not been opened is told so, whether there is an account as well or
// not: nobody learns by signing up with an address whether it has one.
func (l *Logins) refuse(ctx context.Context, try Try, now time.Time) error {
	phc := nobody
	signup, err := tenancydb.New(l.store.SystemPool()).LatestSignup(ctx, tenancydb.LatestSignupParams{Email: try.Email, Now: now})
	switch {
	case err == nil:
		phc = signup.PasswordHash
	case !errors.Is(err, pgx.ErrNoRows):
		return err
	}
	waits, err := l.matches(ctx, phc, try.Password)
	switch {
	case err != nil:
		return err
	case waits:
		return &problem.Error{Status: 403, Code: "email-not-verified", Detail: "The e-mail address is not confirmed yet. Open the link in the mail that was sent to it, or ask for another mail."}
	}
	return loginFailed()
}

func loginFailed() error {
	return &problem.Error{Status: 401, Code: "login-failed", Detail: "The e-mail address or the password is wrong."}
}

// matches takes an account without a password for one whose password nobody knows.
func (l *Logins) matches(ctx context.Context, phc, password string) (ok bool, err error) {
	phc = cmp.Or(phc, nobody)
	err = l.inTurn(ctx, func() error {
		ok, err = passwordMatches(phc, password)
		return err
	})
	return ok, err
}

func (l *Logins) hash(ctx context.Context, password string) (phc string, err error) {
	err = l.inTurn(ctx, func() error {
		phc = HashPassword(password)
		return nil
	})
	return phc, err
}

// inTurn keeps too many from hashing at once.
func (l *Logins) inTurn(ctx context.Context, f func() error) error {
	select {
	case l.hashing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-l.hashing }()
	return f()
}

func (l *Logins) begin(ctx context.Context, account tenancydb.LoginAccountRow, try Try, now time.Time) (Session, error) {
	var s Session
	err := l.store.System(ctx, func(tx store.Tx) error {
		if err := passwordRefused(ctx, tx, account.ID); err != nil {
			return err
		}
		details, err := l.factors.secondFactor(ctx, tx, account.ID, try.Code, now)
		if err != nil {
			return err
		}
		q := tenancydb.New(tx)
		if err := q.ForgetLoginFailures(ctx, tenancydb.ForgetLoginFailuresParams{Address: try.Address, Email: account.Email}); err != nil {
			return err
		}
		if err := lockPassword(ctx, tx, account); err != nil {
			return err
		}
		s, err = startSession(ctx, tx, account.ID, account.Email, try.Caller, details, now)
		return err
	})
	return s, err
}

// lockPassword keeps the password as it was when it was checked: one that was
// changed since is wrong now, and one that changes once the transaction has ended
// ends what the transaction began.
func lockPassword(ctx context.Context, tx store.Tx, account tenancydb.LoginAccountRow) error {
	_, err := tenancydb.New(tx).LockPassword(ctx, tenancydb.LockPasswordParams{ID: account.ID, PasswordHash: account.PasswordHash})
	if errors.Is(err, pgx.ErrNoRows) {
		return loginFailed()
	}
	return err
}

// startSession begins a session of the account, with a secret of its own; details
// are for the audit log.
func startSession(ctx context.Context, tx store.Tx, account uuid.UUID, email string, from Caller, details map[string]any, now time.Time) (Session, error) {
	s := Session{ID: store.NewID(), Account: account, Email: email, Secret: NewSecret(), ExpiresAt: now.Add(SessionLasts)}
	q := tenancydb.New(tx)
	if err := q.RememberAddress(ctx, tenancydb.RememberAddressParams{AccountID: account, Address: from.Address, LastLoginAt: now}); err != nil {
		return s, err
	}
	err := q.InsertSession(ctx, tenancydb.InsertSessionParams{
		ID: s.ID, AccountID: account, SecretHash: hashSecret(s.Secret), CreatedAt: now, ExpiresAt: s.ExpiresAt,
		Address: from.Address, UserAgent: from.UserAgent,
	})
	if err != nil {
		return s, err
	}
	return s, auditSession(ctx, tx, account, audit.Event{Action: "session.create", ObjectID: s.ID.String(), Actor: email, RequestID: from.RequestID, At: now, Details: details})
}

// Logout ends the session of the principal; one that has ended already is no
// error. A token is revoked by those who manage tokens, and left alone.
func Logout(ctx context.Context, tx store.Tx, p authz.Principal, requestID string, at time.Time) error {
	if !p.Session {
		return nil
	}
	account, err := tenancydb.New(tx).RevokeSession(ctx, tenancydb.RevokeSessionParams{ID: p.Credential, RevokedAt: &at})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return auditSession(ctx, tx, account, audit.Event{Action: "session.end", ObjectID: p.Credential.String(), Actor: p.Name, RequestID: requestID, At: at})
}

// auditSession writes the event into the log of every organization that the
// person can enter.
func auditSession(ctx context.Context, tx store.Tx, account uuid.UUID, e audit.Event) error {
	organizations, err := tenancydb.New(tx).OrganizationsOf(ctx, account)
	if err != nil {
		return err
	}
	e.Kind = cmp.Or(e.Kind, "session")
	for _, e.Organization = range organizations {
		if err := audit.Write(ctx, tx, e); err != nil {
			return err
		}
	}
	return nil
}
