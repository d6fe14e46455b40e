package httpapi_test

import (
	"strings"
	"testing"

	"souk/api"
	"souk/internal/driver"
	"souk/internal/httpapi/httpapitest"
)

// A webhook's secret is in the answer that makes it, and nowhere else; nor is an
// address.
func TestChannelSecretIsShownOnce(t *testing.T) {
	e := httpapitest.New(t)
	admin := e.Token(t, httpapitest.Own, "", api.RoleAdmin)
	create := httpapitest.Request{Method: "POST", Path: own.path("/alert-channels"), Token: admin, Key: "one",
		Body: api.AlertChannelCreate{Name: "ops", Kind: "webhook", URL: "https://hooks.example.com/hidden"}}
	var made, again api.AlertChannel
	e.Do(t, create).Want(t, 201).Decode(t, &made)
	if !strings.HasPrefix(made.Secret, "whsec_") || made.Target != "hooks.example.com" {
		t.Errorf("made %+v", made)
	}
	e.Do(t, create).Want(t, 201).Decode(t, &again)
	if again.Secret != "" || again.Name != "ops" {
		t.Errorf("a repeat answers %+v", again)
	}
	for _, path := range []string{"/alert-channels", "/audit", "/alert-deliveries"} {
		text := string(e.Do(t, httpapitest.Request{Method: "GET", Path: own.path(path), Token: admin}).Want(t, 200).Body)
		if strings.Contains(text, made.Secret) || strings.Contains(text, "hidden") {
			t.Errorf("%s shows it: %s", path, text)
		}
	}
	create.Key = ""
	e.Do(t, create).Want(t, 409)
}

// Whoever has a role in one project sees the alerts there, and no channels.
func TestAlertsOfOneProject(t *testing.T) {
	e := httpapitest.New(t)
	failed := e.Order(t, httpapitest.Own, httpapitest.OwnProject, "failed")
	e.Report(t, failed, driver.StateFailed)
	if err := e.Alerts.EvaluateDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	for project, want := range map[string]int{"": 1, httpapitest.OwnProject: 1, httpapitest.SecondProject: 0} {
		token := e.Token(t, httpapitest.Own, project, api.RoleViewer)
		var list api.List[api.Alert]
		e.Do(t, httpapitest.Request{Method: "GET", Path: own.path("/alerts"), Token: token}).Want(t, 200).Decode(t, &list)
		if len(list.Items) != want {
			t.Errorf("in project %q: %+v, want %d", project, list.Items, want)
		}
		if project != "" {
			e.Do(t, httpapitest.Request{Method: "GET", Path: own.path("/alert-channels"), Token: token}).Want(t, 403)
		}
	}
}
