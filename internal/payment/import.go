package payment

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/camt"
	"souk/internal/ledger"
	"souk/internal/money"
	"souk/internal/payment/paymentdb"
	"souk/internal/problem"
	"souk/internal/store"
)

// Import takes a bank's file in (camt.053 or camt.054), whole or not at all. The same
// file again does nothing and says so. It returns a problem for what is no such file,
// which says where it is wrong, and for one of another account than the issuer's.
func (s *Service) Import(ctx context.Context, tx store.Tx, content []byte, by string) (api.BankImport, error) {
	file, err := camt.Read(bytes.NewReader(content))
	var wrong *camt.Error
	if errors.As(err, &wrong) {
		return api.BankImport{}, problem.InvalidField("body", nil, "The file cannot be taken in, and nothing of it was: %s.", wrong)
	}
	if err != nil {
		return api.BankImport{}, err
	}
	d, err := s.open(ctx, tx, by)
	if err != nil {
		return api.BankImport{}, err
	}
	sum := sha256.Sum256(content)
	digest := hex.EncodeToString(sum[:])
	if was, err := d.q.FileBySum(ctx, digest); err == nil {
		return api.BankImport{File: fileDoc(paymentdb.FilesRow(was)), Again: true, Findings: map[string]int{}}, nil
	} else if !errors.Is(err, pgx.ErrNoRows) {
		return api.BankImport{}, err
	}
	own, all := compact(d.issuer.Iban), 0
	for _, a := range file.Accounts {
		if compact(a.IBAN) != own {
			return api.BankImport{}, problem.InvalidField("body", nil, "The file is of the account %s and not of the issuer's, %s: nothing of it was taken in.", a.IBAN, own)
		}
		all += len(a.Payments)
	}
	return d.takeIn(ctx, file, content, digest, all)
}

// compact writes an IBAN as it is compared.
func compact(iban string) string { return strings.ToUpper(strings.Join(strings.Fields(iban), "")) }

// arrival is a payment that is being taken in.
type arrival struct {
	camt.Payment
	id uuid.UUID
}

func (d *desk) takeIn(ctx context.Context, file camt.File, content []byte, digest string, all int) (api.BankImport, error) {
	fresh, replaced, err := d.unknown(ctx, file)
	if err != nil {
		return api.BankImport{}, err
	}
	id := store.NewID()
	row := paymentdb.InsertFileParams{ID: id, OrganizationID: d.operator, Sha256: digest, Kind: file.Kind, MessageID: file.MessageID, Content: content,
		Transactions: int32(all), Known: int32(all - len(fresh)), ImportedBy: d.by, ImportedAt: d.now}
	if _, err := d.q.InsertFile(ctx, row); err != nil {
		return api.BankImport{}, err
	}
	for _, r := range replaced {
		if err := d.replace(ctx, r); err != nil {
			return api.BankImport{}, err
		}
	}
	out := api.BankImport{New: len(fresh), Findings: map[string]int{}, File: fileDoc(paymentdb.FilesRow{ID: id, Sha256: digest, Kind: file.Kind, MessageID: file.MessageID,
		Transactions: row.Transactions, Known: row.Known, ImportedBy: d.by, ImportedAt: d.now})}
	person := d.by
	d.by = Souk
	for _, p := range fresh {
		finding, err := d.arrive(ctx, id, file.Kind, p)
		if err != nil {
			return out, err
		}
		out.Findings[string(finding)]++
	}
	d.by = person
	return out, d.settle(ctx)
}

// unknown returns the payments that no file has told of yet, and those on record in
// whose place they come.
func (d *desk) unknown(ctx context.Context, file camt.File) (fresh []camt.Payment, replaced []paymentdb.OfEntryRow, err error) {
	for _, a := range file.Accounts {
		keys := make([]string, len(a.Payments))
		for i, p := range a.Payments {
			keys[i] = p.Key
		}
		list, err := d.q.KnownKeys(ctx, paymentdb.KnownKeysParams{Iban: compact(a.IBAN), Keys: keys})
		if err != nil {
			return nil, nil, err
		}
		known := map[string]bool{}
		for _, key := range list {
			known[key] = true
		}
		for _, group := range byEntry(a.Payments) {
			of, gone, err := d.unknownOf(ctx, file.Kind, group, known)
			if err != nil {
				return nil, nil, err
			}
			fresh, replaced = append(fresh, of...), append(replaced, gone...)
		}
	}
	return fresh, replaced, nil
}

// byEntry puts payments together that are of one entry.
func byEntry(payments []camt.Payment) (groups [][]camt.Payment) {
	at := map[string]int{}
	for _, p := range payments {
		i, seen := at[p.Entry]
		if !seen || p.Entry == "" {
			at[p.Entry], i = len(groups), len(groups)
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], p)
	}
	return groups
}

// unknownOf does so for the payments of one entry. A statement may tell of an entry as
// a whole, and a notification of each payment in it: the parts count, and the whole is
// set aside unless somebody has worked with it already.
func (d *desk) unknownOf(ctx context.Context, kind string, group []camt.Payment, known map[string]bool) (fresh []camt.Payment, replaced []paymentdb.OfEntryRow, err error) {
	var sum money.Amount
	seen := false
	for _, p := range group {
		sum = sum.Add(p.Amount)
		if known[p.Key] {
			seen = true
			continue
		}
		known[p.Key] = true // twice in one file
		if p.Unreferenced {
			alike, err := d.q.SeenAlike(ctx, paymentdb.SeenAlikeParams{Kind: kind, Iban: compact(d.issuer.Iban), BookedOn: p.BookedOn, ValueOn: p.ValueOn, Amount: p.Amount,
				Currency: p.Currency, Reference: p.Reference, PayerIban: compact(p.PayerIBAN), EndToEndID: p.EndToEndID})
			if err != nil {
				return nil, nil, err
			}
			if alike > 0 {
				continue
			}
		}
		fresh = append(fresh, p)
	}
	if group[0].Entry == "" || seen || len(fresh) == 0 {
		return fresh, nil, nil
	}
	was, err := d.q.OfEntry(ctx, paymentdb.OfEntryParams{Iban: compact(d.issuer.Iban), Entry: group[0].Entry})
	if err != nil || len(was) == 0 {
		return fresh, nil, err
	}
	var before money.Amount
	touched, referenced := false, false
	for _, w := range was {
		before, touched, referenced = before.Add(w.Amount), touched || w.Touched, referenced || w.Reference != ""
	}
	switch {
	case before.Cmp(sum) != 0: // the bank uses the reference for several entries
		return fresh, nil, nil
	case !touched && (len(group) > len(was) || len(group) == len(was) && !referenced):
		return fresh, was, nil
	}
	return nil, nil, nil
}

// replace sets a transaction aside whose parts are told of.
func (d *desk) replace(ctx context.Context, t paymentdb.OfEntryRow) error {
	if err := d.q.Replace(ctx, t.ID); err != nil {
		return err
	}
	return d.post(ctx, d.operator, ledger.KindPayment, t.ID.String()+"/replaced", t.Currency, ledger.Unmatched, ledger.Bank(compact(d.issuer.Iban)), t.Amount)
}

// arrive writes one payment down, and takes it for what it is for.
func (d *desk) arrive(ctx context.Context, file uuid.UUID, kind string, p camt.Payment) (Finding, error) {
	a := arrival{p, store.NewID()}
	moves, finding, err := d.find(ctx, a)
	if err != nil {
		return "", err
	}
	err = d.q.InsertTransaction(ctx, paymentdb.InsertTransactionParams{ID: a.id, OrganizationID: d.operator, FileID: file, Iban: compact(d.issuer.Iban), Key: p.Key, Entry: p.Entry,
		Unreferenced: p.Unreferenced, Kind: kind, Currency: p.Currency, Amount: p.Amount, BookedOn: p.BookedOn, ValueOn: p.ValueOn, Reference: strings.ToUpper(p.Reference),
		Message: p.Text, Payer: p.Payer, PayerIban: compact(p.PayerIBAN), EndToEndID: p.EndToEndID, Returned: p.Returned, Finding: string(finding), RecordedAt: d.now})
	if err != nil || finding == Outgoing {
		return finding, err
	}
	if err := d.post(ctx, d.operator, ledger.KindPayment, a.id.String(), p.Currency, ledger.Bank(compact(d.issuer.Iban)), ledger.Unmatched, p.Amount); err != nil {
		return finding, err
	}
	if finding == Returned {
		return finding, d.reverse(ctx, a)
	}
	if err := d.takeMoves(ctx, a.id, p.Currency, moves); err != nil {
		return finding, err
	}
	return finding, d.reversed(ctx, a)
}

// find says what a payment is for.
func (d *desk) find(ctx context.Context, a arrival) ([]Move, Finding, error) {
	incoming := a.Amount.Cmp(money.Amount{}) > 0
	switch {
	case a.Returned && !incoming && !a.Amount.IsZero():
		return nil, Returned, nil
	case a.Returned || !incoming:
		return nil, Outgoing, nil
	case a.Currency != d.issuer.Currency:
		return nil, Foreign, nil
	}
	references := ReferencesIn(a.Reference, a.Text)
	if len(references) == 0 {
		return nil, Unmatched, nil
	}
	rows, err := d.q.InvoicesByReference(ctx, references)
	if err != nil {
		return nil, "", err
	}
	var invoice *Invoice
	if len(rows) == 1 {
		i := invoiceOf(rows[0])
		invoice = &i
	}
	moves, finding := Match(a.Amount, a.Currency, invoice)
	return moves, finding, nil
}

func invoiceOf(r paymentdb.InvoicesByReferenceRow) Invoice {
	return Invoice{ID: r.InvoiceID, Organization: r.OrganizationID, OrganizationName: r.Organization, Number: r.Number, Reference: r.Reference, Currency: r.Currency,
		DueOn: r.DueOn, Payable: r.Payable, Open: r.Open, WrittenOff: r.WrittenOff}
}

// reverse takes back the payment that a reversal is of, if that has arrived.
func (d *desk) reverse(ctx context.Context, reversal arrival) error {
	id, err := d.q.Original(ctx, paymentdb.OriginalParams{Iban: compact(d.issuer.Iban), Amount: reversal.Amount.Negative(), Currency: reversal.Currency,
		Reference: strings.ToUpper(reversal.Reference), EndToEndID: reversal.EndToEndID, BookedOn: reversal.BookedOn})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil // it waits for it, or for somebody who knows
	}
	if err != nil {
		return err
	}
	return d.takeBack(ctx, id, reversal.id, reversal.Currency)
}

// reversed takes a payment back whose reversal had arrived before it.
func (d *desk) reversed(ctx context.Context, original arrival) error {
	id, err := d.q.Reversal(ctx, paymentdb.ReversalParams{Iban: compact(d.issuer.Iban), Amount: original.Amount, Currency: original.Currency,
		Reference: strings.ToUpper(original.Reference), EndToEndID: original.EndToEndID, BookedOn: original.BookedOn})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return d.takeBack(ctx, original.id, id, original.Currency)
}

func (d *desk) takeBack(ctx context.Context, original, reversal uuid.UUID, currency string) error {
	taken, err := d.q.OfTransaction(ctx, &original)
	if err != nil {
		return err
	}
	for _, t := range taken {
		d.anew[t.OrganizationID] = true
	}
	if err := d.undoAll(ctx, original, currency, "the bank took the payment back"); err != nil {
		return err
	}
	return d.q.Reverse(ctx, paymentdb.ReverseParams{ID: original, By: reversal})
}

// undoAll takes back all that a transaction is taken for.
func (d *desk) undoAll(ctx context.Context, transaction uuid.UUID, currency, reason string) error {
	taken, err := d.q.OfTransaction(ctx, &transaction)
	if err != nil {
		return err
	}
	for _, t := range taken {
		if err := d.undo(ctx, allocation(t), currency, reason); err != nil {
			return err
		}
	}
	return nil
}

// Files lists the files that were imported, newest first, from after the one that is
// named.
func Files(ctx context.Context, tx store.Tx, before *uuid.UUID, limit int) ([]api.BankFile, error) {
	rows, err := paymentdb.New(tx).Files(ctx, paymentdb.FilesParams{Before: before, Limit: int32(limit)})
	list := make([]api.BankFile, len(rows))
	for i, r := range rows {
		list[i] = fileDoc(r)
	}
	return list, err
}

func fileDoc(r paymentdb.FilesRow) api.BankFile {
	return api.BankFile{ID: r.ID.String(), Kind: r.Kind, MessageID: r.MessageID, SHA256: r.Sha256, Transactions: int(r.Transactions), Known: int(r.Known), ImportedBy: r.ImportedBy, ImportedAt: r.ImportedAt.UTC()}
}
