package portal_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"souk/internal/driver"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/instance"
	"souk/internal/store"
)

const ownInstances = own + "/p/" + httpapitest.OwnProject + "/instances/"

// audited counts what the audit log says of an object.
func (s *site) audited(t testing.TB, action, object string) (n int) {
	t.Helper()
	s.System(t, func(ctx context.Context, tx store.Tx) error {
		return tx.QueryRow(ctx, "SELECT count(*) FROM audit_events WHERE action = $1 AND object_name = $2", action, object).Scan(&n)
	})
	return n
}

// running makes an instance that answers its clients, and returns its page.
func (s *site) running(t testing.TB, name string) (*httpapitest.Instance, string) {
	t.Helper()
	i := s.Order(t, httpapitest.Own, httpapitest.OwnProject, name)
	s.Report(t, i, driver.StateRunning)
	return i, ownInstances + name
}

// reported takes in that all that is wanted of the instance is carried out.
func (s *site) reported(t testing.TB, i *httpapitest.Instance, state driver.State) {
	t.Helper()
	s.Act(t, i, func(ctx context.Context, tx store.Tx, service *instance.Service) (instance.View, error) {
		return service.ByID(ctx, tx, i.ID)
	})
	s.Report(t, i, state)
}

func TestConnectBox(t *testing.T) {
	s := newSite(t)
	t.Run("before there is an address", func(t *testing.T) {
		s.Order(t, httpapitest.Own, httpapitest.OwnProject, "young")
		editor := s.as("editor")
		editor.get(t, ownInstances+"young").want(t, 200, "Pending").says(t, "How to connect stands here as soon as it is ready.").lacks(t, "Show the password")
		editor.get(t, ownInstances+"young/ca.pem").want(t, 404)
		editor.post(t, ownInstances+"young/reveal", nil).want(t, 422)
	})
	_, path := s.running(t, "db")
	t.Run("what is not secret is there at once", func(t *testing.T) {
		for _, who := range []string{"viewer", "editor"} {
			s.as(who).get(t, path).want(t, 200).says(t, "127.0.0.1", "5432", "default_1", "Ready: Answers its clients.",
				`psql "host=127.0.0.1 port=5432 dbname=app user=default_1 sslmode=verify-full sslrootcert=db-ca.pem"`, "pgx.Connect", "import psycopg", "pg.Client").
				lacks(t, "postgresql://", "PGPASSWORD", "{{")
			if ca := s.as(who).get(t, path+"/ca.pem").want(t, 200); ca.text != "PEM" || !strings.Contains(ca.header.Get("Content-Disposition"), "db-ca.pem") {
				t.Errorf("the authority is %q, %v", ca.text, ca.header)
			}
		}
		if n := s.audited(t, "credential.reveal", "db"); n != 0 {
			t.Errorf("%d reveals are recorded", n)
		}
	})
	t.Run("the password is shown when asked for, and that is recorded", func(t *testing.T) {
		shown := s.as("editor").post(t, path+"/reveal", nil).want(t, 200, "You can see the password")
		uri := shown.between(t, "postgresql://", "</code>")
		password := shown.between(t, "export PGPASSWORD=&#39;", "&#39;")
		if len(password) < 16 || !strings.Contains(uri, password) || shown.header.Get("Cache-Control") != "no-store" {
			t.Errorf("the password is %q, the URL %q, the header %v", password, uri, shown.header)
		}
		if n := s.audited(t, "credential.reveal", "db"); n != 1 {
			t.Errorf("%d reveals are recorded", n)
		}
		s.as("editor").get(t, path).want(t, 200).lacks(t, password)
	})
	t.Run("to those who may not, never", func(t *testing.T) {
		s.as("viewer").get(t, path).lacks(t, "Show the password").says(t, "Your role does not see passwords.")
		s.as("viewer").post(t, path+"/reveal", nil).want(t, 403).lacks(t, "PGPASSWORD")
		s.as("stranger").post(t, path+"/reveal", nil).want(t, 404)
		if n := s.audited(t, "credential.reveal", "db"); n != 1 {
			t.Errorf("%d reveals are recorded", n)
		}
	})
}

// An instance of several servers shows them, and where each runs.
func TestMembersOfAnInstance(t *testing.T) {
	s := newSite(t)
	i, path := s.running(t, "db")
	s.as("viewer").get(t, path).want(t, 200).says(t, "simulated").lacks(t, `id="members"`)
	s.Report(t, i, driver.StateDegraded, func(o *driver.Observation) {
		o.Members = []driver.Member{{Name: "db-1", Role: driver.RoleReplica, FailureDomain: "zone-1"}, {Name: hostile, Role: driver.RolePrimary, Ready: true, FailureDomain: "zone-2"}}
	})
	s.as("viewer").get(t, path).want(t, 200).says(t, "Servers", "db-1", "Replica", "zone-1", "Not ready", hostile, "Primary", "zone-2", "Ready").lacks(t, "<script>alert")
}

func TestBindingPages(t *testing.T) {
	s := newSite(t)
	i, path := s.running(t, "db")
	path += "/bindings"
	editor := s.as("editor")
	editor.post(t, path, url.Values{"name": {hostile}}).want(t, 422).says(t, hostile).lacks(t, "<script>alert").between(t, `id="name-problem">`, "<")
	editor.post(t, path, url.Values{"name": {"reporting"}}).leads(t, path+"?done=binding-created")
	s.reported(t, i, driver.StateRunning)
	editor.post(t, path, url.Values{"name": {"reporting"}}).want(t, 422).between(t, `id="name-problem">`, "<")
	editor.get(t, path).want(t, 200).says(t, "reporting", "reporting_2")

	password := editor.post(t, path+"/reporting/reveal", nil).want(t, 200).says(t, "Credentials of reporting").between(t, "export PGPASSWORD=&#39;", "&#39;")
	editor.get(t, path).lacks(t, password)
	if n := s.audited(t, "credential.reveal", "db"); n != 1 {
		t.Errorf("%d reveals are recorded", n)
	}
	editor.post(t, path+"/reporting/rotate", url.Values{"overlap": {"86400"}}).leads(t, path+"?done=binding-rotated")
	until := s.Clock.Now().Add(24 * time.Hour)
	editor.get(t, path).says(t, "reporting_3", "The old log-in works until", until.In(zurich(t)).Format("2006-01-02 15:04"))
	editor.post(t, path+"/reporting/rotate", url.Values{"overlap": {"-1"}}).want(t, 422)

	editor.post(t, path+"/reporting/revoke", nil).want(t, 422).says(t, "Confirm that the binding is to end.", "reporting_3")
	editor.post(t, path+"/reporting/revoke", url.Values{"sure": {"on"}}).leads(t, path+"?done=binding-revoked")
	if n := s.audited(t, "binding.revoke", "db"); n != 1 {
		t.Errorf("%d revocations are recorded", n)
	}
	viewer := s.as("viewer")
	viewer.get(t, path).want(t, 200).says(t, "default_1").lacks(t, `action="`+path)
	viewer.post(t, path, url.Values{"name": {"mine"}}).want(t, 403)
	viewer.post(t, path+"/default/rotate", nil).want(t, 403)
	viewer.post(t, path+"/default/reveal", nil).want(t, 403)
}

func zurich(t *testing.T) *time.Location {
	zone, err := time.LoadLocation("Europe/Zurich")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// No agent is connected: the page says so, and goes on being a page.
func TestLogPageWithoutItsZone(t *testing.T) {
	s := newSite(t)
	_, path := s.running(t, "db")
	s.as("viewer").get(t, path+"/logs?q="+url.QueryEscape(hostile)).want(t, 200).says(t, hostile).lacks(t, "<script>alert", "data-log")
	if p := s.as("viewer").get(t, path+"/logs/stream"); p.status != http.StatusServiceUnavailable {
		t.Errorf("the stream answers %d", p.status)
	}
}

func TestDangerZone(t *testing.T) {
	s := newSite(t)
	i, path := s.running(t, "db")
	editor := s.as("editor")
	act := func(action, to string) {
		t.Helper()
		editor.post(t, path+"/"+action, nil).leads(t, path+to+"?done="+action)
	}
	act("protect", "/settings")
	editor.get(t, path+"/settings").says(t, "It cannot be deleted while it is protected.").lacks(t, `action="`+path+`/delete"`)
	editor.post(t, path+"/delete", url.Values{"name": {"db"}}).want(t, 422).says(t, "rotected")
	act("unprotect", "/settings")

	act("suspend", "")
	s.reported(t, i, driver.StateStopped)
	editor.get(t, path).want(t, 200).says(t, "Suspended. Its data is kept, and only the storage is billed.", "Resume")
	act("resume", "")

	editor.post(t, path+"/delete", url.Values{"name": {"bd"}}).want(t, 422, `value="bd"`).says(t, "Type exactly db to delete it.")
	editor.post(t, path+"/delete", url.Values{"name": {hostile}}).want(t, 422).lacks(t, "<script>alert")
	editor.post(t, path+"/delete", url.Values{"name": {"db"}}).leads(t, path+"?done=deleted")
	s.reported(t, i, driver.StateStopped)
	until := s.Clock.Now().Add(7 * 24 * time.Hour).In(zurich(t)).Format("2006-01-02 15:04")
	for _, tab := range []string{"", "/settings"} {
		editor.get(t, path+tab).want(t, 200, `action="`+path+`/undelete"`).says(t, until)
	}
	editor.get(t, path+"/settings").says(t, "It is deleted. Bring it back to change it.")
	act("undelete", "")
	editor.get(t, path).lacks(t, until, "/undelete")

	viewer := s.as("viewer")
	viewer.get(t, path+"/settings").want(t, 200).lacks(t, "Danger zone", `action="`+path+`/suspend"`)
	for _, action := range []string{"protect", "unprotect", "suspend", "resume", "undelete", "delete"} {
		viewer.post(t, path+"/"+action, url.Values{"name": {"db"}}).want(t, 403)
	}
}

// changeForm is the settings form of an instance as a browser has it, untouched.
func (b *browser) changeForm(t testing.TB, path string) url.Values {
	t.Helper()
	return b.get(t, path+"/settings").want(t, 200).changeForm(t)
}

func (p page) changeForm(t testing.TB) url.Values {
	t.Helper()
	form := url.Values{"etag": {p.field(t, "etag")}, "base": {p.field(t, "base")}}
	shown, err := url.ParseQuery(p.field(t, "base"))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range shown {
		form[name] = []string{strings.ReplaceAll(values[0], "\n", "\r\n")}
	}
	return form
}

// looked sends the form to be shown what it changes, and has what comes of it.
func (b *browser) looked(t testing.TB, path string, form url.Values) page {
	t.Helper()
	p := b.post(t, path+"/settings/preview", form).want(t, 200)
	form.Set("seen", p.field(t, "seen"))
	form.Set("acceptedPriceList", p.field(t, "acceptedPriceList"))
	return p
}

func TestSettings(t *testing.T) {
	s := newSite(t)
	_, path := s.running(t, "db")
	editor := s.as("editor")
	t.Run("what a change does and costs is shown before it is made", func(t *testing.T) {
		form := editor.changeForm(t, path)
		form.Set("storage", "20")
		form.Set("p.work_mem", "4096")
		form.Set("displayName", hostile)
		editor.looked(t, path, form).says(t, "The whole of this month", "Storage in GiB", "16.88", "CHF 18.88", hostile).lacks(t, "<script>alert")
		if n := s.audited(t, "instance.update", "db"); n != 0 {
			t.Fatalf("%d changes were made by looking", n)
		}
		editor.post(t, path+"/settings", form).leads(t, path+"?done=changed")
		if n := s.audited(t, "instance.update", "db"); n != 1 {
			t.Errorf("%d changes are recorded", n)
		}
		if form := editor.changeForm(t, path); form.Get("storage") != "20" || form.Get("p.work_mem") != "4096" || form.Get("displayName") != hostile {
			t.Errorf("it is %v", form)
		}
	})
	t.Run("what was not looked at is shown first", func(t *testing.T) {
		form := editor.changeForm(t, path)
		form.Set("storage", "30")
		editor.post(t, path+"/settings", form).want(t, 200).says(t, "Make this change")
		editor.looked(t, path, form)
		form.Set("storage", "300")
		editor.post(t, path+"/settings", form).want(t, 200).says(t, "Make this change")
		if form := editor.changeForm(t, path); form.Get("storage") != "20" {
			t.Errorf("it is %v", form)
		}
	})
	t.Run("what is wrong stands beside its field, and what was typed stays", func(t *testing.T) {
		form := editor.changeForm(t, path)
		form.Set("storage", "999999")
		form.Set("networks", "10.0.0.0/8\r\nnowhere")
		form.Set("p.max_connections", hostile)
		for _, to := range []string{"/settings", "/settings/preview"} {
			p := editor.post(t, path+to, form).want(t, 422, `value="999999"`, "nowhere").says(t, hostile).lacks(t, "<script>alert")
			for _, id := range []string{"order-storage", "order-networks", "setting-max_connections"} {
				if p.between(t, `id="`+id+`-problem">`, "<") == "" {
					t.Errorf("nothing stands beside %s", id)
				}
			}
		}
	})
	t.Run("a script gets the parts that change", func(t *testing.T) {
		form := editor.changeForm(t, path)
		form.Set("plan", "medium")
		p := s.ask(t, "editor", "POST", path+"/settings/preview", form, map[string]string{"HX-Request": "true"}).want(t, 200, "Make this change", "medium")
		p.lacks(t, "<!doctype html>")
	})
	t.Run("a viewer looks only", func(t *testing.T) {
		viewer := s.as("viewer")
		viewer.get(t, path+"/settings").want(t, 200).says(t, "Your role can look at the settings, not change them.").lacks(t, "/settings/preview")
		form := viewer.changeForm(t, path)
		form.Set("storage", "40")
		viewer.post(t, path+"/settings", form).want(t, 403)
		viewer.post(t, path+"/settings/preview", form).want(t, 403)
	})
}

// Two tabs edit one instance: the second is told what the first changed, keeps
// what was typed, and takes nothing back.
func TestTwoTabs(t *testing.T) {
	s := newSite(t)
	_, path := s.running(t, "db")
	first, second := s.as("editor"), s.as("admin")
	one, two := first.changeForm(t, path), second.changeForm(t, path)
	two.Set("displayName", "Second")
	second.looked(t, path, two)

	one.Set("storage", "20")
	one.Set("networks", "10.0.0.0/8")
	first.looked(t, path, one)
	first.post(t, path+"/settings", one).leads(t, path+"?done=changed")

	told := second.post(t, path+"/settings", two).want(t, http.StatusPreconditionFailed, `value="Second"`).
		says(t, "Somebody has changed this instance since you opened this page.", "Storage in GiB", "10.0.0.0/8")
	if n := s.audited(t, "instance.update", "db"); n != 1 {
		t.Fatalf("%d changes are recorded", n)
	}
	again := told.changeForm(t)
	again.Set("displayName", "Second")
	again.Set("seen", told.field(t, "seen"))
	again.Set("acceptedPriceList", told.field(t, "acceptedPriceList"))
	second.post(t, path+"/settings", again).leads(t, path+"?done=changed")
	if now := first.changeForm(t, path); now.Get("storage") != "20" || now.Get("networks") != "10.0.0.0/8" || now.Get("displayName") != "Second" {
		t.Errorf("a change is lost: %v", now)
	}
}
