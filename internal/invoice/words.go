package invoice

import (
	"fmt"
	"strings"

	"souk/internal/billing"
)

// lineWords are what lines say in a language.
type lineWords struct {
	items               map[billing.Item]string
	minimum, tier       string
	discount, share, on string
	adjustment, of, and string
	evidence            string // in mails
}

var lineLanguages = map[string]lineWords{
	"en": {
		items:   map[billing.Item]string{billing.ItemCompute: "compute", billing.ItemStorage: "storage", billing.ItemBackupStorage: "backup storage", billing.ItemSetup: "setup"},
		minimum: "up to the minimum for %s", tier: "%s (tier %d)",
		discount: "Discount: %s (%s)", share: "%s %% of %s", on: "on %s",
		adjustment: "Adjustment %s: %s", of: " (invoice %s)", and: " (invoice %s, line %d)",
		evidence: "It gives back what the SLA report of %s proves. The report is attached, and here: %s",
	},
	"de": {
		items:   map[billing.Item]string{billing.ItemCompute: "Rechenleistung", billing.ItemStorage: "Speicher", billing.ItemBackupStorage: "Speicher für Sicherungen", billing.ItemSetup: "Einrichtung"},
		minimum: "bis zum Mindestbetrag für %s", tier: "%s (Stufe %d)",
		discount: "Rabatt: %s (%s)", share: "%s %% von %s", on: "auf %s",
		adjustment: "Berichtigung %s: %s", of: " (Rechnung %s)", and: " (Rechnung %s, Position %d)",
		evidence: "Sie gibt zurück, was der SLA-Bericht von %s belegt. Der Bericht ist angehängt, und hier: %s",
	},
}

// wordsOf returns those of a language; of any other than "de" they are English.
func wordsOf(language string) lineWords {
	if w, known := lineLanguages[language]; known {
		return w
	}
	return lineLanguages["en"]
}

// text is what a line is of: "db1: postgresql small, compute".
func (w lineWords) text(l billing.Line) string {
	if l.Agreement != nil {
		return w.agreed(l)
	}
	item := w.item(l.Item)
	if l.Item == billing.ItemMinimum {
		item = fmt.Sprintf(w.minimum, w.item(l.Of))
	}
	if l.Tier > 0 {
		item = fmt.Sprintf(w.tier, item, l.Tier)
	}
	what := strings.TrimSpace(l.Service + " " + l.Plan)
	if what != "" {
		item = what + ", " + item
	}
	if l.Instance != "" {
		item = l.Instance + ": " + item
	}
	return item
}

// agreed is what a discount is by: "Discount: Partner 2027 (12.5 % of 80.00)".
func (w lineWords) agreed(l billing.Line) string {
	how := fmt.Sprintf(w.on, l.Reduces)
	if l.Agreement.Kind == billing.AgreementPercent {
		how = fmt.Sprintf(w.share, l.Agreement.Percent.Decimal(), l.Reduces)
	}
	return fmt.Sprintf(w.discount, l.Agreement.Name, how)
}

// item names one; a meter by its own name.
func (w lineWords) item(of billing.Item) string {
	if words, known := w.items[of]; known {
		return words
	}
	return strings.ReplaceAll(string(of), "-", " ")
}

// adjusted is the text of an adjustment of a line of an earlier month; number is "" where
// that month had no invoice, and line 0 where its invoice had no such line.
func (w lineWords) adjusted(month, text, number string, line int) string {
	out := fmt.Sprintf(w.adjustment, month, text)
	switch {
	case number != "" && line > 0:
		return out + fmt.Sprintf(w.and, number, line)
	case number != "":
		return out + fmt.Sprintf(w.of, number)
	}
	return out
}
