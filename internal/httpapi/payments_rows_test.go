package httpapi_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/qrbill"
	"souk/internal/store"
)

var paymentRows = map[string]row{
	"operator-bank-files-import": {operator: editors, request: func(t *testing.T, e *httpapitest.Env, _ place) httpapitest.Request {
		e.Issuer(t)
		return bankFile(freshName(), "5.00", "", "")
	}},
	"operator-bank-files": {operator: readers, request: get("/api/v1/operator/bank-files")},
	"operator-payments":   {operator: readers, request: get("/api/v1/operator/payments?state=unmatched")},
	"operator-payments-get": {operator: readers, request: func(t *testing.T, e *httpapitest.Env, _ place) httpapitest.Request {
		return httpapitest.Request{Method: http.MethodGet, Path: "/api/v1/operator/payments/" + unmatched(t, e)}
	}},
	"operator-payments-assign": {operator: editors, request: func(t *testing.T, e *httpapitest.Env, _ place) httpapitest.Request {
		return post("/api/v1/operator/payments/"+unmatched(t, e)+"/assign", api.PaymentAssign{Organization: httpapitest.Own})
	}},
	"operator-payments-undo": {operator: editors, request: func(t *testing.T, e *httpapitest.Env, _ place) httpapitest.Request {
		return post("/api/v1/operator/payments/"+unmatched(t, e)+"/undo", api.PaymentReason{Reason: "a mistake"})
	}},
	"operator-payments-refund": {operator: editors, request: func(t *testing.T, e *httpapitest.Env, _ place) httpapitest.Request {
		return post("/api/v1/operator/payments/"+unmatched(t, e)+"/refund", api.PaymentReason{Reason: "was not for us"})
	}},
}

// bankFile is a statement of one payment.
func bankFile(key, amount, reference, text string) httpapitest.Request {
	said := "<Ustrd>" + text + "</Ustrd>"
	if reference != "" {
		said = "<Strd><CdtrRefInf><Ref>" + reference + "</Ref></CdtrRefInf></Strd>"
	}
	return httpapitest.Request{Method: http.MethodPost, Path: "/api/v1/operator/bank-files", Header: map[string]string{"Content-Type": "application/xml"}, Body: fmt.Sprintf(
		`<Document><BkToCstmrStmt><GrpHdr><MsgId>%[1]s</MsgId></GrpHdr><Stmt><Id>%[1]s</Id><Acct><Id><IBAN>%[2]s</IBAN></Id></Acct>
		<Ntry><Amt Ccy="CHF">%[3]s</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-12-04</Dt></BookgDt><AcctSvcrRef>%[1]s</AcctSvcrRef><NtryDtls><TxDtls><RmtInf>%[4]s</RmtInf></TxDtls></NtryDtls></Ntry>
		</Stmt></BkToCstmrStmt></Document>`, key, httpapitest.IssuerIBAN, amount, said)}
}

// unmatched is the ID of a payment that nobody knows what it is for.
func unmatched(t *testing.T, e *httpapitest.Env) string {
	t.Helper()
	e.Issuer(t)
	key := freshName()
	q := bankFile(key, "5.00", "", "hello")
	q.Token = e.Token(t, httpapitest.Operator, "", api.RoleOwner)
	e.Do(t, q).Want(t, http.StatusOK)
	var id string
	e.System(t, func(ctx context.Context, tx store.Tx) error {
		return tx.QueryRow(ctx, `SELECT id::text FROM bank_transactions WHERE key = $1`, key).Scan(&id)
	})
	return id
}

// A bank's file by the API: what it paid, what is left, and what was wrong with it.
func TestBankFiles(t *testing.T) {
	e := httpapitest.New(t)
	e.Issuer(t)
	number := e.Bill(t, httpapitest.Own, "100.00")
	reference, err := qrbill.CreditorReference(strings.ReplaceAll(number, "-", ""))
	if err != nil {
		t.Fatal(err)
	}
	token := e.Token(t, httpapitest.Operator, "", api.RoleEditor)
	do := func(q httpapitest.Request) httpapitest.Response { q.Token = token; return e.Do(t, q) }

	var out api.BankImport
	do(bankFile("A", "100.00", reference, "")).Want(t, http.StatusOK).Decode(t, &out)
	if out.New != 1 || out.Findings["matched"] != 1 {
		t.Errorf("imported: %+v", out)
	}
	again := api.BankImport{}
	do(bankFile("A", "100.00", reference, "")).Want(t, http.StatusOK).Decode(t, &again)
	if !again.Again || again.File.ID != out.File.ID {
		t.Errorf("imported again: %+v", again)
	}
	p := do(bankFile("B", "1OO", "", "")).Want(t, http.StatusUnprocessableEntity).Problem(t)
	if len(p.Errors) != 1 || p.Errors[0].Location != "body" || !strings.Contains(p.Errors[0].Message, "Stmt[1]/Ntry[1]/Amt") {
		t.Errorf("a malformed file: %+v", p)
	}
	large := bankFile("C", "1.00", "", strings.Repeat("x", 2<<20))
	do(large).Want(t, http.StatusOK) // larger than other requests may be

	var list api.List[api.Payment]
	do(httpapitest.Request{Method: http.MethodGet, Path: "/api/v1/operator/payments?limit=2"}).Want(t, http.StatusOK).Decode(t, &list)
	if len(list.Items) != 2 || list.Items[1].State != "taken" || list.Items[1].Taken[0].Invoice != number || list.Next != "" {
		t.Errorf("payments: %+v", list)
	}
}
