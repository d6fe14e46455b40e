package httpapi_test

import (
	"context"
	"testing"

	"souk/api"
	"souk/api/client"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/instance"
	"souk/internal/store"
)

// What there is already is listed first, unless only changes are asked for; both
// then tell of changes.
func TestWatchBeginsWithWhatThereIsOrNot(t *testing.T) {
	e := httpapitest.New(t)
	go e.Server.Feed.Run(t.Context())
	there := e.Ready(t, httpapitest.Own, httpapitest.OwnProject)
	c, err := client.New(e.URL, client.WithToken(e.Token(t, httpapitest.Own, "", api.RoleViewer)))
	if err != nil {
		t.Fatal(err)
	}
	p := c.Organization(httpapitest.Own).Project(httpapitest.OwnProject)
	protected := false
	for name, test := range map[string]struct {
		watch  func(yield func(client.InstanceEvent, error) bool)
		before int
	}{
		"all":                         {p.Watch(t.Context(), client.ListOptions{}), 1},
		"one":                         {p.WatchInstance(t.Context(), there.Name), 1},
		"only changes":                {p.Changes(t.Context(), ""), 0},
		"only changes of an instance": {p.Changes(t.Context(), there.Name), 0},
	} {
		t.Run(name, func(t *testing.T) {
			before, synced := 0, false
			for event, err := range test.watch {
				switch {
				case err != nil:
					t.Fatal(err)
				case event.Synced:
					synced = true
					e.Act(t, there, func(ctx context.Context, tx store.Tx, s *instance.Service) (instance.View, error) {
						protected = !protected
						return s.Protect(ctx, tx, there.Place, there.Name, protected)
					})
				case synced:
					if before != test.before {
						t.Errorf("%d instances came before, want %d", before, test.before)
					}
					return
				default:
					before++
				}
			}
		})
	}
}
