package cli

import (
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
	h.server.replies["GET "+all] = api.List[api.WriteOff]{Items: []api.WriteOff{w, paid}}
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
