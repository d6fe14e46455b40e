package tenancy

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/tenancy/tenancydb"
)

// halfLasts is how long a log-in waits for the second factor.
const halfLasts = 10 * time.Minute

// Half is a log-in with the right password that waits for the second factor. The
// ticket is not kept; it lets nobody in without a code.
type Half struct {
	Ticket    string
	ExpiresAt time.Time
}

// newTicket returns a secret that cannot be taken for a token's or a session's.
func newTicket() string { return "souklogin_" + strings.TrimPrefix(NewSecret(), secretPrefix) }

// Start checks the password. It begins a session, or where the account has a
// second factor, half a log-in, so that nobody has to keep the password until the
// person has found the code.
func (l *Logins) Start(ctx context.Context, try Try, now time.Time) (*Session, *Half, error) {
	try.Code = ""
	account, err := l.check(ctx, try, now)
	if err != nil {
		return nil, nil, err
	}
	session, err := l.begin(ctx, account, try, now)
	if p := problem.As(err); p != nil && p.Code == codeSecondFactorRequired {
		half, err := l.half(ctx, account, now)
		return nil, half, err
	}
	return &session, nil, err
}

func (l *Logins) half(ctx context.Context, account tenancydb.LoginAccountRow, now time.Time) (*Half, error) {
	h := &Half{Ticket: newTicket(), ExpiresAt: now.Add(halfLasts)}
	return h, l.store.System(ctx, func(tx store.Tx) error {
		if err := lockPassword(ctx, tx, account); err != nil {
			return err
		}
		return tenancydb.New(tx).InsertHalfLogin(ctx, tenancydb.InsertHalfLoginParams{
			ID: store.NewID(), TicketHash: hashSecret(h.Ticket), AccountID: account.ID, ExpiresAt: h.ExpiresAt,
		})
	})
}

// Finish begins the session of half a log-in, once, by a code of the second
// factor. Wrong codes count as wrong passwords do.
func (l *Logins) Finish(ctx context.Context, ticket, code string, from Caller, now time.Time) (Session, error) {
	return l.finish(ctx, ticket, from, now, func(ctx context.Context, tx store.Tx, w waiting) (map[string]any, error) {
		return l.factors.secondFactor(ctx, tx, w.account, code, now)
	})
}

// waiting is half a log-in that is being finished.
type waiting struct {
	account   uuid.UUID
	email     string
	challenge []byte // to a passkey, if one was asked
}

// factor checks the second factor, and says for the audit log which it was.
type factor func(ctx context.Context, tx store.Tx, w waiting) (map[string]any, error)

func (l *Logins) finish(ctx context.Context, ticket string, from Caller, now time.Time, check factor) (Session, error) {
	h, err := tenancydb.New(l.store.SystemPool()).HalfLogin(ctx, tenancydb.HalfLoginParams{TicketHash: hashSecret(ticket), Now: now})
	if err != nil {
		return Session{}, halfGone(err)
	}
	if err := l.countTry(ctx, h.Email, from.Address, now); err != nil {
		return Session{}, err
	}
	var s Session
	err = l.store.System(ctx, func(tx store.Tx) error {
		q := tenancydb.New(tx)
		account, err := q.LockAccount(ctx, h.AccountID)
		if err != nil {
			return halfGone(err)
		}
		challenge, err := q.TakeHalfLogin(ctx, h.ID)
		if err != nil {
			return halfGone(err)
		}
		if err := passwordRefused(ctx, tx, account.ID); err != nil {
			return err
		}
		details, err := check(ctx, tx, waiting{account.ID, account.Email, challenge})
		if err != nil {
			return err
		}
		if err := q.ForgetLoginFailures(ctx, tenancydb.ForgetLoginFailuresParams{Address: from.Address, Email: account.Email}); err != nil {
			return err
		}
		s, err = startSession(ctx, tx, account.ID, account.Email, from, details, now)
		return err
	})
	return s, err
}

func halfGone(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return &problem.Error{Status: http.StatusUnauthorized, Code: "login-expired", Detail: "This log-in was finished, or waited too long for its second step. Log in again."}
	}
	return err
}

// SweepHalfLogins forgets those that waited too long, at most limit of them, and
// returns how many those were.
func SweepHalfLogins(ctx context.Context, tx store.Tx, now time.Time, limit int) (int64, error) {
	return tenancydb.New(tx).SweepHalfLogins(ctx, tenancydb.SweepHalfLoginsParams{Before: now, Limit: int32(limit)})
}
