package portal_test

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"testing"

	"souk/internal/catalog"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/store"
)

const orderPath = "/o/acme/order/postgresql"

// orderForm is the order page's form as it is when nothing was touched.
func (s *site) orderForm(t testing.TB, name string) url.Values {
	t.Helper()
	p := s.get(t, "editor", orderPath+"?project="+httpapitest.OwnProject).want(t, 200)
	return url.Values{
		"key": {p.field(t, "key")}, "project": {httpapitest.OwnProject}, "name": {name}, "zone": {httpapitest.Zone}, "level": {"best-effort"}, "plan": {"small"},
		"storage": {""}, "networks": {"0.0.0.0/0\n::/0"}, "displayName": {""}, "acceptedPriceList": {p.field(t, "acceptedPriceList")},
	}
}

// orders counts the instances of a name, and what the record says of them.
func (s *site) orders(t testing.TB, name string) (instances, audits int) {
	t.Helper()
	s.System(t, func(ctx context.Context, tx store.Tx) error {
		if err := tx.QueryRow(ctx, "SELECT count(*) FROM instances WHERE name = $1", name).Scan(&instances); err != nil {
			return err
		}
		return tx.QueryRow(ctx, "SELECT count(*) FROM audit_events WHERE action = 'instance.order' AND object_name = $1", name).Scan(&audits)
	})
	return instances, audits
}

// zoneKeepsBackups has the site's zone say whether it can.
func (s *site) zoneKeepsBackups(t *testing.T, can bool) {
	t.Helper()
	s.System(t, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, "UPDATE zone_agents SET info = jsonb_set(info, '{engines,0,backups}', to_jsonb($1::boolean))", can)
		return err
	})
}

func TestOrderPages(t *testing.T) {
	s := newSite(t)
	t.Run("one service leads straight on", func(t *testing.T) {
		if p := s.get(t, "editor", "/o/acme/order").want(t, 303); p.location != orderPath {
			t.Errorf("it leads to %s", p.location)
		}
	})
	t.Run("defaults that work", func(t *testing.T) {
		p := s.get(t, "editor", orderPath+"?project="+httpapitest.EmptyProject).want(t, 200, "CHF", "Connections at most", "0.0.0.0/0")
		p.lacks(t, "Backups: CHF") // none are kept in this zone
		if name := p.field(t, "name"); name != "postgresql-1" {
			t.Errorf("the name is %q", name)
		}
	})
	t.Run("where backups are kept they have a price", func(t *testing.T) {
		s.zoneKeepsBackups(t, true)
		defer s.zoneKeepsBackups(t, false)
		s.get(t, "editor", orderPath).want(t, 200, "Backups: CHF 0.05 a GiB and month")
	})
	t.Run("times go by the zones that are chosen", func(t *testing.T) {
		s.get(t, "editor", orderPath).want(t, 200, "Default: Europe/Zurich")
		form := s.orderForm(t, "elsewhere")
		form.Set("windowZone", "Asia/Tokyo")
		s.post(t, "editor", orderPath+"/price", form).want(t, 200, "Asia/Tokyo")
	})
	t.Run("a double submit orders once", func(t *testing.T) {
		form := s.orderForm(t, "twice")
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				p := s.post(t, "editor", orderPath, form)
				if p.status != 303 || p.location != "/o/acme/p/shop/instances/twice?done=ordered" {
					t.Errorf("it answers %d and leads to %q", p.status, p.location)
				}
			})
		}
		wg.Wait()
		if instances, audits := s.orders(t, "twice"); instances != 1 || audits != 1 {
			t.Errorf("%d instances, %d audit records", instances, audits)
		}
		form.Set("name", "another") // the back button, and another name
		s.post(t, "editor", orderPath, form).want(t, 422, "This form has placed an order already", `value="another"`)
		if instances, _ := s.orders(t, "another"); instances != 0 {
			t.Error("it was ordered")
		}
	})
	t.Run("what is refused is shown beside the field, and what was typed stays", func(t *testing.T) {
		form := s.orderForm(t, "refused")
		form.Set("storage", "999999")
		form.Set("displayName", "Kept as typed")
		form.Set("networks", "203.0.113.0/24\nnowhere")
		form.Set("p.max_connections", "many")
		p := s.post(t, "editor", orderPath, form).want(t, 422, "Kept as typed", "203.0.113.0/24\nnowhere", `value="999999"`, `value="many"`, `value="refused"`)
		for _, id := range []string{"order-storage", "order-networks", "setting-max_connections"} {
			_, after, _ := strings.Cut(p.text, `id="`+id+`-problem">`)
			if text, _, _ := strings.Cut(after, "<"); text == "" {
				t.Errorf("nothing stands beside %s", id)
			}
		}
		if p.field(t, "key") != form.Get("key") {
			t.Error("the key is another")
		}
		if instances, audits := s.orders(t, "refused"); instances+audits != 0 {
			t.Errorf("%d instances, %d audit records", instances, audits)
		}
		form.Set("storage", "ten")
		s.post(t, "editor", orderPath, form).want(t, 422, `value="ten"`, "whole number of GiB")
	})
	t.Run("what works as it is can be chosen otherwise", func(t *testing.T) {
		form := s.orderForm(t, "chosen")
		s.post(t, "editor", orderPath+"/price", form).want(t, 200, "Sun 03:00 Europe/Zurich 2h")
		for name, value := range map[string]string{"backups": "off", "windowDay": "tuesday", "windowAt": "22:15", "windowMinutes": "45", "logDays": "30"} {
			form.Set(name, value)
		}
		s.post(t, "editor", orderPath+"/price", form).want(t, 200, "Tue 22:15 Europe/Zurich 45m", `value="tuesday" selected`, `value="30"`)
		for _, wrong := range [][2]string{{"windowAt", "25:00"}, {"windowMinutes", "5"}, {"logDays", "1000"}, {"logDays", "many"}} {
			right := form.Get(wrong[0])
			form.Set(wrong[0], wrong[1])
			p := s.post(t, "editor", orderPath, form).want(t, 422, `value="`+wrong[1]+`"`)
			_, after, _ := strings.Cut(p.text, `id="option-`+wrong[0]+`-problem">`)
			if text, _, _ := strings.Cut(after, "<"); text == "" {
				t.Errorf("nothing stands beside %s", wrong[0])
			}
			form.Set(wrong[0], right)
		}
		s.post(t, "editor", orderPath, form).want(t, 303)
		var maintenance string
		var days int
		s.System(t, func(ctx context.Context, tx store.Tx) error {
			return tx.QueryRow(ctx, "SELECT maintenance::text, log_days FROM instances WHERE name = 'chosen'").Scan(&maintenance, &days)
		})
		if !strings.Contains(maintenance, `"22:15"`) || !strings.Contains(maintenance, `"tuesday"`) || !strings.Contains(maintenance, "45") || days != 30 {
			t.Errorf("the window is %s, logs are kept for %d days", maintenance, days)
		}
	})
	t.Run("a name that is taken, with the price all the same", func(t *testing.T) {
		s.Order(t, httpapitest.Own, httpapitest.OwnProject, "taken")
		s.post(t, "editor", orderPath, s.orderForm(t, "taken")).want(t, 422, "is taken in project shop already", "for the whole of this month")
	})
	t.Run("prices that changed since are shown, and asked for again", func(t *testing.T) {
		form := s.orderForm(t, "dearer")
		s.System(t, func(ctx context.Context, tx store.Tx) error { return s.dearer(ctx, tx) })
		p := s.post(t, "editor", orderPath, form).want(t, 422, "Prices have changed since you looked", "CHF 0.03")
		if instances, _ := s.orders(t, "dearer"); instances != 0 {
			t.Error("it was ordered")
		}
		form.Set("acceptedPriceList", p.field(t, "acceptedPriceList"))
		s.post(t, "editor", orderPath, form).want(t, 303)
		form = s.orderForm(t, "unseen")
		form.Del("acceptedPriceList")
		s.post(t, "editor", orderPath, form).want(t, 422, "Look at the price first")
	})
	t.Run("the price without a script is a page, and with one its parts", func(t *testing.T) {
		form := s.orderForm(t, "priced")
		form.Set("plan", "large")
		s.post(t, "editor", orderPath+"/price", form).want(t, 200, "<!doctype html>", `value="large" checked`)
		p := s.ask(t, "editor", "POST", orderPath+"/price", form, map[string]string{"HX-Request": "true"}).want(t, 200, "acceptedPriceList")
		p.lacks(t, "<!doctype html>")
	})
	t.Run("script in every text field is text", func(t *testing.T) {
		form := s.orderForm(t, "x")
		const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>`
		for _, field := range []string{"name", "displayName", "storage", "networks", "zone", "level", "plan", "p.max_connections", "p.timezone", "key", "acceptedPriceList"} {
			for _, path := range []string{orderPath, orderPath + "/price"} {
				hostile := url.Values{}
				for k, v := range form {
					hostile[k] = v
				}
				hostile.Set(field, evil)
				p := s.post(t, "editor", path, hostile)
				p.lacks(t, "<script>alert", "<img src=x")
				if p.status >= 500 {
					t.Errorf("%s in %s: %d", evil, field, p.status)
				}
			}
		}
		form = s.orderForm(t, "harmless")
		form.Set("displayName", evil)
		s.post(t, "editor", orderPath, form).want(t, 303)
		s.get(t, "viewer", "/o/acme/instances?project=shop").want(t, 200, "&lt;script&gt;alert").lacks(t, "<script>alert")
	})
	t.Run("a viewer and a stranger order nothing", func(t *testing.T) {
		form := s.orderForm(t, "forbidden")
		s.get(t, "viewer", orderPath).want(t, 403)
		s.post(t, "viewer", orderPath, form).want(t, 403)
		s.post(t, "stranger", orderPath, form).want(t, 404)
		s.post(t, "", orderPath, form).want(t, 303)
		if instances, audits := s.orders(t, "forbidden"); instances+audits != 0 {
			t.Errorf("%d instances, %d audit records", instances, audits)
		}
	})
}

// dearer publishes higher prices for what is on offer.
func (s *site) dearer(ctx context.Context, tx store.Tx) error {
	var provider, zone, revision = store.NewID(), store.NewID(), store.NewID()
	if err := tx.QueryRow(ctx, "SELECT id FROM providers WHERE name = 'souk'").Scan(&provider); err != nil {
		return err
	}
	if err := tx.QueryRow(ctx, "SELECT id FROM zones WHERE name = $1", httpapitest.Zone).Scan(&zone); err != nil {
		return err
	}
	if err := tx.QueryRow(ctx, "SELECT id FROM package_revisions").Scan(&revision); err != nil {
		return err
	}
	prices, err := catalog.PublishPriceList(ctx, tx, provider, "list", "CHF", []catalog.PriceEntry{
		{Service: httpapitest.Service, ServiceLevel: "best-effort", Item: "compute", Unit: "hour", Amount: "0.03"},
		{Service: httpapitest.Service, ServiceLevel: "best-effort", Item: "storage", Unit: "GiB-month", Amount: "0.30"},
	}, s.Clock.Now())
	if err != nil {
		return err
	}
	return catalog.PublishOffering(ctx, tx, httpapitest.Service, zone, revision, prices, "best-effort", s.Clock.Now())
}
