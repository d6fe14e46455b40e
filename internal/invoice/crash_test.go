//go:build crashtest

package invoice

import (
	"context"
	"strings"
	"testing"
	"time"

	"souk/internal/step/steptest"
)

func init() {
	steptest.Process(func(ctx context.Context, w steptest.World) error {
		months := &Service{Clock: w.Clock, Mail: w.Mail}
		return w.UntilNone(ctx, months.CloseDue)
	})
}

// A process that is killed after any step leaves the rest to the next one, which neither
// loses nor doubles anything.
func TestKilledAfterEachStep(t *testing.T) {
	n := steptest.EachStep(t, "invoice/", func(t *testing.T, pass steptest.Pass) {
		w := newWorld(t)
		w.address(w.Acme.Organization, asIs)
		w.Ready(t, "db1")
		w.Until(w.MonthEnd().Add(25 * time.Hour))
		pass(w.Config, w.Clock.Now())
		d := w.documents(w.Acme.Organization)
		if len(d) != 1 || !strings.HasSuffix(d[0].Number, "-000001") {
			t.Fatalf("closed %v", w.closed(w.Acme.Organization))
		}
		w.filesOf(d[0].Number)
		if n := w.Count(t, "mails WHERE topic = $1", "invoice "+d[0].Number); n != 1 {
			t.Errorf("%d mails", n)
		}
		w.balanced()
	})
	if want := 1 + len(stages); n != want {
		t.Errorf("%d steps are registered, want %d", n, want)
	}
}
