package invoice

import (
	"testing"

	"souk/internal/billing"
	"souk/internal/money"
)

func TestLinesSayWhatTheyAreOf(t *testing.T) {
	for _, c := range []struct {
		line   billing.Line
		en, de string
	}{
		{billing.Line{Instance: "db1", Service: "postgresql", Plan: "small", Item: billing.ItemCompute}, "db1: postgresql small, compute", "db1: postgresql small, Rechenleistung"},
		{billing.Line{Instance: "db1", Service: "postgresql", Plan: "small", Item: billing.ItemStorage, Tier: 2}, "db1: postgresql small, storage (tier 2)", "db1: postgresql small, Speicher (Stufe 2)"},
		{billing.Line{Instance: "db1", Service: "postgresql", Item: billing.ItemMinimum, Of: billing.ItemCompute}, "db1: postgresql, up to the minimum for compute", "db1: postgresql, bis zum Mindestbetrag für Rechenleistung"},
		{billing.Line{Instance: "db1", Service: "postgresql", Item: billing.ItemSetup}, "db1: postgresql, setup", "db1: postgresql, Einrichtung"},
		{billing.Line{Instance: "q1", Service: "nats", Item: "outgoing-traffic"}, "q1: nats, outgoing traffic", "q1: nats, outgoing traffic"},
		{billing.Line{Item: billing.ItemDiscount, Agreement: &billing.Agreement{Name: "Partner 2027", Kind: billing.AgreementPercent, Percent: money.MustParse("12.5")}, Reduces: money.MustParse("80")},
			"Discount: Partner 2027 (12.5 % of 80.00)", "Rabatt: Partner 2027 (12.5 % von 80.00)"},
		{billing.Line{Item: billing.ItemDiscount, Agreement: &billing.Agreement{Name: "Much", Kind: billing.AgreementVolume}, Reduces: money.MustParse("80")}, "Discount: Much (on 80.00)", "Rabatt: Much (auf 80.00)"},
	} {
		for language, want := range map[string]string{"en": c.en, "de": c.de, "fr": c.en} {
			if got := wordsOf(language).text(c.line); got != want {
				t.Errorf("%s: %q, want %q", language, got, want)
			}
		}
	}
}
