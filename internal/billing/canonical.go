package billing

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// canonicalLine is all of a line that counts. What may be named otherwise later is not
// in it.
type canonicalLine struct {
	Project      uuid.UUID `json:"project"`
	Instance     uuid.UUID `json:"instance"`
	PlanRevision uuid.UUID `json:"planRevision"`
	PriceList    uuid.UUID `json:"priceList"`
	ServiceLevel string    `json:"serviceLevel"`
	Item         Item      `json:"item"`
	Of           Item      `json:"of,omitempty"`
	Tier         int       `json:"tier,omitempty"`
	Agreement    string    `json:"agreement,omitempty"`
	Unit         Unit      `json:"unit"`
	Price        string    `json:"price"`
	Currency     string    `json:"currency"`
	Used         string    `json:"used"`
	Microseconds int64     `json:"microseconds"`
	Quantity     string    `json:"quantity"`
	Amount       string    `json:"amount"`
}

// Canonical returns what counts of the lines as JSON, in an order of its own: the same
// charges give the same bytes, whatever was renamed or moved since.
func Canonical(lines []Line) []byte {
	texts := make([]string, len(lines))
	for i, l := range lines {
		agreement := ""
		if l.Agreement != nil {
			agreement = l.Agreement.ID.String()
		}
		raw, err := json.Marshal(canonicalLine{Project: l.ProjectID, Instance: l.InstanceID, PlanRevision: l.PlanRevision, PriceList: l.PriceList, ServiceLevel: l.ServiceLevel,
			Item: l.Item, Of: l.Of, Tier: l.Tier, Agreement: agreement, Unit: l.Unit, Price: l.Price.String(), Currency: l.Currency, Used: l.Used.String(), Microseconds: l.Billed.Microseconds(),
			Quantity: l.Quantity(), Amount: l.Amount.String()})
		if err != nil {
			panic(err) // strings and numbers only
		}
		texts[i] = string(raw)
	}
	slices.Sort(texts)
	return []byte("[" + strings.Join(texts, ",") + "]")
}
