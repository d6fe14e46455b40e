package repricing

import (
	"context"
	"time"

	"souk/internal/clock"
	"souk/internal/mail"
	"souk/internal/repricing/repricingdb"
	"souk/internal/step"
	"souk/internal/store"
)

// stepTold is that an organization was told of a revision.
var stepTold = step.New("repricing/told")

// readWithin is how long it is of use to mail a change of prices.
const readWithin = 7 * 24 * time.Hour

// Service tells customers of changes of prices.
type Service struct {
	Clock clock.Clock
	Mail  *mail.Outbox // nil: nobody is written to
}

// TellDue tells one organization of one revision, and says whether there was any to be
// looked at. Where the prices of what it has stay the same, nobody is told.
func (s *Service) TellDue(ctx context.Context, st *store.Store) (some bool, err error) {
	err = st.System(ctx, func(tx store.Tx) error {
		q := repricingdb.New(tx)
		due, err := q.Due(ctx)
		if some = len(due) > 0; err != nil || !some {
			return err
		}
		zone, err := time.LoadLocation(due[0].TimeZone)
		if err != nil {
			return err
		}
		c, err := changeBy(ctx, tx, due[0], zone)
		if err != nil {
			return err
		}
		now := s.Clock.Now()
		if len(c.instances) > 0 && s.Mail != nil && !s.Mail.Closed {
			if err := s.write(ctx, tx, due[0], c, zone, now); err != nil {
				return err
			}
		}
		return q.Told(ctx, repricingdb.ToldParams{PriceListRevisionID: due[0].PriceListRevisionID, OrganizationID: due[0].OrganizationID, At: now, Instances: int32(len(c.instances))})
	})
	if err == nil && some {
		stepTold.Done()
	}
	return some, err
}

// write writes one mail to each of those who get the organization's invoices.
func (s *Service) write(ctx context.Context, tx store.Tx, due repricingdb.DueRow, c change, zone *time.Location, now time.Time) error {
	people, err := repricingdb.New(tx).MailTo(ctx, due.OrganizationID)
	if err != nil {
		return err
	}
	for _, p := range people {
		w := wordsOf(p.Language)
		m := mail.Message{Kind: mail.Prices, Locale: p.Language, Organization: due.Organization, Period: w.moment(c.first(), zone), Path: "/o/" + due.Organization + "/costs",
			Lines: w.lines(c, due.Organization, s.Mail.PublicURL, zone)}
		// Each change is a topic of its own, so that none is held back for others.
		letter := mail.Letter{To: p.Email, Message: m, Topic: "prices " + due.PriceListRevisionID.String() + " " + due.OrganizationID.String(), Until: now.Add(readWithin)}
		if err := s.Mail.Write(ctx, tx, letter, now); err != nil {
			return err
		}
	}
	return nil
}
