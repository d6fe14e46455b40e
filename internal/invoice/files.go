package invoice

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/google/uuid"

	"souk/internal/invoice/invoicedb"
)

// The forms in which invoices are handed out.
const (
	PDF  = "pdf"
	UBL  = "ubl" // EN 16931 in the syntax of UBL 2.1
	JSON = "json"
)

// makeFiles makes the forms of a document and keeps them; stored is its JSON.
func makeFiles(ctx context.Context, q *invoicedb.Queries, organization, id uuid.UUID, d *Document, stored []byte, language string, at time.Time) error {
	pdf, err := d.PDF(language)
	if err != nil {
		return err
	}
	ubl, err := d.UBL()
	if err != nil {
		return err
	}
	for _, f := range []struct {
		format  string
		content []byte
	}{{PDF, pdf}, {UBL, ubl}, {JSON, stored}} {
		sum := sha256.Sum256(f.content)
		if err := q.InsertFile(ctx, invoicedb.InsertFileParams{InvoiceID: id, OrganizationID: organization, Format: f.format, Content: f.content, Sha256: hex.EncodeToString(sum[:]), RecordedAt: at}); err != nil {
			return err
		}
	}
	return nil
}
