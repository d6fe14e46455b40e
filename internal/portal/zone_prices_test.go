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
	// A level that the zone does not have is said beside it.
	form.Set("zone", "local")
	s.post(t, "editor", orderPath, form).want(t, http.StatusUnprocessableEntity).between(t, `id="order-level-problem">`, "<")
}

func splitPlace(place string) (zone, level string) {
	zone, level, _ = strings.Cut(place, "/")
	return zone, level
}
