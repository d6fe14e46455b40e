package mail

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"souk/internal/envelope"
	"souk/internal/mail/maildb"
	"souk/internal/problem"
	"souk/internal/store"
)

// One address is sent at most so many mails about one topic within so long.
const (
	Most   = 5
	Within = time.Hour
)

// Outbox takes mails in.
type Outbox struct {
	Secrets *envelope.Envelope
	// PublicURL is the base of links, "https://souk.example".
	PublicURL string
	// Closed is set where there is no mail server: what would wait for a mail that
	// never comes is refused.
	Closed bool
}

// Letter is a mail to write.
type Letter struct {
	To      string
	Message Message
	// Topic is what mails to the address are counted by; "": the message's kind.
	// Nobody can use up what an address gets of other topics.
	Topic string
	// Until is when the mail is of no use any more.
	Until time.Time
}

// Room says whether the address may still be sent a mail about the topic. What
// it says holds until the transaction ends. Whoever asked for a mail to an
// address that is not theirs is not told.
func (o *Outbox) Room(ctx context.Context, tx store.Tx, to, topic string, now time.Time) (bool, error) {
	n, err := maildb.New(tx).CountMails(ctx, maildb.CountMailsParams{Recipient: to, Topic: topic, Since: now.Add(-Within)})
	return n < Most, err
}

// Write puts the mail among those to be sent, if the address may still be sent
// one. The mail goes out once the transaction has committed.
func (o *Outbox) Write(ctx context.Context, tx store.Tx, l Letter, now time.Time) error {
	return o.write(ctx, tx, l, now, maildb.New(tx).InsertMail)
}

// Pretend does as much as Write, and nothing is sent: nobody learns by the time
// that a request takes whether somebody was written to.
func (o *Outbox) Pretend(ctx context.Context, tx store.Tx, l Letter, now time.Time) error {
	return o.write(ctx, tx, l, now, func(ctx context.Context, m maildb.InsertMailParams) error {
		return maildb.New(tx).InsertPretended(ctx, maildb.InsertPretendedParams{ID: m.ID, Recipient: m.Recipient, Topic: m.Topic, CreatedAt: m.CreatedAt, ExpiresAt: m.ExpiresAt})
	})
}

func (o *Outbox) write(ctx context.Context, tx store.Tx, l Letter, now time.Time, insert func(context.Context, maildb.InsertMailParams) error) error {
	if o.Closed {
		return &problem.Error{Status: http.StatusServiceUnavailable, Code: "no-mail", Detail: "No mail can be sent from here, as no mail server is set up. The operator has to set one up first."}
	}
	topic := cmp.Or(l.Topic, string(l.Message.Kind))
	if err := CheckAddress("email", l.To); err != nil {
		return err
	}
	if room, err := o.Room(ctx, tx, l.To, topic, now); err != nil || !room {
		return err
	}
	m, err := l.Message.compose(o.PublicURL)
	if err != nil {
		return err
	}
	content, err := json.Marshal(m)
	if err != nil {
		return err
	}
	id := store.NewID()
	sealed, err := o.Secrets.Seal(ctx, sealContext(id.String()), content)
	if err != nil {
		return err
	}
	return insert(ctx, maildb.InsertMailParams{ID: id, Recipient: l.To, Topic: topic, Sealed: sealed, CreatedAt: now, ExpiresAt: l.Until})
}

func sealContext(id string) string { return "mails/" + id }

// kept is how long it is remembered that a mail was sent.
const kept = 30 * 24 * time.Hour

// Sweep forgets mails that were sent or given up long ago, at most limit of them,
// and returns how many those were.
func Sweep(ctx context.Context, tx store.Tx, now time.Time, limit int) (int64, error) {
	return maildb.New(tx).SweepMails(ctx, maildb.SweepMailsParams{Before: now.Add(-kept), Limit: int32(limit)})
}
