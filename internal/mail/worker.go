package mail

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"souk/internal/clock"
	"souk/internal/envelope"
	"souk/internal/mail/maildb"
	"souk/internal/store"
)

// Worker sends what is in the outbox. Any number may run: each mail is taken by
// one. A mail is sent again only where a worker was killed after the mail server
// took it and before that was written down; it then has the same Message-ID.
type Worker struct {
	Store   *store.Store
	Clock   clock.Clock
	Secrets *envelope.Envelope
	Sender  Sender
	Logger  *slog.Logger
}

const (
	// look is how often the outbox is looked at.
	look = time.Second
	// sendWithin is how long one mail may take; until then nobody else takes it.
	sendWithin = time.Minute
	firstRetry = 10 * time.Second
	lastRetry  = time.Hour
)

// Run sends mails until ctx ends.
func (w *Worker) Run(ctx context.Context) {
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		for {
			more, err := w.SendDue(ctx)
			if err != nil && ctx.Err() == nil {
				w.Logger.Warn("could not look at the mails to be sent; it is tried again", "error", err)
			}
			if err != nil || !more {
				break
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// SendDue sends one mail that is due, and says whether there was one. No
// transaction is open while the mail server is spoken with.
func (w *Worker) SendDue(ctx context.Context) (bool, error) {
	q, now := maildb.New(w.Store.SystemPool()), w.Clock.Now()
	row, err := q.ClaimMail(ctx, maildb.ClaimMailParams{Now: now, Until: now.Add(2 * sendWithin)})
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !now.Before(row.ExpiresAt) {
		w.Logger.Warn("a mail was given up: it could not be sent in time", "mail", row.ID, "attempts", row.Attempts-1)
		return true, q.GiveUpMail(ctx, maildb.GiveUpMailParams{ID: row.ID, LastError: "not sent in time"})
	}
	err = w.send(ctx, row)
	if ctx.Err() != nil {
		return false, ctx.Err() // it is due again later
	}
	return true, w.note(ctx, q, row, err)
}

func (w *Worker) send(ctx context.Context, row maildb.ClaimMailRow) error {
	content, err := w.Secrets.Open(ctx, sealContext(row.ID.String()), row.Sealed)
	if err != nil {
		return err
	}
	m := Mail{ID: row.ID, To: row.Recipient}
	if err := json.Unmarshal(content, &m); err != nil {
		return &PermanentError{errors.New("its content cannot be read")}
	}
	ctx, cancel := context.WithTimeout(ctx, sendWithin)
	defer cancel()
	return w.Sender.Send(ctx, m)
}

// note writes down how sending went.
func (w *Worker) note(ctx context.Context, q *maildb.Queries, row maildb.ClaimMailRow, sending error) error {
	now := w.Clock.Now()
	if sending == nil {
		return q.MailSent(ctx, maildb.MailSentParams{ID: row.ID, At: now})
	}
	var permanent *PermanentError
	if errors.As(sending, &permanent) {
		w.Logger.Warn("a mail was given up: the mail server refuses it", "mail", row.ID, "error", sending)
		return q.GiveUpMail(ctx, maildb.GiveUpMailParams{ID: row.ID, LastError: sending.Error()})
	}
	next := now.Add(backOff(row.Attempts))
	w.Logger.Warn("a mail could not be sent; it is tried again", "mail", row.ID, "attempts", row.Attempts, "next", next, "error", sending)
	return q.RetryMail(ctx, maildb.RetryMailParams{ID: row.ID, NextAt: next, LastError: sending.Error()})
}

// backOff doubles with each try.
func backOff(attempts int32) time.Duration {
	return min(lastRetry, firstRetry<<min(attempts-1, 20))
}
