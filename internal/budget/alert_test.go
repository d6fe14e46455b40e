package budget

import (
	"context"
	"strings"
	"testing"
	"time"

	"souk/internal/store"
)

// The alert channels are told when thresholds are reached, each time of the same alert,
// and once it is over: the budget was raised, its month has ended, or it was deleted.
func TestAlertsOfThresholds(t *testing.T) {
	for name, c := range map[string]struct {
		lift       func(w *world)
		over       bool // in place of told of again
		told, open int
	}{
		"raised above what is spent": {func(w *world) { w.set("everything", "5000", "") }, true, 3, 0},
		"raised, and reached again":  {func(w *world) { w.set("everything", "15", "") }, false, 3, 1},
		"the month ends":             {func(w *world) { w.after(31 * 24 * time.Hour) }, true, 4, 1}, // the forecast of the next
		"deleted": {func(w *world) {
			if err := w.As(w.t, w.Acme, func(tx store.Tx) error { return w.budgets.Delete(w.t.Context(), tx, w.Acme, "everything") }); err != nil {
				w.t.Fatal(err)
			}
		}, true, 3, 0},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			w := newWorld(t)
			var told []Alert
			w.budgets.Tell = func(_ context.Context, _ store.Tx, a Alert, _ time.Time) error {
				told = append(told, a)
				return nil
			}
			w.Ready(t, "db1") // CHF 0.02 an hour, and 10 GiB
			w.set("everything", "10", "")
			w.after(time.Hour)
			w.after(240 * time.Hour)
			w.after(241 * time.Hour)
			if len(told) != 2 || told[0].ID != told[1].ID || told[1].Over || !strings.Contains(told[0].Summary, "forecast") || !strings.Contains(told[1].Summary, "50 % of the budget are spent") {
				t.Fatalf("told of %+v", told)
			}
			c.lift(w)
			for range 2 {
				w.carryOut()
			}
			if len(told) != c.told || told[2].ID != told[0].ID || !told[2].Since.Equal(told[0].Since) || told[2].Over != c.over {
				t.Errorf("then told of %+v", told[2:])
			}
			if n := w.Count(t, "budget_alerts"); n != c.open {
				t.Errorf("%d alerts are open", n)
			}
		})
	}
}
