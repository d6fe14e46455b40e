//go:build crashtest

package repricing

import (
	"context"
	"testing"

	"souk/api"
	"souk/internal/step/steptest"
)

func init() {
	steptest.Process(func(ctx context.Context, w steptest.World) error {
		s := &Service{Clock: w.Clock, Mail: w.Mail}
		return w.UntilNone(ctx, s.TellDue)
	})
}

// A control plane is killed after it has told one organization, and the next one goes on
// with the other: each mail is written once.
func TestKilledAfterEachStep(t *testing.T) {
	steptest.EachStep(t, "repricing/", func(t *testing.T, pass steptest.Pass) {
		w := newWorld(t)
		w.publish("now", func(p []api.ListPrice) []api.ListPrice { p[3].Amount = "0.25"; return p })
		pass(w.Config, w.Clock.Now(), func() {
			if n := w.Count(t, "price_notices WHERE told_at IS NOT NULL"); n != 1 {
				t.Errorf("%d organizations were told before", n)
			}
		})
		if n, people := w.Count(t, "mails"), w.Count(t, "(SELECT DISTINCT recipient FROM mails) r"); n != 3 || people != 3 {
			t.Errorf("%d mails to %d people", n, people)
		}
	})
}
