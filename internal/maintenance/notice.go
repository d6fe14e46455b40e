package maintenance

import (
	"context"
	"fmt"
	"slices"
	"time"

	"souk/internal/mail"
	"souk/internal/maintenance/maintenancedb"
	"souk/internal/store"
)

// ahead are how long before a maintenance people are told of it, beside when it is
// planned or moves.
var ahead = []time.Duration{7 * 24 * time.Hour, 24 * time.Hour}

// nextNotice is when people are told of a maintenance after now, or nil.
func nextNotice(from, now time.Time) *time.Time {
	for _, d := range ahead {
		if at := from.Add(-d); at.After(now) {
			return &at
		}
	}
	return nil
}

// TellDue tells the people of one organization of its maintenances that are to be
// told of now, and says whether there were any. The mail, and that it was written,
// are one transaction.
func (s *Service) TellDue(ctx context.Context, st *store.Store) (bool, error) {
	some := false
	err := st.System(ctx, func(tx store.Tx) error {
		q := maintenancedb.New(tx)
		now := s.Clock.Now()
		rows, err := q.Telling(ctx, now)
		if some = len(rows) > 0; err != nil || !some {
			return err
		}
		room := true
		if !s.Mail.Closed {
			if room, err = s.write(ctx, tx, rows, now); err != nil {
				return err
			}
		}
		for _, r := range rows {
			told := maintenancedb.ToldParams{ID: r.ID}
			if !room {
				later := now.Add(again)
				told.Next = &later
			} else if r.State == planned {
				told.Next = nextNotice(r.FromAt, now)
			}
			if err := q.Told(ctx, told); err != nil {
				return err
			}
		}
		return nil
	})
	return some, err
}

// again is when people are told who had too many mails within the hour: what happens
// meanwhile comes in one.
const again = 15 * time.Minute

// write writes one mail to each of the people, of all that they may see; or none,
// and says so, where one of them had too many of late.
func (s *Service) write(ctx context.Context, tx store.Tx, rows []maintenancedb.TellingRow, now time.Time) (room bool, err error) {
	people, err := maintenancedb.New(tx).People(ctx, rows[0].OrganizationID)
	if err != nil {
		return false, err
	}
	organization := rows[0].Organization
	var letters []mail.Letter
	for _, p := range people {
		m := mail.Message{Kind: mail.Maintenance, Locale: p.Locale, Organization: organization, Path: "/o/" + organization + "/maintenance"}
		for _, r := range rows {
			if p.Everywhere || slices.Contains(p.Projects, r.ProjectID) {
				m.Lines = append(m.Lines, line(r, p.Locale, p.TimeZone))
			}
		}
		if len(m.Lines) == 0 {
			continue
		}
		if room, err := s.Mail.Room(ctx, tx, p.Email, string(m.Kind), now); err != nil || !room {
			return false, err
		}
		letters = append(letters, mail.Letter{To: p.Email, Message: m, Until: now.Add(24 * time.Hour)})
	}
	for _, l := range letters {
		if err := s.Mail.Write(ctx, tx, l, now); err != nil {
			return false, err
		}
	}
	return true, nil
}

// words are what a line says, in each language.
var words = map[string]struct{ layout, planned, urgent, failed, withdrawn, nothing string }{
	"en": {"Mon 2 Jan 2006 15:04 MST", "%s/%s: %s, planned by %s for %s. %s", "%s/%s: URGENT: %s, planned by %s for %s. It cannot be put off. %s", "%s/%s: %s could not be done. %s", "%s/%s: %s, planned for %s, does not take place. %s", "It interrupts nothing."},
	"de": {"2.1.2006 15:04 MST", "%s/%s: %s, geplant von %s für %s. %s", "%s/%s: DRINGEND: %s, geplant von %s für %s. Dies lässt sich nicht verschieben. %s", "%s/%s: %s konnte nicht ausgeführt werden. %s", "%s/%s: %s, geplant für %s, findet nicht statt. %s", "Es wird nichts unterbrochen."},
}

// line tells of one maintenance.
func line(r maintenancedb.TellingRow, locale, zone string) string {
	w, known := words[locale]
	if !known {
		w = words["en"]
	}
	loc, err := time.LoadLocation(zone)
	if err != nil || zone == "" {
		loc = time.UTC
	}
	at := r.FromAt.In(loc).Format(w.layout)
	switch r.State {
	case planned:
	case cancelled:
		return fmt.Sprintf(w.withdrawn, r.Project, r.Instance, r.Title, at, r.Message)
	default:
		return fmt.Sprintf(w.failed, r.Project, r.Instance, r.Title, r.Message)
	}
	form := w.planned
	if r.Urgent {
		form = w.urgent
	}
	rest := r.Effect
	if rest == "" {
		rest = w.nothing
	}
	if r.Message != "" {
		rest += " " + r.Message
	}
	return fmt.Sprintf(form, r.Project, r.Instance, r.Title, r.PlannedBy, at, rest)
}
