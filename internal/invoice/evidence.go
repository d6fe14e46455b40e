package invoice

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/internal/invoice/invoicedb"
	"souk/internal/mail"
	"souk/internal/money"
	"souk/internal/sla"
	"souk/internal/store"
)

// ItemServiceCredit is the item of lines that give back what an instance was charged
// while it was less available than was promised.
const ItemServiceCredit = "service-credit"

// Evidence is what a service credit is given for, and by what.
type Evidence struct {
	Month string `json:"month"` // in which the instance was less available, "2026-11"
	// Report is the SLA report that proves it, as it was made at its watermark (RFC
	// 3339); SHA256 is that of its signed content.
	Report    uuid.UUID `json:"report"`
	Watermark string    `json:"watermark"`
	SHA256    string    `json:"sha256"`
	// Availability and Objective are per cent, as the report says; the latter may be "".
	Availability string `json:"availability"`
	Objective    string `json:"objective,omitempty"`
	// Terms is the revision by which below an availability so many per cent of what was
	// charged are given back.
	Terms   uuid.UUID    `json:"terms"`
	Below   string       `json:"below"`
	Percent string       `json:"percent"`
	Charged money.Amount `json:"charged"` // for the instance in the month
}

// At is the watermark of the report.
func (e *Evidence) At() (time.Time, error) { return time.Parse(time.RFC3339Nano, e.Watermark) }

// evidence are the reports that the document's lines name, each once.
func (d *Document) evidence() (all []*Evidence) {
	seen := map[uuid.UUID]bool{}
	for _, l := range d.Lines {
		if e := l.Evidence; e != nil && !seen[e.Report] {
			seen[e.Report] = true
			all = append(all, e)
		}
	}
	return all
}

// path leads to the report as it was made, in the portal.
func (e *Evidence) path(organization string) string {
	return "/o/" + organization + "/sla?" + url.Values{"period": {e.Month}, "watermark": {e.Watermark}}.Encode()
}

// attached are the reports that the document names, as files of a mail. One that was made
// before reports were kept whole is not among them: the link to it makes it again.
func (d *Document) attached(ctx context.Context, tx store.Tx, organization uuid.UUID) ([]mail.Attachment, error) {
	var files []mail.Attachment
	for _, e := range d.evidence() {
		at, err := e.At()
		if err != nil {
			return nil, err
		}
		report, made, err := sla.Made(ctx, tx, organization, e.Month, at)
		if err != nil {
			return nil, err
		}
		if !made {
			continue
		}
		content, err := sla.Document(report)
		if err != nil {
			return nil, err
		}
		files = append(files, mail.Attachment{Name: "sla-" + e.Month + ".pdf", Type: "application/pdf", Content: content})
	}
	return files, nil
}

// evidenceLines say in a mail to an organization where the reports are that the document
// names.
func (d *Document) evidenceLines(language, organization, base string) (lines []string) {
	w := wordsOf(language)
	for _, e := range d.evidence() {
		lines = append(lines, fmt.Sprintf(w.evidence, e.Month, strings.TrimRight(base, "/")+e.path(organization)))
	}
	return lines
}

// recordCredits lists what an invoice gives back.
func recordCredits(ctx context.Context, q *invoicedb.Queries, organization, id uuid.UUID, d *Document, at time.Time) error {
	for _, l := range d.Lines {
		e := l.Evidence
		if e == nil || d.Kind != KindInvoice {
			continue
		}
		if err := q.InsertServiceCredit(ctx, invoicedb.InsertServiceCreditParams{InvoiceID: id, OrganizationID: organization, Line: int32(l.ID), Month: e.Month, InstanceID: l.Source.Instance, Project: l.Project, Instance: l.Instance,
			Service: l.Service, ServiceLevel: l.Source.ServiceLevel, Availability: e.Availability, Objective: e.Objective, Below: e.Below, Percent: e.Percent,
			Charged: e.Charged.String(), Amount: l.Net.Negative().String(), TermsID: e.Terms, ReportID: e.Report, RecordedAt: at}); err != nil {
			return err
		}
	}
	return nil
}
