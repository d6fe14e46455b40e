package portal_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"souk/internal/driver"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/instance"
	"souk/internal/store"
)

const bulkPath = own + "/instances/bulk"

func bulkForm(action string, names ...string) url.Values {
	return url.Values{"project": {httpapitest.OwnProject}, "action": {action}, "name": names, "back": {own + "/instances?project=shop&q=db"}}
}

// sorted are the names below each of the page's two headings.
func (p page) sorted() (fit, others string) {
	main, rest, _ := strings.Cut(p.main(), `id="others"`)
	for _, name := range []string{"db-1", "db-2", "db-3"} {
		if strings.Contains(main, `value="`+name+`"`) {
			fit += name + " "
		}
		if strings.Contains(rest, ">"+name+"<") {
			others += name + " "
		}
	}
	return fit, others
}

func TestBulk(t *testing.T) {
	s := newSite(t)
	editor := s.as("editor")
	all := []string{"db-1", "db-2", "db-3"}
	made := map[string]*httpapitest.Instance{}
	for _, name := range all {
		made[name], _ = s.running(t, name)
	}
	report := func(state driver.State) {
		for _, i := range made {
			s.reported(t, i, state)
		}
	}
	s.Act(t, made["db-3"], func(ctx context.Context, tx store.Tx, service *instance.Service) (instance.View, error) {
		return service.Protect(ctx, tx, made["db-3"].Place, "db-3", true)
	})
	list := editor.get(t, own+"/instances?project=shop").want(t, 200)
	for _, name := range all {
		list.between(t, `form="bulk" name="name" value="`+name+`"`, ">")
	}
	for _, step := range []struct {
		action      string
		fit, others string
		after       driver.State
	}{
		{"suspend", "db-1 db-2 db-3 ", "", driver.StateStopped},
		{"suspend", "", "db-1 db-2 db-3 ", driver.StateStopped},
		{"resume", "db-1 db-2 db-3 ", "", driver.StateRunning},
		{"protect", "db-1 db-2 ", "db-3 ", driver.StateRunning},
		{"delete", "", "db-1 db-2 db-3 ", driver.StateRunning},
		{"unprotect", "db-1 db-2 db-3 ", "", driver.StateRunning},
		{"undelete", "", "db-1 db-2 db-3 ", driver.StateRunning},
		{"delete", "db-1 db-2 db-3 ", "", driver.StateStopped},
		{"suspend", "", "db-1 db-2 db-3 ", driver.StateStopped},
		{"undelete", "db-1 db-2 db-3 ", "", driver.StateRunning},
	} {
		form := bulkForm(step.action, all...)
		asked := editor.get(t, bulkPath+"?"+form.Encode()).want(t, 200)
		if fit, others := asked.sorted(); fit != step.fit || others != step.others {
			t.Errorf("%s asks about %q and leaves %q", step.action, fit, others)
		}
		if step.fit == "" {
			continue
		}
		if step.action == "delete" {
			editor.post(t, bulkPath, form).want(t, 422).says(t, "Confirm that these are to be deleted.")
			form.Set("sure", "on")
		}
		editor.post(t, bulkPath, form).leads(t, own+"/instances?done=bulk-"+step.action+"&project=shop&q=db")
		report(step.after)
	}
	t.Run("what is marked twice, or gone, or nothing at all", func(t *testing.T) {
		asked := editor.get(t, bulkPath+"?"+bulkForm("suspend", "db-1", "db-1", "nobody").Encode()).want(t, 200)
		if n := strings.Count(asked.main(), `name="name"`); n != 1 {
			t.Errorf("it asks about %d", n)
		}
		editor.get(t, bulkPath+"?"+bulkForm("suspend").Encode()).want(t, 200).says(t, "Nothing to do")
	})
	t.Run("what nobody can mark", func(t *testing.T) {
		var many []string
		for n := range 51 {
			many = append(many, fmt.Sprint("db-", n))
		}
		for _, form := range []url.Values{bulkForm("reveal", "db-1"), bulkForm("suspend", many...), bulkForm(hostile, hostile)} {
			editor.get(t, bulkPath+"?"+form.Encode()).want(t, 400).lacks(t, "<script>alert")
			editor.post(t, bulkPath, form).want(t, 400)
		}
		evil := bulkForm("suspend", "db-1")
		evil.Set("back", "https://evil.example/")
		editor.get(t, bulkPath+"?"+evil.Encode()).want(t, 200).lacks(t, "evil.example")
		if p := editor.post(t, bulkPath, evil).want(t, 303); p.location != own+"/instances?done=bulk-suspend" {
			t.Errorf("it leads to %s", p.location)
		}
	})
	t.Run("who only reads has no marks, and changes nothing", func(t *testing.T) {
		s.as("viewer").get(t, own+"/instances?project=shop").want(t, 200).lacks(t, `form="bulk"`)
		s.as("viewer").get(t, bulkPath+"?"+bulkForm("suspend", "db-2").Encode()).want(t, 403)
		s.as("viewer").post(t, bulkPath, bulkForm("suspend", "db-2")).want(t, 403)
		s.as("stranger").post(t, bulkPath, bulkForm("suspend", "db-2")).want(t, 404)
		if n := s.audited(t, "instance.suspend", "db-2"); n != 1 {
			t.Errorf("%d suspensions are recorded", n)
		}
	})
}

// What one instance refuses does not keep the others from it, and is said.
func TestBulkWithRefusals(t *testing.T) {
	s := newSite(t)
	for _, name := range []string{"db-1", "db-2"} {
		i, _ := s.running(t, name)
		s.Act(t, i, func(ctx context.Context, tx store.Tx, service *instance.Service) (instance.View, error) {
			return service.Delete(ctx, tx, i.Place, i.Name, func(int64) error { return nil })
		})
		s.reported(t, i, driver.StateStopped)
	}
	s.System(t, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, "UPDATE organizations SET quota_instances = 1 WHERE name = 'acme'")
		return err
	})
	s.as("editor").post(t, bulkPath, bulkForm("undelete", "db-1", "db-2")).want(t, 422).says(t, "One was refused:", "db-2", "One is done:", "db-1", "quota")
}
