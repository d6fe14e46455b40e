package portal_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// The same service costs other prices in other zones: the service's page, the order
// form and the calculator show each zone its own.
func TestEachZoneShowsItsOwnPrices(t *testing.T) {
	s := newSite(t)
	s.OfferAlso(t, "k8s", "best-effort", "0.0333")
	s.OfferAlso(t, "k8s", "guaranteed", "0.0999")
	hour := map[string]string{"local/best-effort": "CHF 0.02 ", "k8s/best-effort": "CHF 0.0333 ", "k8s/guaranteed": "CHF 0.0999 "}
	s.as("").get(t, "/catalog/postgresql").want(t, http.StatusOK).says(t, "Zone k8s, Best effort", "Zone k8s, Guaranteed availability", "Zone local, Best effort")
	form := s.orderForm(t, "priced")
	for place, price := range hour {
		zone, level := splitPlace(place)
		form.Set("zone", zone)
		form.Set("level", level)
		for other, foreign := range hour {
			p := s.post(t, "editor", orderPath+"/price", form).want(t, http.StatusOK)
			if other == place {
				p.says(t, price+"/ hour")
			} else {
				p.lacks(t, foreign+"/ hour")
			}
		}
		s.as("").get(t, "/pricing?"+url.Values{"service": {"postgresql"}, "place": {place}, "plan": {"small"}, "storage": {"10"}, "hours": {"1"}}.Encode()).want(t, http.StatusOK).says(t, price)
	}
	// Which zones have a level is said where it is chosen; and of a zone that has
	// not, beside it.
	s.as("editor").get(t, orderPath).want(t, http.StatusOK).says(t, "Guaranteed availability (in k8s only)").lacks(t, "Best effort (in")
	form.Set("zone", "local")
	form.Set("level", "guaranteed")
	s.post(t, "editor", orderPath, form).want(t, http.StatusUnprocessableEntity).between(t, `id="order-level-problem">`, "<")
}

// What a service brings may hold otherwise in a zone of another driver; its pages,
// the order form and the instance's page say so.
func TestCapabilitiesThatDifferByZone(t *testing.T) {
	s := newSite(t)
	const local, k8s = "Plan and storage; storage grows only.", "Plan and storage; storage grows only, where the zone&#39;s storage can."
	s.as("").get(t, "/catalog/postgresql").want(t, http.StatusOK).lacks(t, k8s)
	s.OfferAlso(t, "k8s", "best-effort", "0.03")
	if text := s.as("").get(t, "/catalog/postgresql").want(t, http.StatusOK).text; !strings.Contains(text, local) || !strings.Contains(text, k8s) || !strings.Contains(text, "In zone k8s:") {
		t.Errorf("the service's page does not say how the zones differ")
	}
	form := s.orderForm(t, "abroad")
	for zone, says := range map[string]string{"local": local, "k8s": k8s} {
		form.Set("zone", zone)
		if text := s.post(t, "editor", orderPath+"/price", form).want(t, http.StatusOK).text; !strings.Contains(text, says) || !strings.Contains(text, "What it brings in zone "+zone) {
			t.Errorf("the order form does not say what holds in zone %s", zone)
		}
	}
	form.Set("zone", "k8s")
	s.as("editor").post(t, orderPath, form).leads(t, ownInstances+"abroad?done=ordered")
	if text := s.as("viewer").get(t, ownInstances+"abroad").want(t, http.StatusOK).text; !strings.Contains(text, k8s) || !strings.Contains(text, "Kubernetes") {
		t.Errorf("the instance's page does not say what holds in its zone")
	}
	s.running(t, "here")
	s.as("viewer").get(t, ownInstances+"here").want(t, http.StatusOK).says(t, local).lacks(t, k8s)
}

func splitPlace(place string) (zone, level string) {
	zone, level, _ = strings.Cut(place, "/")
	return zone, level
}
