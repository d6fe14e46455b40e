package invoice

import (
	"context"
	"time"

	"github.com/google/uuid"

	"souk/internal/account"
	"souk/internal/invoice/invoicedb"
	"souk/internal/mail"
	"souk/internal/store"
)

// readWithin is how long it is of use to mail an invoice, or what keeps one.
const readWithin = 7 * 24 * time.Hour

// mailDocument mails an invoice or credit note, with its PDF, to whom the customer has
// named, or else to those who see its costs.
func (s *Service) mailDocument(ctx context.Context, tx store.Tx, organization uuid.UUID, name, month string, d *Document, now time.Time) error {
	if s.Mail == nil || s.Mail.Closed {
		return nil
	}
	q := invoicedb.New(tx)
	pdf, err := q.File(ctx, invoicedb.FileParams{OrganizationID: organization, Number: d.Number, Format: PDF})
	if err != nil {
		return err
	}
	readers, err := readers(ctx, tx, organization)
	if err != nil {
		return err
	}
	kind := mail.Invoice
	if d.Kind == KindCreditNote {
		kind = mail.CreditNote
	}
	evidence, err := d.attached(ctx, tx, organization)
	if err != nil {
		return err
	}
	files := append([]mail.Attachment{{Name: d.Number + ".pdf", Type: "application/pdf", Content: pdf.Content}}, evidence...)
	for _, r := range readers {
		m := mail.Message{Kind: kind, Locale: r.Locale, Organization: name, Period: month, Number: d.Number, Path: "/o/" + name + "/invoices/" + d.Number,
			Lines: d.evidenceLines(r.Locale, name, s.Mail.PublicURL), Attachments: files}
		if err := s.Mail.Write(ctx, tx, mail.Letter{To: r.Email, Message: m, Topic: "invoice " + d.Number, Until: now.Add(readWithin)}, now); err != nil {
			return err
		}
	}
	return nil
}

// readers are whom an organization's invoices are mailed to.
func readers(ctx context.Context, tx store.Tx, organization uuid.UUID) ([]invoicedb.ReadersRow, error) {
	profile, err := account.Profile(ctx, tx, organization)
	if err != nil {
		return nil, err
	}
	if profile.Email != "" {
		return []invoicedb.ReadersRow{{Email: profile.Email, Locale: profile.Language}}, nil
	}
	return invoicedb.New(tx).Readers(ctx, organization)
}

// tellHeld tells the operator, and those who can give what is lacking.
func (s *Service) tellHeld(ctx context.Context, tx store.Tx, r invoicedb.ClaimRunsRow, lacking string, now time.Time) error {
	if s.Mail == nil || s.Mail.Closed {
		return nil
	}
	people, err := invoicedb.New(tx).Readers(ctx, r.OrganizationID)
	if err != nil {
		return err
	}
	for _, p := range people {
		m := mail.Message{Kind: mail.BillingDetails, Locale: p.Locale, Organization: r.Organization, Period: r.Month, Path: "/o/" + r.Organization + "/billing", Reason: lacking}
		if err := s.Mail.Write(ctx, tx, mail.Letter{To: p.Email, Message: m, Until: now.Add(readWithin)}, now); err != nil {
			return err
		}
	}
	return s.tellStaff(ctx, tx, mail.InvoiceHeld, r, lacking, now)
}

// staffPages are where the operator's staff see what they are mailed of.
var staffPages = map[mail.Kind]string{mail.InvoiceHeld: "/operator/billing/held", mail.InvoiceFailed: "/operator/billing/failed"}

// tellStaff tells those of the operator's who keep the books of a run that does not go on.
func (s *Service) tellStaff(ctx context.Context, tx store.Tx, kind mail.Kind, r invoicedb.ClaimRunsRow, reason string, now time.Time) error {
	if s.Mail == nil || s.Mail.Closed {
		return nil
	}
	staff, err := invoicedb.New(tx).Staff(ctx)
	if err != nil {
		return err
	}
	for _, p := range staff {
		m := mail.Message{Kind: kind, Locale: p.Locale, Organization: r.Organization, Period: r.Month, Path: staffPages[kind], Reason: reason}
		if err := s.Mail.Write(ctx, tx, mail.Letter{To: p.Email, Message: m, Until: now.Add(readWithin)}, now); err != nil {
			return err
		}
	}
	return nil
}
