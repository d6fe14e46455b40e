package servicepkg_test

import (
	"strings"
	"testing"

	"souk/api"
	"souk/internal/metrics"
	"souk/internal/servicepkg"
	"souk/services/all"
)

// Every alert names a runbook that is there, has no place left to fill in, and asks
// in PromQL for one value an instance.
func TestEveryAlertHasItsRunbook(t *testing.T) {
	values := servicepkg.RunbookValues{Organization: "acme", Project: "shop", Instance: "db1", Plan: "small", StorageGiB: 10, Endpoint: api.Endpoint{Host: "h", Port: 5432, Database: "d"}}
	for service, p := range all.Packages() {
		seen := map[string]bool{}
		for _, a := range p.AllAlerts() {
			if seen[a.Name] {
				t.Errorf("%s has two alerts %s", service, a.Name)
			}
			seen[a.Name] = true
			text, found := p.Runbook(a.Runbook, values)
			if !found || !strings.HasPrefix(text, "# ") || strings.Contains(text, "{{") || !strings.Contains(text, "souk ") {
				t.Errorf("%s: the alert %s leads to no runbook %s that can be used:\n%s", service, a.Name, a.Runbook, text)
			}
			if a.Expr != "" && !strings.Contains(a.Expr, metrics.LabelID) {
				t.Errorf("%s: the alert %s does not keep the label %s", service, a.Name, metrics.LabelID)
			}
		}
	}
}

func TestWhatIsSaid(t *testing.T) {
	bound := 0.85
	a := servicepkg.Alert{Above: &bound, Unit: "ratio", Summary: "It is {{VALUE}} full."}
	if got := a.Say(0.9555); got != "It is 95 % full." {
		t.Errorf("said %q", got)
	}
	for value, want := range map[float64]string{90: "1m30s", 47 * 60 * 60: "47h0m0s", 20.9 * 24 * 60 * 60: "20 days"} {
		if got := (servicepkg.Alert{Unit: "seconds", Summary: "{{VALUE}}"}).Say(value); got != want {
			t.Errorf("of %v seconds it is said %q, want %q", value, got, want)
		}
	}
	if !a.Holds(0.86) || a.Holds(0.85) || a.Holds(0) {
		t.Error("it does not hold above its bound only")
	}
	if _, err := servicepkg.ReadAlerts([]byte("alerts: [{ name: x, title: X, severity: warning, expr: up, unit: ratio, for: 5m, summary: s, runbook: r }]")); err == nil {
		t.Error("an alert without a bound is read")
	}
}
