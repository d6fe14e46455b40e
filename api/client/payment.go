package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"souk/api"
)

// ImportBankFile imports a bank's statement (camt.053) or notification (camt.054). The
// same file again does nothing and says so.
func (o *Operator) ImportBankFile(ctx context.Context, content []byte) (api.BankImport, error) {
	var out api.BankImport
	err := o.client.do(ctx, call{method: http.MethodPost, path: []string{"operator", "bank-files"}, raw: content, contentType: "application/xml", out: &out, changes: true, slow: true})
	return out, err
}

// BankFilesPage lists files that were imported, newest first.
func (o *Operator) BankFilesPage(ctx context.Context, limit int, cursor string) (api.List[api.BankFile], error) {
	var out api.List[api.BankFile]
	err := o.client.get(ctx, pageQuery(url.Values{}, limit, cursor), &out, "operator", "bank-files")
	return out, err
}

// PaymentsPage lists payments, newest first. State is "unmatched", "over" or "" for all.
func (o *Operator) PaymentsPage(ctx context.Context, state string, limit int, cursor string) (api.List[api.Payment], error) {
	query := url.Values{}
	set(query, "state", state)
	var out api.List[api.Payment]
	err := o.client.get(ctx, pageQuery(query, limit, cursor), &out, "operator", "payments")
	return out, err
}

func pageQuery(query url.Values, limit int, cursor string) url.Values {
	query.Set("limit", strconv.Itoa(limit))
	set(query, "cursor", cursor)
	return query
}

// Payment returns a payment.
func (o *Operator) Payment(ctx context.Context, id string) (api.Payment, error) {
	var out api.Payment
	err := o.client.get(ctx, nil, &out, "operator", "payments", id)
	return out, err
}

// AssignPayment takes the rest of a payment for an invoice, or keeps it as an
// organization's credit.
func (o *Operator) AssignPayment(ctx context.Context, id string, to api.PaymentAssign) (api.Payment, error) {
	return o.changePayment(ctx, id, "assign", to)
}

// UndoPayment takes back what a payment was taken for.
func (o *Operator) UndoPayment(ctx context.Context, id, reason string) (api.Payment, error) {
	return o.changePayment(ctx, id, "undo", api.PaymentReason{Reason: reason})
}

// RefundPayment marks as sent back what of a payment is taken for nothing, or is kept as
// credit that nobody has used.
func (o *Operator) RefundPayment(ctx context.Context, id, reason string) (api.Payment, error) {
	return o.changePayment(ctx, id, "refund", api.PaymentReason{Reason: reason})
}

func (o *Operator) changePayment(ctx context.Context, id, what string, body any) (api.Payment, error) {
	var out api.Payment
	err := o.client.do(ctx, call{method: http.MethodPost, path: []string{"operator", "payments", id, what}, body: body, out: &out, changes: true})
	return out, err
}

// BillingBalance returns what the organization has open, and how to pay it.
func (o *Organization) BillingBalance(ctx context.Context) (api.BillingBalance, error) {
	var out api.BillingBalance
	err := o.client.get(ctx, nil, &out, o.path("billing-balance")...)
	return out, err
}

// Dunning lists organizations of whom something is overdue, or whose dunning is held.
func (o *Operator) Dunning(ctx context.Context) ([]api.BillingBalance, error) {
	var out api.List[api.BillingBalance]
	err := o.client.get(ctx, nil, &out, "operator", "dunning")
	return out.Items, err
}

// DunningRules returns after how many days what is done about what is overdue.
func (o *Operator) DunningRules(ctx context.Context) (api.DunningRules, error) {
	var out api.DunningRules
	err := o.client.get(ctx, nil, &out, "operator", "dunning-rules")
	return out, err
}

// SetDunningRules changes that.
func (o *Operator) SetDunningRules(ctx context.Context, rules api.DunningRules) (api.DunningRules, error) {
	var out api.DunningRules
	err := o.client.do(ctx, call{method: http.MethodPut, path: []string{"operator", "dunning-rules"}, body: rules, out: &out, changes: true})
	return out, err
}

// HoldDunning holds dunning of an organization.
func (o *Operator) HoldDunning(ctx context.Context, organization string, hold api.DunningHold) error {
	return o.client.do(ctx, call{method: http.MethodPut, path: []string{"operator", "organizations", organization, "dunning-hold"}, body: hold, changes: true})
}

// ReleaseDunning goes on with dunning of an organization.
func (o *Operator) ReleaseDunning(ctx context.Context, organization string) error {
	return o.client.do(ctx, call{method: http.MethodDelete, path: []string{"operator", "organizations", organization, "dunning-hold"}, changes: true})
}

// WriteOffs lists what was given up of invoices or is proposed to be: what is to be
// decided on first, then the newest.
func (o *Operator) WriteOffs(ctx context.Context) ([]api.WriteOff, error) {
	return list[api.WriteOff](ctx, o.client, 0, nil, "operator", "write-offs")
}

// WriteOffsPage is a page of them; cursor is next of the page before, or "".
func (o *Operator) WriteOffsPage(ctx context.Context, limit int, cursor string) (api.List[api.WriteOff], error) {
	var out api.List[api.WriteOff]
	err := o.client.get(ctx, pageQuery(url.Values{}, limit, cursor), &out, "operator", "write-offs")
	return out, err
}

// ProposeWriteOff proposes to give up what an invoice has open. Somebody else approves it.
func (o *Operator) ProposeWriteOff(ctx context.Context, in api.WriteOffPropose) (api.WriteOff, error) {
	var out api.WriteOff
	err := o.client.do(ctx, call{method: http.MethodPost, path: []string{"operator", "write-offs"}, body: in, out: &out, changes: true})
	return out, err
}

// ApproveWriteOff writes off what somebody else has proposed.
func (o *Operator) ApproveWriteOff(ctx context.Context, id string) (api.WriteOff, error) {
	return o.changeWriteOff(ctx, id, "approve", nil)
}

// RefuseWriteOff refuses what is proposed, or takes back one's own proposal.
func (o *Operator) RefuseWriteOff(ctx context.Context, id string) (api.WriteOff, error) {
	return o.changeWriteOff(ctx, id, "refuse", nil)
}

// ReverseWriteOff takes a write-off back: what was not paid since is open again.
func (o *Operator) ReverseWriteOff(ctx context.Context, id, reason string) (api.WriteOff, error) {
	return o.changeWriteOff(ctx, id, "reverse", api.PaymentReason{Reason: reason})
}

func (o *Operator) changeWriteOff(ctx context.Context, id, what string, body any) (api.WriteOff, error) {
	var out api.WriteOff
	err := o.client.do(ctx, call{method: http.MethodPost, path: []string{"operator", "write-offs", id, what}, body: body, out: &out, changes: true})
	return out, err
}
