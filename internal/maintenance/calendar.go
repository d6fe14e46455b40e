package maintenance

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	ical "github.com/arran4/golang-ical"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/authz"
	"souk/internal/maintenance/maintenancedb"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/tenancy"
)

// CalendarKept is how long what was planned stays in calendars.
const CalendarKept = 90 * 24 * time.Hour

// calendarMost bounds how much a calendar shows, the newest first.
const calendarMost = 1000

// readEvery is how exact the record of when a calendar was read is.
const readEvery = time.Minute

// holder is whom a calendar belongs to: a person, or a token.
func holder(p authz.Principal) (id uuid.UUID, account, token *uuid.UUID) {
	if p.Account != uuid.Nil {
		return p.Account, &p.Account, nil
	}
	return p.Credential, nil, &p.Credential
}

// MakeFeed makes an address at which a program reads the organization's calendar as
// p may see it, and returns it; it is not kept. The address that p had before ends.
func (s *Service) MakeFeed(ctx context.Context, tx store.Tx, organization uuid.UUID, p authz.Principal, base string) (api.CalendarFeed, error) {
	_, account, token := holder(p)
	secret, now := tenancy.NewSecret(), s.Clock.Now()
	err := maintenancedb.New(tx).SetFeed(ctx, maintenancedb.SetFeedParams{ID: store.NewID(), OrganizationID: organization, AccountID: account, TokenID: token, SecretHash: hashed(secret), CreatedAt: now})
	if err != nil {
		return api.CalendarFeed{}, err
	}
	feed, err := s.Feed(ctx, tx, organization, p)
	feed.URL = base + api.CalendarPath + "?" + url.Values{"key": {secret}}.Encode()
	return feed, err
}

// Feed says whether p has an address of the organization's calendar, and since when;
// the address itself is not kept.
func (s *Service) Feed(ctx context.Context, tx store.Tx, organization uuid.UUID, p authz.Principal) (api.CalendarFeed, error) {
	id, _, _ := holder(p)
	r, err := maintenancedb.New(tx).Feed(ctx, maintenancedb.FeedParams{OrganizationID: organization, Holder: id})
	if errors.Is(err, pgx.ErrNoRows) {
		return api.CalendarFeed{}, nil
	}
	return api.CalendarFeed{Made: true, CreatedAt: utc(&r.CreatedAt), LastReadAt: utc(r.LastReadAt)}, err
}

// EndFeed ends the address that p has of the organization's calendar, and says
// whether there was one.
func (s *Service) EndFeed(ctx context.Context, tx store.Tx, organization uuid.UUID, p authz.Principal) (bool, error) {
	id, _, _ := holder(p)
	n, err := maintenancedb.New(tx).DeleteFeed(ctx, maintenancedb.DeleteFeedParams{OrganizationID: organization, Holder: id})
	return n > 0, err
}

// hashed needs no salt and no stretching: the bits are random.
func hashed(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// Calendar returns what the holder of a calendar's address may see now, as iCalendar
// (RFC 5545). base is where the portal is.
func (s *Service) Calendar(ctx context.Context, secret, base string) (text []byte, err error) {
	now := s.Clock.Now()
	err = s.Store.System(ctx, func(tx store.Tx) error {
		q := maintenancedb.New(tx)
		r, err := q.FeedReader(ctx, maintenancedb.FeedReaderParams{SecretHash: hashed(secret), Now: now})
		if errors.Is(err, pgx.ErrNoRows) {
			return &problem.Error{Status: http.StatusNotFound, Code: "not-found", Detail: "There is no calendar at this address, or it has ended. Make another on the page Maintenance."}
		}
		if err != nil {
			return err
		}
		if r.LastReadAt == nil || now.Sub(*r.LastReadAt) >= readEvery {
			if err := q.FeedWasRead(ctx, maintenancedb.FeedWasReadParams{ID: r.ID, LastReadAt: &now}); err != nil {
				return err
			}
		}
		rows, err := q.Calendar(ctx, maintenancedb.CalendarParams{OrganizationID: r.OrganizationID, After: now.Add(-CalendarKept), Everywhere: r.Everywhere, Projects: r.Projects, Limit: calendarMost})
		if err != nil {
			return err
		}
		text = calendar(r.Organization, rows, base)
		return nil
	})
	return text, err
}

// calendar writes maintenances as iCalendar: each an event that keeps its UID, and
// whose SEQUENCE rises with each change. Times are UTC, which programs show by the
// clock of their people.
func calendar(organization string, rows []maintenancedb.CalendarRow, base string) []byte {
	c := ical.NewCalendarFor("Souk")
	c.SetMethod(ical.MethodPublish)
	c.SetName("Souk: " + organization)
	c.SetXWRCalName("Souk: " + organization)
	c.SetRefreshInterval("PT1H", ical.WithValue(string(ical.ValueDataTypeDuration)))
	c.SetXPublishedTTL("PT1H")
	for _, r := range rows {
		changed := r.CreatedAt
		if r.ChangedAt != nil {
			changed = *r.ChangedAt
		}
		e := c.AddEvent(r.ID.String())
		e.SetDtStampTime(changed)
		e.SetCreatedTime(r.CreatedAt)
		e.SetLastModifiedAt(changed)
		e.SetSequence(int(r.Sequence))
		e.SetStartAt(r.FromAt)
		e.SetEndAt(r.UntilAt)
		e.SetSummary(r.Instance + ": " + r.Title)
		e.SetDescription(description(r))
		e.SetURL(fmt.Sprintf("%s/o/%s/p/%s/instances/%s/maintenance", base, organization, r.Project, r.Instance))
		e.SetTimeTransparency(ical.TransparencyTransparent)
		e.SetStatus(ical.ObjectStatusConfirmed)
		if r.State == cancelled {
			e.SetStatus(ical.ObjectStatusCancelled)
		}
		if r.Urgent {
			e.SetPriority(1)
		}
	}
	return []byte(c.Serialize(ical.WithNewLineWindows))
}

// description is what an event says below its title.
func description(r maintenancedb.CalendarRow) string {
	lines := []string{r.Project + "/" + r.Instance + ": " + r.State + "; planned by " + r.PlannedBy + "."}
	for _, l := range []string{r.Effect, r.Message} {
		if l != "" {
			lines = append(lines, l)
		}
	}
	if r.InterruptionMs != nil {
		lines = append(lines, "Interrupted for "+(time.Duration(*r.InterruptionMs)*time.Millisecond).String()+".")
	}
	return strings.Join(lines, "\n")
}
