package payment

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"souk/internal/money"
	"souk/internal/payment/paymentdb"
	"souk/internal/problem"
	"souk/internal/store"
)

// OrdersRefused is the code of the problem that a suspended organization is answered with.
const OrdersRefused = "orders-refused"

// Guard refuses new orders of organizations that are suspended: by dunning, until they
// pay, or by the operator, who has suspended all of their instances. What runs, changes and
// deletions are not its concern.
type Guard struct{}

// RefuseOrder returns a problem that says what to do, or nil where orders are accepted.
func (Guard) RefuseOrder(ctx context.Context, tx store.Tx, organization uuid.UUID) error {
	q := paymentdb.New(tx)
	unpaid, err := q.Unpaid(ctx, organization)
	if err != nil {
		return err
	}
	return refusal(ctx, q, organization, unpaid)
}

// refusal is what RefuseOrder returns, of what the organization has not paid.
func refusal(ctx context.Context, q *paymentdb.Queries, organization uuid.UUID, unpaid []paymentdb.UnpaidRow) error {
	if len(unpaid) > 0 {
		return problem.Conflict(OrdersRefused, "Your organization is suspended, and new orders are refused, until it has paid %s. Its invoices, and souk billing balance, say how to pay; it ends once the payment has come in.", unpaidText(unpaid))
	}
	suspended, err := q.SuspendedByOperator(ctx, organization)
	if err != nil || len(suspended) == 0 {
		return err
	}
	return problem.Conflict(OrdersRefused, "The operator has suspended what your organization runs (%s, reason: %s), and new orders are refused until that is lifted. Contact the operator.", suspended[0].Name, suspended[0].Reason)
}

// unpaidText names invoices and what is not paid of them.
func unpaidText(list []paymentdb.UnpaidRow) string {
	said := make([]string, len(list))
	for i, u := range list {
		said[i] = fmt.Sprintf("invoice %s (%s %s)", u.Number, u.Currency, u.Unpaid.Fixed(money.Digits(u.Currency)))
	}
	return strings.Join(said, ", ")
}
