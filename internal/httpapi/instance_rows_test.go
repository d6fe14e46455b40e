package httpapi_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/driver"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/instance"
	"souk/internal/store"
)

var catalogRows = map[string]row{
	"services-list":  {everyone: true, request: get("/api/v1/services")},
	"services-get":   {everyone: true, request: get("/api/v1/services/" + httpapitest.Service)},
	"services-price": {everyone: true, request: get("/api/v1/services/" + httpapitest.Service + "/price?plan=small&storageGiB=20&hours=100")},
	"zones-list":     {everyone: true, request: get("/api/v1/zones")},
}

var instanceRows = map[string]row{
	"instances-list": {may: readers, request: onInstances("GET", nil)},
	"instances-order": {may: editors, request: func(_ *testing.T, _ *httpapitest.Env, at place) httpapitest.Request {
		order := api.InstanceOrder{Spec: spec()}
		order.Metadata.Name = freshName()
		return httpapitest.Request{Method: "POST", Path: at.inProject("/instances"), Body: order}
	}},
	"instances-get":    {may: readers, request: onReady("GET", "")},
	"instances-events": {may: readers, request: onReady("GET", "/events")},
	"instances-cost":   {may: everyRole, request: onReady("GET", "/cost")},
	// No agent is connected, which only those learn who may read the logs.
	"instances-logs":            {may: readers, success: http.StatusServiceUnavailable, request: onReady("GET", "/logs")},
	"instances-metrics":         {may: readers, request: onReady("GET", "/metrics")},
	"instances-metrics-grafana": {may: readers, request: onReady("GET", "/metrics/grafana")},
	"instances-metrics-scrape":  {may: readers, request: onReady("GET", "/metrics/scrape")},

	"instances-put":       {may: editors, request: onInstance("PUT", "", api.InstancePut{Spec: spec()}, ready)},
	"instances-patch":     {may: editors, request: onInstance("PATCH", "", map[string]any{"spec": map[string]any{"displayName": "renamed"}}, ready)},
	"instances-delete":    {may: editors, request: onInstance("DELETE", "", nil, ready)},
	"instances-protect":   {may: editors, request: onInstance("POST", "/protect", nil, ready)},
	"instances-unprotect": {may: editors, request: onInstance("POST", "/unprotect", nil, protected)},
	"instances-undelete":  {may: editors, request: onInstance("POST", "/undelete", nil, deleted)},
	"instances-suspend": {may: editors, operator: editors, request: onInstance("POST", "/suspend", nil, ready),
		staff: onInstance("POST", "/suspend", api.SuspendRequest{Reason: instance.SuspendedByAbuse}, ready)},
	"instances-resume": {may: editors, operator: editors, request: onInstance("POST", "/resume", nil, suspended(instance.SuspendedByUser)),
		staff: onInstance("POST", "/resume", api.SuspendRequest{Reason: instance.SuspendedByAbuse}, suspended(instance.SuspendedByAbuse))},

	"backups-list": {may: readers, request: onReady("GET", "/backups")},
	"backups-get":  {may: readers, request: ofBackup},
	"backups-summary": {may: readers, request: func(_ *testing.T, _ *httpapitest.Env, at place) httpapitest.Request {
		return httpapitest.Request{Method: "GET", Path: at.inProject("/backups")}
	}},
	"backups-delete": {may: editors, request: ofCompletedBackup},
	"backups-create": {may: editors, request: onInstance("POST", "/backups", nil, keepingBackups)},

	"restores-list":          {may: readers, request: onReady("GET", "/restores")},
	"restores-get":           {may: readers, request: ofRestore(true)},
	"restores-create":        {may: editors, request: ofRestore(false)},
	"drills-list":            {may: readers, request: onReady("GET", "/drills")},
	"drills-get":             {may: readers, request: ofDrill("")},
	"drills-certificate":     {may: readers, request: ofDrill("/certificate")},
	"drills-certificate-pdf": {may: readers, request: ofDrill("/certificate.pdf")},
	"drills-create":          {may: editors, request: onInstance("POST", "/drills", nil, backedUp)},

	"bindings-list":         {may: readers, request: onReady("GET", "/bindings")},
	"bindings-get":          {may: readers, request: onReady("GET", "/bindings/default")},
	"bindings-create":       {may: editors, request: onInstance("POST", "/bindings", api.BindingCreate{Name: "reporting"}, ready)},
	"bindings-rotate":       {may: editors, request: onInstance("POST", "/bindings/default/rotate", nil, ready)},
	"bindings-revoke":       {may: editors, request: onInstance("DELETE", "/bindings/extra", nil, bound("extra"))},
	"bindings-credentials":  {may: editors, request: onReady("POST", "/bindings/default/credentials")},
	"instances-credentials": {may: editors, request: onReady("POST", "/credentials")},

	"organization-cost":            {may: everyRole, anyProject: true, request: ofCosts("/cost")},
	"organization-cost-report":     {may: everyRole, anyProject: true, request: ofCosts("/cost/report")},
	"organization-cost-report-csv": {may: everyRole, anyProject: true, request: ofCosts("/cost/report.csv")},
	"organization-cost-summary":    {may: everyRole, anyProject: true, request: ofCosts("/cost/summary")},
}

var operatorRows = map[string]row{
	"operator-instances":        {operator: readers, request: get("/api/v1/operator/instances")},
	"operator-instances-csv":    {operator: readers, request: get("/api/v1/operator/instances.csv")},
	"operator-instances-get":    {operator: readers, request: inInventory("")},
	"operator-instances-events": {operator: readers, request: inInventory("/events")},
	"operator-stuck":            {operator: readers, request: get("/api/v1/operator/stuck")},
	"operator-burns":            {operator: readers, request: get("/api/v1/operator/burns")},
	"operator-burns-runbook": {operator: readers, request: func(t *testing.T, env *httpapitest.Env, at place) httpapitest.Request {
		return httpapitest.Request{Method: "GET", Path: "/api/v1/operator/burns/" + env.Burns(t, env.Ready(t, at.organization, at.project)) + "/runbook"}
	}},
	"operator-zones":         {operator: readers, request: get("/api/v1/operator/zones")},
	"operator-organizations": {operator: readers, request: get("/api/v1/operator/organizations")},
	"operator-organizations-get": {operator: readers, request: func(_ *testing.T, _ *httpapitest.Env, at place) httpapitest.Request {
		return httpapitest.Request{Method: "GET", Path: "/api/v1/operator/organizations/" + at.organization}
	}},
	"operator-view-start": {operator: admins, request: func(_ *testing.T, _ *httpapitest.Env, at place) httpapitest.Request {
		return httpapitest.Request{Method: "POST", Path: "/api/v1/operator/organizations/" + at.organization + "/view", Body: api.ViewStart{Reason: "a ticket of theirs"}}
	}},
	"operator-view-end": {operator: admins, request: func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		token := e.NewToken(t, httpapitest.Operator, "", api.RoleOwner, e.Clock.Now().Add(time.Hour), nil)
		return httpapitest.Request{Method: "DELETE", Path: "/api/v1/operator/views/" + e.View(t, token, at.organization)}
	}},
	"operator-audit-segments": {operator: readers, request: get("/api/v1/operator/audit/segments")},
	"operator-clock":          {operator: readers, request: get("/api/v1/operator/clock")},
	"operator-clock-advance": {operator: admins, request: func(*testing.T, *httpapitest.Env, place) httpapitest.Request {
		return httpapitest.Request{Method: "POST", Path: "/api/v1/operator/clock/advance", Body: api.ClockAdvance{Seconds: 1}}
	}},
	"operator-zone-enrol": {operator: editors, request: request("POST", "/api/v1/operator/zones/"+httpapitest.Zone+"/enrol")},
}

// inInventory is for a request about an instance of any organization.
func inInventory(rest string) func(*testing.T, *httpapitest.Env, place) httpapitest.Request {
	return func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		return httpapitest.Request{Method: "GET", Path: "/api/v1/operator/instances/" + e.Ready(t, at.organization, at.project).ID.String() + rest}
	}
}

// ofCosts asks for the costs of the place's project.
func ofCosts(path string) func(*testing.T, *httpapitest.Env, place) httpapitest.Request {
	return func(_ *testing.T, _ *httpapitest.Env, at place) httpapitest.Request {
		return httpapitest.Request{Method: "GET", Path: at.path(path + "?project=" + at.project)}
	}
}

func spec() api.InstanceSpec {
	return api.InstanceSpec{Service: httpapitest.Service, DisplayName: "mine"}
}

func onInstances(method string, body any) func(*testing.T, *httpapitest.Env, place) httpapitest.Request {
	return func(_ *testing.T, _ *httpapitest.Env, at place) httpapitest.Request {
		return httpapitest.Request{Method: method, Path: at.inProject("/instances"), Body: body}
	}
}

// onReady is for a request that leaves its instance as it is.
func onReady(method, rest string) func(*testing.T, *httpapitest.Env, place) httpapitest.Request {
	return func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		return httpapitest.Request{Method: method, Path: at.inProject("/instances/" + e.Ready(t, at.organization, at.project).Name + rest)}
	}
}

// onInstance is for a request about a fresh instance that was made ready for it.
func onInstance(method, rest string, body any, made func(*testing.T, *httpapitest.Env, *httpapitest.Instance)) func(*testing.T, *httpapitest.Env, place) httpapitest.Request {
	return func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		i := e.Order(t, at.organization, at.project, freshName())
		made(t, e, i)
		q := httpapitest.Request{Method: method, Path: at.inProject("/instances/" + i.Name + rest), Body: body}
		if method == http.MethodPatch {
			q.Header = map[string]string{"Content-Type": "application/merge-patch+json"}
		}
		return q
	}
}

func ready(t *testing.T, e *httpapitest.Env, i *httpapitest.Instance) {
	e.Report(t, i, driver.StateRunning)
}

func protected(t *testing.T, e *httpapitest.Env, i *httpapitest.Instance) {
	e.Act(t, i, func(ctx context.Context, tx store.Tx, s *instance.Service) (instance.View, error) {
		return s.Protect(ctx, tx, i.Place, i.Name, true)
	})
}

func deleted(t *testing.T, e *httpapitest.Env, i *httpapitest.Instance) {
	e.Act(t, i, func(ctx context.Context, tx store.Tx, s *instance.Service) (instance.View, error) {
		return s.Delete(ctx, tx, i.Place, i.Name, func(int64) error { return nil })
	})
}

func suspended(reason string) func(*testing.T, *httpapitest.Env, *httpapitest.Instance) {
	return func(t *testing.T, e *httpapitest.Env, i *httpapitest.Instance) {
		e.Act(t, i, func(ctx context.Context, tx store.Tx, s *instance.Service) (instance.View, error) {
			return s.Suspend(ctx, tx, i.Place, i.Name, reason)
		})
	}
}

func bound(name string) func(*testing.T, *httpapitest.Env, *httpapitest.Instance) {
	return func(t *testing.T, e *httpapitest.Env, i *httpapitest.Instance) {
		e.Act(t, i, func(ctx context.Context, tx store.Tx, s *instance.Service) (instance.View, error) {
			if _, err := s.CreateBinding(ctx, tx, i.Place, i.Name, name); err != nil {
				return instance.View{}, err
			}
			return s.ByID(ctx, tx, i.ID)
		})
	}
}

// keepsBackups has the environment's zone say that it can.
func keepsBackups(t *testing.T, e *httpapitest.Env) {
	e.System(t, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, "UPDATE zone_agents SET info = jsonb_set(info, '{engines,0,backups}', 'true')")
		return err
	})
}

// keepingBackups is for an instance that runs and whose backups are kept.
func keepingBackups(t *testing.T, e *httpapitest.Env, i *httpapitest.Instance) {
	keepsBackups(t, e)
	on := true
	e.Act(t, i, func(ctx context.Context, tx store.Tx, s *instance.Service) (instance.View, error) {
		no := false
		put := api.InstancePut{Spec: api.InstanceSpec{Service: httpapitest.Service, Protected: &no, Backup: &api.BackupSpec{Enabled: &on}}}
		return s.Update(ctx, tx, i.Place, i.Name, put, func(int64) error { return nil })
	})
	ready(t, e, i)
}

// backedUp is for an instance that runs and has a backup.
func backedUp(t *testing.T, e *httpapitest.Env, i *httpapitest.Instance) {
	keepingBackups(t, e, i)
	e.System(t, func(ctx context.Context, tx store.Tx) error {
		if _, err := tx.Exec(ctx, "UPDATE zone_agents SET info = jsonb_set(info, '{engines,0,drills}', 'true')"); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO backups (id, organization_id, instance_id, kind, state, created_at, started_at, finished_at, started_real, finished_real)
			SELECT gen_random_uuid(), organization_id, id, 'scheduled', 'completed', created_at, created_at, created_at, created_at, created_at FROM instances WHERE id = $1`, i.ID)
		return err
	})
}

// ofDrill is for a request about a restore drill that has passed.
func ofDrill(rest string) func(*testing.T, *httpapitest.Env, place) httpapitest.Request {
	return func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		i := e.Order(t, at.organization, at.project, freshName())
		backedUp(t, e, i)
		id := uuid.New()
		e.System(t, func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO drills (id, organization_id, instance_id, backup_id, kind, state, created_at, started_at, finished_at)
				SELECT $1, organization_id, instance_id, id, 'requested', 'passed', created_at, created_at, created_at FROM backups WHERE instance_id = $2`, id, i.ID)
			return err
		})
		for more := true; more; {
			var err error
			if more, err = e.CertifyDrill(t); err != nil {
				t.Fatal(err)
			}
		}
		return httpapitest.Request{Method: "GET", Path: at.inProject("/instances/" + i.Name + "/drills/" + id.String() + rest)}
	}
}

// ofRestore is for a request for a restore in place, or about one that was asked for.
func ofRestore(asked bool) func(*testing.T, *httpapitest.Env, place) httpapitest.Request {
	return func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		i := e.Order(t, at.organization, at.project, freshName())
		backedUp(t, e, i)
		in := api.RestoreInPlace{Confirm: i.Name}
		e.System(t, func(ctx context.Context, tx store.Tx) error {
			if _, err := tx.Exec(ctx, "UPDATE zone_agents SET info = jsonb_set(info, '{engines,0,inPlace}', 'true')"); err != nil {
				return err
			}
			return tx.QueryRow(ctx, "SELECT id::text FROM backups WHERE instance_id = $1", i.ID).Scan(&in.Backup)
		})
		path := at.inProject("/instances/" + i.Name + "/restores")
		if !asked {
			return httpapitest.Request{Method: "POST", Path: path, Body: in}
		}
		e.Act(t, i, func(ctx context.Context, tx store.Tx, s *instance.Service) (instance.View, error) {
			w, err := s.RestoreInPlace(ctx, tx, i.Place, i.Name, in)
			if err != nil {
				return instance.View{}, err
			}
			path += "/" + w.ID
			return s.ByID(ctx, tx, i.ID)
		})
		return httpapitest.Request{Method: "GET", Path: path}
	}
}

// ofCompletedBackup is for the deletion of a backup.
func ofCompletedBackup(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
	i := e.Order(t, at.organization, at.project, freshName())
	backedUp(t, e, i)
	var id string
	e.System(t, func(ctx context.Context, tx store.Tx) error {
		return tx.QueryRow(ctx, "SELECT id::text FROM backups WHERE instance_id = $1", i.ID).Scan(&id)
	})
	return httpapitest.Request{Method: "DELETE", Path: at.inProject("/instances/" + i.Name + "/backups/" + id)}
}

// ofBackup is for a request about a backup that was asked for.
func ofBackup(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
	i := e.Order(t, at.organization, at.project, freshName())
	keepingBackups(t, e, i)
	var id string
	e.Act(t, i, func(ctx context.Context, tx store.Tx, s *instance.Service) (instance.View, error) {
		b, err := s.BackUp(ctx, tx, i.Place, i.Name)
		if err != nil {
			return instance.View{}, err
		}
		id = b.ID
		return s.ByID(ctx, tx, i.ID)
	})
	return httpapitest.Request{Method: "GET", Path: at.inProject("/instances/" + i.Name + "/backups/" + id)}
}
