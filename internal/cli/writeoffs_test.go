package cli

import (
	"net/http"
	"strings"
	"testing"

	"souk/api"
)

func TestWriteOffs(t *testing.T) {
	h := newTerminal(t)
	const all = "/operator/write-offs"
	w := api.WriteOff{ID: "w1", Organization: "acme", Invoice: "2026-000012", Amount: "100.00", Recovered: "0.00", Currency: "CHF", Reason: "they are bankrupt", State: "proposed", ProposedBy: "ann@operator.example", ProposedAt: now}
	paid := w
	paid.ID, paid.State, paid.Recovered, paid.DecidedBy = "w2", "approved", "40.00", "bob@operator.example"
	h.server.replies["GET "+all] = twoPages(w, paid)
	out, _ := h.expect(0, "billing", "write-offs")
	want := `ID  INVOICE      ORGANIZATION  AMOUNT      STATE                      PROPOSED BY           DECIDED BY            REASON
w1  2026-000012  acme          CHF 100.00  proposed                   ann@operator.example  -                     they are bankrupt
w2  2026-000012  acme          CHF 100.00  approved, 40.00 recovered  ann@operator.example  bob@operator.example  they are bankrupt
`
	if out != want {
		t.Errorf("%s\nwant %s", out, want)
	}
	h.server.replies["POST "+all] = w
	h.expect(2, "billing", "write-offs", "propose", "2026-000012")
	said, _ := h.expect(0, "billing", "write-offs", "propose", "2026-000012", "--reason", "they are bankrupt")
	if !strings.Contains(said, "CHF 100.00 of invoice 2026-000012; somebody else has to approve it") {
		t.Errorf("%s", said)
	}
	for _, verb := range []string{"approve", "refuse"} {
		h.server.replies["POST "+all+"/w1/"+verb] = paid
		h.expect(0, "billing", "write-offs", verb, "w1")
	}
	h.server.replies["POST "+all+"/w2/reverse"] = paid
	h.expect(2, "billing", "write-offs", "reverse", "w2")
	h.expect(0, "billing", "write-offs", "reverse", "w2", "--reason", "it was another")
}

// twoPages answers with a listing of two items, one on each page.
func twoPages[T any](first, second T) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("cursor") == "more" {
			answer(w, 200, api.List[T]{Items: []T{second}})
			return
		}
		answer(w, 200, api.List[T]{Items: []T{first}, Next: "more"})
	}
}

func TestCredits(t *testing.T) {
	h := newTerminal(t)
	c := api.ServiceCredit{Organization: "acme", Project: "shop", Instance: "db1", ServiceLevel: "best-effort", Amount: "2.00", Currency: "CHF", Invoice: "2026-000012",
		CreditEvidence: api.CreditEvidence{Month: "2026-11", Availability: "98", Below: "99", Percent: "10", Charged: "20.00"}}
	older := c
	older.Month, older.Instance = "2026-10", "db2"
	h.server.replies["GET /organizations/acme/service-credits"] = twoPages(c, older)
	h.server.replies["GET /operator/service-credits"] = twoPages(c, older)
	out, _ := h.expect(0, "credits")
	want := `MONTH    PROJECT  INSTANCE  AVAILABLE  BELOW  GIVES BACK  OF     AMOUNT    INVOICE
2026-11  shop     db1       98 %       99 %   10 %        20.00  CHF 2.00  2026-000012
2026-10  shop     db2       98 %       99 %   10 %        20.00  CHF 2.00  2026-000012
`
	if out != want {
		t.Errorf("%s\nwant %s", out, want)
	}
	out, _ = h.expect(0, "billing", "credits", "--month", "2026-11")
	has(t, out, "db1", "db2", "best-effort")
	if q := h.server.requests[len(h.server.requests)-1].query; !strings.Contains(q, "month=2026-11") || !strings.Contains(q, "cursor=more") {
		t.Errorf("asked for %s", q)
	}
}
