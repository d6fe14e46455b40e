package tenancy

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/mail"
	"souk/internal/store"
	"souk/internal/tenancy/tenancydb"
)

// resetLasts is how long the link to choose a new password by is good.
const resetLasts = time.Hour

// ForgotPassword sends the link to choose a new password by, if the address has
// an account; if it has none, as much is written and nothing is sent. Links that
// were sent before stay good: nobody can spoil another's by asking again.
func (a *Accounts) ForgotPassword(ctx context.Context, email string, now time.Time) error {
	if err := mail.CheckAddress("body.email", email); err != nil {
		return err
	}
	return a.store().System(ctx, func(tx store.Tx) error {
		q := tenancydb.New(tx)
		account, known, err := present(ctx, q, email)
		if err != nil {
			return err
		}
		known = known && account.DisabledAt == nil
		token := newLinkToken()
		reset := tenancydb.InsertResetParams{ID: store.NewID(), TokenHash: hashSecret(token), CreatedAt: now, ExpiresAt: now.Add(resetLasts)}
		if known {
			reset.AccountID = &account.ID
		}
		if err := q.InsertReset(ctx, reset); err != nil {
			return err
		}
		letter := mail.Letter{To: email, Message: mail.Message{Kind: mail.Reset, Locale: account.Locale, Path: "/password/reset?token=" + token}, Until: now.Add(resetLasts)}
		if !known {
			return a.mails.Pretend(ctx, tx, letter, now)
		}
		letter.To = account.Email
		return a.mails.Write(ctx, tx, letter, now)
	})
}

// ResetPassword sets the password of the account whose link has the token, and
// ends all of its sessions.
func (a *Accounts) ResetPassword(ctx context.Context, in api.PasswordReset, from Caller, now time.Time) error {
	// Looked at before hashing, so that a guess costs little.
	row, err := goodReset(ctx, tenancydb.New(a.store().SystemPool()), in.Token, now)
	if err != nil {
		return err
	}
	if err := checkPassword("body.password", in.Password, row.Email); err != nil {
		return err
	}
	phc, err := a.logins.hash(ctx, in.Password)
	if err != nil {
		return err
	}
	return a.store().System(ctx, func(tx store.Tx) error {
		if row, err = goodReset(ctx, tenancydb.New(tx), in.Token, now); err != nil {
			return err
		}
		return a.setPassword(ctx, tx, person{*row.AccountID, row.Email, row.Locale}, phc, uuid.Nil, "password.reset", from, now)
	})
}

func goodReset(ctx context.Context, q *tenancydb.Queries, token string, now time.Time) (tenancydb.ResetByTokenRow, error) {
	row, err := q.ResetByToken(ctx, hashSecret(token))
	switch {
	case errors.Is(err, pgx.ErrNoRows), err == nil && row.DisabledAt != nil:
		return row, linkUnknown()
	case err != nil:
		return row, err
	case row.UsedAt != nil:
		return row, linkUsed()
	case !now.Before(row.ExpiresAt):
		return row, linkExpired()
	}
	return row, nil
}
