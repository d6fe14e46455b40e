package sla

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/mail"
	"souk/internal/sla/sladb"
	"souk/internal/store"
)

const (
	// grace is how long after a month's end its report is made: what a zone that was
	// cut off measured may arrive until then.
	grace = 24 * time.Hour
	// reportedBack is of how many months that are over reports are made.
	reportedBack = 3
	// readWithin is how long it is of use to mail a report.
	readWithin = 7 * 24 * time.Hour
	// mostMailed is how many instances a mail names.
	mostMailed = 20
)

// MakeDue makes the report of one organization whose month is over, mails it, and says
// whether there was one. All of it is one transaction, and one of several control
// planes that make the same report at once has made it.
func (s *Service) MakeDue(ctx context.Context, st *store.Store) (made bool, err error) {
	err = st.System(ctx, func(tx store.Tx) error {
		made, err = s.MakeOne(ctx, tx)
		return err
	})
	return made, err
}

// MakeOne is MakeDue within a transaction.
func (s *Service) MakeOne(ctx context.Context, tx store.Tx) (bool, error) {
	q := sladb.New(tx)
	now := s.Clock.Now().UTC()
	due, err := q.Unreported(ctx, sladb.UnreportedParams{At: now.Add(-grace), Months: reportedBack})
	if err != nil || len(due) == 0 {
		return false, err
	}
	report, err := s.Measure(ctx, tx, due[0].ID, due[0].Period, time.Time{})
	if err != nil {
		return false, err
	}
	payload, err := Payload(report)
	if err != nil {
		return false, err
	}
	sum := sha256.Sum256(payload)
	n, err := q.InsertReport(ctx, sladb.InsertReportParams{ID: store.NewID(), OrganizationID: due[0].ID, Period: report.Period, Watermark: report.Watermark, RulesVersion: int32(report.RulesVersion),
		Instances: int32(len(report.Instances)), Missed: int32(missed(report)), Sha256: hex.EncodeToString(sum[:]), Content: payload, MadeAt: now})
	if err != nil || n == 0 || len(report.Instances) == 0 || s.Mail == nil || s.Mail.Closed {
		return true, err
	}
	return true, s.mail(ctx, tx, due[0].ID, report, now)
}

// missed is how many instances missed their objectives.
func missed(r api.SLAReport) (n int) {
	for _, i := range r.Instances {
		if i.Met != nil && !*i.Met {
			n++
		}
	}
	return n
}

func (s *Service) mail(ctx context.Context, tx store.Tx, organization uuid.UUID, r api.SLAReport, now time.Time) error {
	people, err := sladb.New(tx).ReportReaders(ctx, organization)
	if err != nil {
		return err
	}
	page := "/o/" + r.Organization + "/sla?" + url.Values{"period": {r.Period}, "watermark": {r.Watermark.Format(time.RFC3339Nano)}}.Encode()
	for _, p := range people {
		m := mail.Message{Kind: mail.SLAReport, Locale: p.Locale, Organization: r.Organization, Period: r.Period, Path: page, Lines: mailLines(r, p.Locale)}
		if err := s.Mail.Write(ctx, tx, mail.Letter{To: p.Email, Message: m, Until: now.Add(readWithin)}, now); err != nil {
			return err
		}
	}
	return nil
}

// mailWords are what a line of a mail says, in each language.
var mailWords = map[string]struct{ measured, unmeasured, met, missed, more string }{
	"en": {"%s/%s: available %s %%, objective %s %%: %s", "%s/%s: not measured", "met", "missed", "And %d more."},
	"de": {"%s/%s: verfügbar %s %%, Ziel %s %%: %s", "%s/%s: nicht gemessen", "erreicht", "verfehlt", "Und %d weitere."},
}

// mailLines say how available each instance was.
func mailLines(r api.SLAReport, locale string) (lines []string) {
	w, known := mailWords[locale]
	if !known {
		w = mailWords["en"]
	}
	for _, i := range r.Instances[:min(len(r.Instances), mostMailed)] {
		if i.Met == nil {
			lines = append(lines, fmt.Sprintf(w.unmeasured, i.Project, i.Name))
			continue
		}
		verdict := w.missed
		if *i.Met {
			verdict = w.met
		}
		lines = append(lines, fmt.Sprintf(w.measured, i.Project, i.Name, i.Availability, i.Objective, verdict))
	}
	if n := len(r.Instances) - len(lines); n > 0 {
		lines = append(lines, fmt.Sprintf(w.more, n))
	}
	return lines
}

// Made returns a report as it was made when its month was over, whatever was renamed
// since, or false where none was made at the watermark. It fails where what is kept of it
// is not what was.
func Made(ctx context.Context, tx store.Tx, organization uuid.UUID, period string, watermark time.Time) (r api.SLAReport, made bool, err error) {
	row, err := sladb.New(tx).Made(ctx, sladb.MadeParams{OrganizationID: organization, Period: period, Watermark: watermark})
	if errors.Is(err, pgx.ErrNoRows) {
		return r, false, nil
	}
	if err != nil || row.Content == nil {
		return r, false, err
	}
	sum := sha256.Sum256(row.Content)
	if is := hex.EncodeToString(sum[:]); is != row.Sha256 {
		return r, false, fmt.Errorf("the SLA report of %s is not what it was: its SHA-256 is %s and not %s", period, is, row.Sha256)
	}
	return r, true, json.Unmarshal(row.Content, &r)
}

// Reports lists the reports of an organization that were made when a month was over,
// newest first.
func Reports(ctx context.Context, tx store.Tx, organization uuid.UUID) ([]api.SLAReportMade, error) {
	rows, err := sladb.New(tx).Reports(ctx, organization)
	list := make([]api.SLAReportMade, len(rows))
	for i, r := range rows {
		list[i] = api.SLAReportMade{Period: r.Period, Watermark: r.Watermark.UTC(), RulesVersion: int(r.RulesVersion), Instances: int(r.Instances), Missed: int(r.Missed), SHA256: r.Sha256, MadeAt: r.MadeAt.UTC()}
	}
	return list, err
}
