package alert

import (
	"context"
	"time"

	"github.com/google/uuid"

	"souk/internal/alert/alertdb"
	"souk/internal/reconcile"
	"souk/internal/servicepkg"
	"souk/internal/store"
)

// BooksName is the name, in messages, of the operator's alert that the books differ.
const BooksName = "books-differ"

// booksPage is where the operator sees what differs, and what to do.
const booksPage = "/operator/billing/reconciliation"

// TellOfBooks tells the operator that the books differ, or do not any more. The
// transaction is a system one.
func (s *Service) TellOfBooks(ctx context.Context, tx store.Tx, a reconcile.Alert, now time.Time) error {
	q := alertdb.New(tx)
	operators, err := q.OperatorOrganization(ctx)
	if err != nil || len(operators) == 0 {
		return err
	}
	page := s.link("operator", "billing", "reconciliation")
	n := Notice{ID: a.ID.String(), Status: tellsFiring, Name: BooksName, Title: "The books differ", Severity: servicepkg.Critical, Summary: a.Summary,
		Organization: operators[0].Name, FiringSince: a.Since.UTC(), URL: page, RunbookURL: page + "#what-to-do"}
	if a.Over {
		n.Status, n.ResolvedAt, n.Resolution = tellsResolved, &now, over
	}
	return s.tell(ctx, q, map[uuid.UUID][]Notice{operators[0].ID: {n}}, now)
}
