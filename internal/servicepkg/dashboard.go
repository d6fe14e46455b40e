package servicepkg

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Dashboard is what is shown of an instance's figures, in this order.
type Dashboard struct {
	Panels []Panel `json:"panels"`
}

// Panel is one chart.
type Panel struct {
	Title       string       `json:"title"`
	Description string       `json:"description"`
	Unit        string       `json:"unit"` // one of Units
	Queries     []PanelQuery `json:"queries"`
}

// PanelQuery is one PromQL expression over the instance's own series.
type PanelQuery struct {
	Expr   string `json:"expr"`   // Rate stands in it for the span of a rate
	Legend string `json:"legend"` // {{LABEL}} stands for the value of a label
}

// Rate stands in an expression for the span over which a rate is taken.
const Rate = "{{RATE}}"

// Units that a panel's values can have.
var Units = []string{"cores", "bytes", "bytesPerSecond", "count", "perSecond", "ratio", "seconds"}

// Check says what is wrong with a dashboard.
func (d *Dashboard) Check() error {
	if len(d.Panels) == 0 {
		return errors.New("the dashboard has no panels")
	}
	for _, p := range d.Panels {
		if p.Title == "" || p.Description == "" || len(p.Queries) == 0 || !slices.Contains(Units, p.Unit) {
			return fmt.Errorf("the dashboard's panel %q needs a title, a description, queries, and a unit of %s", p.Title, strings.Join(Units, ", "))
		}
		for _, q := range p.Queries {
			if q.Expr == "" || q.Legend == "" {
				return fmt.Errorf("the dashboard's panel %q has a query without expr or legend", p.Title)
			}
		}
	}
	return nil
}
