package mail

import (
	"context"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/clock"
	"souk/internal/mail/maildb"
	"souk/internal/store"
)

// Catcher is the Sender of souk dev: what it is given can be read there, and
// goes nowhere.
type Catcher struct {
	Store *store.Store
	Clock clock.Clock
}

// Send keeps the mail.
func (c Catcher) Send(ctx context.Context, m Mail) error {
	names := make([]string, len(m.Attachments))
	for i, a := range m.Attachments {
		names[i] = a.Name
	}
	return maildb.New(c.Store.SystemPool()).InsertCaught(ctx, maildb.InsertCaughtParams{
		ID: m.ID, Recipient: m.To, Subject: m.Subject, Text: m.Text, Html: m.HTML, At: c.Clock.Now(), Attachments: names,
	})
}

// Caught lists what was caught, newest first.
func (c Catcher) Caught(ctx context.Context, before uuid.UUID, limit int) ([]api.CaughtMail, error) {
	p := maildb.CaughtParams{Limit: int32(limit)}
	if before != uuid.Nil {
		p.Before = &before
	}
	rows, err := maildb.New(c.Store.SystemPool()).Caught(ctx, p)
	if err != nil {
		return nil, err
	}
	list := make([]api.CaughtMail, len(rows))
	for i, r := range rows {
		list[i] = api.CaughtMail{ID: r.ID.String(), To: r.Recipient, Subject: r.Subject, At: r.At.UTC(), Text: r.Text, HTML: r.Html, Attachments: r.Attachments}
	}
	return list, nil
}
