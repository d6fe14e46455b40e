package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"souk/api"
	"souk/internal/driver"
	"souk/internal/httpapi/httpapitest"
)

func TestCostReport(t *testing.T) {
	env := httpapitest.New(t)
	token := env.Token(t, httpapitest.Own, "", api.RoleBilling)
	for _, project := range []string{httpapitest.OwnProject, httpapitest.SecondProject} {
		env.Report(t, env.Order(t, httpapitest.Own, project, "db"), driver.StateRunning)
	}
	env.Clock.Advance(time.Hour)
	ask := func(query string) httpapitest.Response {
		return env.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/organizations/" + httpapitest.Own + "/cost/report" + query, Token: token})
	}
	var r api.CostReport
	ask("?by=project").Want(t, http.StatusOK).Decode(t, &r)
	if len(r.Groups) != 2 || r.Total.Amount != "0.04" || r.Groups[0].Amount.Amount != "0.02" || r.Forecast == nil || r.Groups[1].Forecast == nil || r.From != r.To {
		t.Errorf("by project: %+v", r)
	}
	ask("?by=instance&limit=1").Want(t, http.StatusOK).Decode(t, &r)
	if len(r.Groups) != 1 || r.Others == nil || r.Others.Count != 1 || r.Others.Amount.Amount != "0.02" || r.Groups[0].Project == "" {
		t.Errorf("by instance, cut to one: %+v", r)
	}
	ask("?by=service&project="+httpapitest.OwnProject).Want(t, http.StatusOK).Decode(t, &r)
	if r.Total.Amount != "0.02" {
		t.Errorf("of one project: %+v", r)
	}
	if text := string(ask(".csv?by=project").Want(t, http.StatusOK).Body); !strings.HasPrefix(text, "project,amount,currency,forecast\r\n") || strings.Count(text, "\r\n") != 3 {
		t.Errorf("as a table: %q", text)
	}
	for query, field := range map[string]string{"?by=provider": "query.by", "?from=2026-13": "query.from", "?to=2999-01": "query.to", "?labels=x": "query.labels", "?by=day&from=2010-01&to=2010-12": "query.by"} {
		if p := ask(query).Want(t, http.StatusUnprocessableEntity).Problem(t); len(p.Errors) != 1 || p.Errors[0].Location != field {
			t.Errorf("%s: %+v", query, p)
		}
	}
}
