package alert

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/alert/alertdb"
	"souk/internal/mail"
	"souk/internal/outbound"
	"souk/internal/servicepkg"
	"souk/internal/store"
)

const (
	// lease is how long nobody else takes a message that is being sent.
	lease      = time.Minute
	firstRetry = 10 * time.Second
	lastRetry  = 30 * time.Minute
	// mailAgain is when an address that was sent as many mails as it may is tried again.
	mailAgain = 10 * time.Minute
	// mailTopic is what mails about alerts are counted by.
	mailTopic = "alerts"
)

// DeliverDue delivers one message that is due, and says whether there was one. No
// transaction is open while a receiver is spoken with. A message is delivered again
// only where a worker was killed after the receiver took it and before that was
// written down; it then has the same ID.
func (s *Service) DeliverDue(ctx context.Context) (bool, error) {
	var row alertdb.DueRow
	var found, send bool
	now := s.Clock.Now()
	err := s.Store.System(ctx, func(tx store.Tx) (err error) {
		row, found, send, err = s.claim(ctx, tx, now)
		return err
	})
	if err != nil || !send {
		return found, err
	}
	err = s.send(ctx, row)
	if ctx.Err() != nil {
		return false, ctx.Err() // it is due again later
	}
	return true, s.note(ctx, row, err)
}

// claim takes a message that is due. It is put off, given up, or handed to the
// outbox of mails right away, unless send says that it has to be sent.
func (s *Service) claim(ctx context.Context, tx store.Tx, now time.Time) (row alertdb.DueRow, found, send bool, err error) {
	q := alertdb.New(tx)
	row, err = q.Due(ctx, now)
	if errors.Is(err, pgx.ErrNoRows) {
		return row, false, false, nil
	}
	if err != nil {
		return row, false, false, err
	}
	if !now.Before(row.ExpiresAt) {
		last := row.LastError
		if last == "" {
			last = "It was not delivered in time."
		}
		return row, true, false, q.GiveUp(ctx, alertdb.GiveUpParams{ID: row.ID, LastError: last})
	}
	if row.Lane == servicepkg.Warning {
		if end, quiet := quietUntil(api.QuietHours{From: row.QuietFrom, To: row.QuietTo, Zone: row.QuietZone}, now); quiet {
			return row, true, false, q.PutOff(ctx, alertdb.PutOffParams{ID: row.ID, Until: end, LastError: row.LastError})
		}
	}
	if row.Kind == byMail {
		return row, true, false, s.mail(ctx, tx, row, now)
	}
	return row, true, true, q.Attempt(ctx, alertdb.AttemptParams{ID: row.ID, Until: now.Add(lease)})
}

// mail hands a message to the outbox of mails, which does the rest.
func (s *Service) mail(ctx context.Context, tx store.Tx, row alertdb.DueRow, now time.Time) error {
	q := alertdb.New(tx)
	locale, err := q.Member(ctx, alertdb.MemberParams{OrganizationID: row.OrganizationID, Email: row.Target})
	if errors.Is(err, pgx.ErrNoRows) {
		return q.GiveUp(ctx, alertdb.GiveUpParams{ID: row.ID, LastError: "The address is none of a member's any more."})
	}
	if err != nil {
		return err
	}
	room, err := s.Mail.Room(ctx, tx, row.Target, mailTopic, now)
	if err != nil {
		return err
	}
	if !room || s.Mail.Closed {
		why := fmt.Sprintf("The address was sent %d mails about alerts within the hour; what happens meanwhile comes in one mail.", mail.Most)
		if s.Mail.Closed {
			why = "No mail can be sent, as no mail server is set up."
		}
		return q.PutOff(ctx, alertdb.PutOffParams{ID: row.ID, Until: now.Add(mailAgain), LastError: why})
	}
	notices, err := noticesOf(row.Notices)
	if err != nil {
		return err
	}
	if err := q.Attempt(ctx, alertdb.AttemptParams{ID: row.ID, Until: now.Add(lease)}); err != nil {
		return err
	}
	if err := s.Mail.Write(ctx, tx, letter(row.Target, locale, latest(notices), row.ExpiresAt), now); err != nil {
		return err
	}
	return q.Sent(ctx, alertdb.SentParams{ID: row.ID, At: now})
}

// refusal is an answer that says no.
type refusal int

func (r refusal) Error() string { return fmt.Sprintf("It answers with status %d.", int(r)) }

// final says whether the same message would be refused again.
func (r refusal) final() bool {
	switch int(r) {
	case http.StatusBadRequest, http.StatusGone, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

// note writes down how sending went. What is said of it holds neither address nor
// secret.
func (s *Service) note(ctx context.Context, row alertdb.DueRow, sending error) error {
	q, now := alertdb.New(s.Store.SystemPool()), s.Clock.Now()
	if sending == nil {
		return q.Sent(ctx, alertdb.SentParams{ID: row.ID, At: now})
	}
	var refused refusal
	why := outbound.Explain(sending)
	if errors.As(sending, &refused) {
		why = refused.Error()
		if refused.final() {
			return q.GiveUp(ctx, alertdb.GiveUpParams{ID: row.ID, LastError: why})
		}
	}
	return q.PutOff(ctx, alertdb.PutOffParams{ID: row.ID, Until: now.Add(backOff(row.Attempts + 1)), LastError: why})
}

// backOff doubles with each try.
func backOff(attempts int32) time.Duration {
	return min(lastRetry, firstRetry<<min(attempts-1, 20))
}

func (s *Service) send(ctx context.Context, row alertdb.DueRow) error {
	raw, err := s.Secrets.Open(ctx, Place(row.ChannelID.String()), row.Sealed)
	if err != nil {
		s.Logger.Error("what leads to an alert channel cannot be opened", "channel", row.ChannelID, "error", err)
		return err
	}
	var to way
	if err := json.Unmarshal(raw, &to); err != nil {
		return errors.New("what leads to the channel cannot be read")
	}
	notices, err := noticesOf(row.Notices)
	if err != nil {
		return err
	}
	m, err := compose(row.Kind, to, row.ID.String(), s.Real(), latest(notices))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, outbound.Patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(m.body))
	if err != nil {
		return errors.New("the address cannot be used")
	}
	request.Header = m.headers
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "Souk")
	answer, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // what it says is nobody's business
	if answer.StatusCode/100 != 2 {
		return refusal(answer.StatusCode)
	}
	return nil
}
