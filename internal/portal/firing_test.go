package portal_test

import (
	"context"
	"strings"
	"testing"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/store"
)

// An instance's page says what the matter is with it, and with no other, and leads to
// what to do.
func TestFiringAlertsOnTheInstancesPage(t *testing.T) {
	s := newSite(t)
	ill, well := s.made(t), s.made(t)
	viewer := s.person(t, httpapitest.Own, fresh()+"@acme.example", api.RoleViewer)
	s.System(t, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO alerts (id, organization_id, project_id, instance_id, name, title, severity, summary, runbook, state, pending_since, firing_since)
			VALUES ($1, $2, $3, $4, 'storage-filling', 'Storage is filling up', 'warning', 'The storage is 86 % full.', 'storage', 'firing', $5, $5)`,
			store.NewID(), ill.Place.Organization, ill.Place.Project, ill.ID, s.Clock.Now())
		return err
	})
	viewer.get(t, ownInstances+ill.Name).want(t, 200).says(t, "The storage is 86 % full.", ownInstances+ill.Name+"/runbooks/storage")
	if page := viewer.get(t, ownInstances+well.Name).want(t, 200); strings.Contains(page.text, "86 %") {
		t.Error("another instance's page says it too")
	}
}
