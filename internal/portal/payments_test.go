package portal_test

import (
	"bytes"
	"context"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/portal"
	"souk/internal/qrbill"
	"souk/internal/store"
)

// bankFile is a statement of one payment.
func bankFile(key, amount, reference string) []byte {
	return fmt.Appendf(nil, `<Document><BkToCstmrStmt><GrpHdr><MsgId>%[1]s</MsgId></GrpHdr><Stmt><Id>%[1]s</Id><Acct><Id><IBAN>%[2]s</IBAN></Id></Acct>
		<Ntry><Amt Ccy="CHF">%[3]s</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-12-04</Dt></BookgDt><AcctSvcrRef>%[1]s</AcctSvcrRef><NtryDtls><TxDtls><RmtInf><Strd><CdtrRefInf><Ref>%[4]s</Ref></CdtrRefInf></Strd></RmtInf></TxDtls></NtryDtls></Ntry>
		</Stmt></BkToCstmrStmt></Document>`, key, httpapitest.IssuerIBAN, amount, reference)
}

// onPayment is about a payment that nobody knows what it is for.
func onPayment(rest string, form url.Values) asks {
	return func(t *testing.T, s *site, _ string) (string, url.Values) {
		s.Issuer(t)
		key, id := fresh(), ""
		s.Do(t, httpapitest.Request{Method: http.MethodPost, Path: "/api/v1/operator/bank-files", Token: s.Token(t, httpapitest.Operator, "", api.RoleOwner),
			Header: map[string]string{"Content-Type": "application/xml"}, Body: bankFile(key, "5.00", "")}).Want(t, 200)
		s.System(t, func(ctx context.Context, tx store.Tx) error {
			return tx.QueryRow(ctx, `SELECT id::text FROM bank_transactions WHERE key = $1`, key).Scan(&id)
		})
		return "/operator/billing/payments/" + id + rest, form
	}
}

// A bank's file is sent by a form, and what came of it is shown.
func TestBankFileByForm(t *testing.T) {
	s := newSite(t)
	number := s.Bill(t, httpapitest.Own, "100.00")
	reference, err := qrbill.CreditorReference(strings.ReplaceAll(number, "-", ""))
	if err != nil {
		t.Fatal(err)
	}
	editor := s.staff(t, api.RoleEditor)
	send := func(content []byte) page {
		t.Helper()
		var b bytes.Buffer
		form := multipart.NewWriter(&b)
		part, err := form.CreateFormFile("file", "statement.xml")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = part.Write(content)
		form.Close()
		return s.send(t, &http.Client{Transport: s.Client.Transport}, editor.who, http.MethodPost, portal.BankUpload, form.FormDataContentType(), &b, nil)
	}
	send(bankFile("A", "40.00", reference)).want(t, 200, "A is imported: 1 new transaction.", "1 payment in part")
	send(bankFile("A", "40.00", reference)).want(t, 200, "A was imported before.")
	send(bankFile("B", "4O.00", reference)).want(t, 422, "Stmt[1]/Ntry[1]/Amt")
	send(nil).want(t, 422, "Choose the bank")
	send(append(bankFile("C", "1.00", ""), bytes.Repeat([]byte(" "), 3<<20)...)).want(t, 200, "1 payment waits for you")
	s.staff(t, api.RoleViewer).get(t, "/operator/billing/payments?state=all").want(t, 200, "40.00 for "+number+" of acme")
}

// onDunning is about what is overdue, where there is an issuer.
func onDunning(rest string, form url.Values) asks {
	return func(t *testing.T, s *site, _ string) (string, url.Values) {
		s.Issuer(t)
		return "/operator/billing/dunning" + rest, form
	}
}

// What is overdue is shown to the customer, with how to pay it, and to the operator.
func TestOverdueIsShown(t *testing.T) {
	s := newSite(t)
	s.as("viewer").get(t, own+"/costs").want(t, 200).lacks(t, "overdue")
	number := s.Bill(t, httpapitest.Own, "100.00")
	s.as("viewer").get(t, own+"/costs").want(t, 200).lacks(t, "overdue")
	s.Clock.Advance(35 * 24 * time.Hour)
	viewer := s.person(t, httpapitest.Own, fresh()+"@acme.example", api.RoleViewer) // a session lasts less
	viewer.get(t, own+"/costs").want(t, 200, "CHF 100.00 is overdue.", "CH93 0076 2011 6238 5295 7", "Invoice "+number+": CHF 100.00, reference RF")
	editor := s.staff(t, api.RoleEditor)
	editor.get(t, "/operator/billing/dunning").want(t, 200, "CHF 100.00 overdue", "First reminder, ")
	editor.post(t, "/operator/billing/dunning/acme/hold", url.Values{"reason": {"x"}}).want(t, 422)
	editor.post(t, "/operator/billing/dunning/acme/hold", url.Values{"reason": {"in instalments"}, "until": {"2000-01-01"}}).want(t, 422, "today or later", "in instalments")
	editor.post(t, "/operator/billing/dunning/acme/hold", url.Values{"reason": {"in instalments"}}).want(t, 303)
	editor.get(t, "/operator/billing/dunning").want(t, 200, "in instalments", "Go on with dunning of acme")
	viewer.get(t, own+"/costs").want(t, 200, "Nobody is reminded").lacks(t, "in instalments")
	editor.post(t, "/operator/billing/dunning/rules", url.Values{"reminderDays": {"10"}, "secondDays": {"5"}, "suspendDays": {"40"}, "noticeDays": {"7"}}).want(t, 422, "comes after the first")
}

// onWriteOff is about what somebody else proposes to write off: to propose it ("") or to
// decide on it.
func onWriteOff(verb string) asks {
	return func(t *testing.T, s *site, _ string) (string, url.Values) {
		number := s.Bill(t, httpapitest.Own, "100.00")
		if verb == "" {
			return "/operator/billing/write-offs", url.Values{"invoice": {number}, "reason": {"they are bankrupt"}}
		}
		id := s.ProposeWriteOff(t, number, "ann@operator.example")
		if verb == "reverse" {
			s.Do(t, httpapitest.Request{Method: http.MethodPost, Path: "/api/v1/operator/write-offs/" + id + "/approve", Token: s.Token(t, httpapitest.Operator, "", api.RoleOwner)}).Want(t, 200)
		}
		return "/operator/billing/write-offs/" + id + "/" + verb, url.Values{"reason": {"they pay after all"}}
	}
}

// What one person proposes to write off another approves; the customer sees it.
func TestWriteOffByForm(t *testing.T) {
	s := newSite(t)
	number := s.Issued(t, httpapitest.Own)
	s.Clock.Advance(35 * 24 * time.Hour)
	ann, bob := s.staff(t, api.RoleEditor), s.staff(t, api.RoleAdmin)
	ann.get(t, "/operator/billing/dunning").want(t, 200, "Propose to write off "+number)
	ann.get(t, "/operator/billing/write-offs?invoice="+number).want(t, 200, "Nothing is written off", number)
	ann.post(t, "/operator/billing/write-offs", url.Values{"invoice": {"2000-1"}, "reason": {"x y z"}}).want(t, 422, "no such invoice")
	ann.post(t, "/operator/billing/write-offs", url.Values{"invoice": {number}, "reason": {"they are bankrupt"}}).want(t, 303)
	ann.get(t, "/operator/billing/write-offs").want(t, 200, "they are bankrupt", "You have proposed this", "Take back the proposal to write off "+number).lacks(t, "Approve the write-off")
	bob.get(t, "/operator/billing/write-offs").want(t, 200, "Approve the write-off of "+number)
	s.staff(t, api.RoleViewer).get(t, "/operator/billing/write-offs").want(t, 200, "they are bankrupt").lacks(t, "Approve the write-off")
	id := ""
	s.System(t, func(ctx context.Context, tx store.Tx) error {
		return tx.QueryRow(ctx, `SELECT id::text FROM write_offs`).Scan(&id)
	})
	ann.post(t, "/operator/billing/write-offs/"+id+"/approve", url.Values{}).want(t, 422, "somebody else has to approve it")
	bob.post(t, "/operator/billing/write-offs/"+id+"/approve", url.Values{}).want(t, 303)
	bob.get(t, "/operator/billing/write-offs").want(t, 200, "Written off", "Approved by")
	viewer := s.person(t, httpapitest.Own, fresh()+"@acme.example", api.RoleViewer)
	viewer.get(t, own+"/invoices/"+number).want(t, 200, "Written off").lacks(t, "bankrupt")
	viewer.get(t, own+"/costs").want(t, 200).lacks(t, "overdue")
}

// The order page of a suspended organization says what to do before anything is typed.
func TestOrderPageOfTheSuspended(t *testing.T) {
	s := newSite(t)
	number := s.Bill(t, httpapitest.Own, "100.00")
	s.get(t, "editor", orderPath).want(t, 200).lacks(t, "suspended")
	s.System(t, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO dunning_steps (invoice_id, organization_id, step, round, taken_on, recorded_at) SELECT id, organization_id, 'suspended', 0, issued_on, recorded_at FROM invoices WHERE number = $1`, number)
		return err
	})
	s.get(t, "editor", orderPath).want(t, 200, "until it has paid invoice "+number+" (CHF 100.00)")
	s.as("viewer").get(t, own+"/invoices").want(t, 200, "until it has paid invoice "+number)
}
