package httpapi_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/driver"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/store"
)

// inventory are the names of what the operator finds with a query.
func inventory(t *testing.T, e *httpapitest.Env, query url.Values) []string {
	t.Helper()
	var names []string
	for {
		var page api.List[api.Instance]
		e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/operator/instances?" + query.Encode(), Token: e.Token(t, httpapitest.Operator, "", api.RoleViewer)}).Want(t, 200).Decode(t, &page)
		for _, i := range page.Items {
			names = append(names, i.Metadata.Name)
		}
		if page.Next == "" {
			slices.Sort(names)
			return names
		}
		query.Set("cursor", page.Next)
	}
}

func TestInventoryIsFoundByAnyColumn(t *testing.T) {
	e := httpapitest.New(t)
	a := e.Order(t, httpapitest.Own, httpapitest.OwnProject, "alpha")
	e.Report(t, a, driver.StateRunning)
	e.Clock.Advance(48 * time.Hour)
	e.Order(t, httpapitest.Own, httpapitest.SecondProject, "beta")
	e.Order(t, httpapitest.Other, httpapitest.OtherProject, "gamma")
	middle := e.Clock.Now().Add(-24 * time.Hour).Format(time.RFC3339)
	for _, c := range []struct{ query, want string }{
		{"", "alpha beta gamma"}, {"limit=1", "alpha beta gamma"}, {"limit=1&sort=-name", "alpha beta gamma"}, {"limit=2&sort=phase", "alpha beta gamma"},
		{"organization=" + httpapitest.Own, "alpha beta"}, {"organization=nowhere", ""}, {"project=" + httpapitest.SecondProject, "beta"},
		{"organization=" + httpapitest.Other + "&project=" + httpapitest.OtherProject, "gamma"},
		{"q=lph", "alpha"}, {"service=postgresql&plan=small", "alpha beta gamma"}, {"service=mysql", ""}, {"serviceLevel=best-effort", "alpha beta gamma"}, {"serviceLevel=guaranteed", ""},
		{"zone=" + httpapitest.Zone + "&provider=souk", "alpha beta gamma"}, {"provider=nobody", ""}, {"zone=mars", ""},
		{"phase=Ready", "alpha"}, {"phase=Pending", "beta gamma"}, {"from=" + middle, "beta gamma"}, {"to=" + middle, "alpha"},
	} {
		query, _ := url.ParseQuery(c.query)
		if got := strings.Join(inventory(t, e, query), " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.query, got, c.want)
		}
	}
	operator := e.Token(t, httpapitest.Operator, "", api.RoleViewer)
	for _, path := range []string{"/" + uuid.NewString(), "/nonsense", "/" + uuid.NewString() + "/events"} {
		e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/operator/instances" + path, Token: operator}).Want(t, 404)
	}
	e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/operator/instances?from=yesterday", Token: operator}).Want(t, 422)
	e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/operator/instances.csv?to=yesterday", Token: operator}).Want(t, 422)
	got := e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/operator/instances/" + a.ID.String(), Token: operator}).Want(t, 200)
	if strings.Contains(string(got.Body), "assword") {
		t.Errorf("the instance carries a password: %s", got.Body)
	}
}

// The table has every instance once, and no cell that a spreadsheet would carry
// out as a formula.
func TestInventoryTableHoldsNoFormula(t *testing.T) {
	e := httpapitest.New(t)
	e.Order(t, httpapitest.Own, httpapitest.OwnProject, "plain")
	attacks := []string{`=HYPERLINK("http://evil.example","x")`, "+1+1", "-2+3", "@SUM(A1)", "\t=1+1", "  =1+1", "|calc", "say \"hi\", and\nbye"}
	for n, attack := range attacks {
		i := e.Order(t, httpapitest.Own, httpapitest.OwnProject, fmt.Sprintf("attack%d", n))
		e.System(t, func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Exec(ctx, "UPDATE instances SET display_name = $1 WHERE id = $2", attack, i.ID)
			return err
		})
	}
	got := e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/operator/instances.csv?sort=name", Token: e.Token(t, httpapitest.Operator, "", api.RoleViewer)}).Want(t, 200)
	if kind := got.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/csv") {
		t.Errorf("it is %s", kind)
	}
	if !strings.Contains(string(got.Body), "\r\n") || strings.Contains(strings.ReplaceAll(string(got.Body), "\r\n", ""), "\r") {
		t.Error("lines do not end as RFC 4180 has it")
	}
	rows, err := csv.NewReader(strings.NewReader(string(got.Body))).ReadAll()
	if err != nil || len(rows) != len(attacks)+2 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, row := range rows[1:] {
		for _, cell := range row {
			if text := strings.TrimLeft(cell, " "); text != "" && strings.ContainsRune("=+-@\t\r|", rune(text[0])) {
				t.Errorf("a spreadsheet carries out %q", cell)
			}
		}
	}
	if rows[1][2] != "attack0" || rows[1][3] != "'"+attacks[0] || rows[8][3] != attacks[7] {
		t.Errorf("texts are changed more than that: %q, %q", rows[1], rows[8])
	}
}
