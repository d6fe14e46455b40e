package portal_test

import (
	"net/http"
	"net/url"
	"testing"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
)

// zoneTyped is a form for a zone that can be made.
func zoneTyped(name string) url.Values {
	return url.Values{"name": {name}, "title": {"A cluster"}, "provider": {"souk"}, "driver": {"kubernetes"}, "domains": {"b\na\n\nc"},
		"cpu": {"16.5"}, "memory": {"64"}, "storage": {"500"}, "instances": {"100"}}
}

func TestMakingAZone(t *testing.T) {
	s := newSite(t)
	owner := s.staff(t, api.RoleOwner)
	owner.get(t, "/operator/zones").want(t, http.StatusOK).says(t, "New zone")
	owner.get(t, "/operator/zones/new").want(t, http.StatusOK).says(t, "Souk", "Kubernetes")
	owner.post(t, "/operator/zones", zoneTyped("k8s")).leads(t, "/operator/zones?done=zone-made#zone-k8s")
	owner.get(t, "/operator/zones").want(t, http.StatusOK).says(t, "k8s", "A cluster", "a, b, c", "No agent yet", "Nothing is offered in this zone.")
	owner.post(t, "/operator/zones", zoneTyped("k8s")).leads(t, "/operator/zones?done=zone-made#zone-k8s") // a double submit

	for field, c := range map[string]struct{ typed, id string }{
		"name": {"My zone", "zone-name"}, "title": {"a\nb", "zone-title"}, "provider": {"mars", "zone-provider"}, "driver": {hostile, "zone-driver"}, "domains": {"a\na", "zone-domains"},
		"cpu": {"-1", "zone-cpu"}, "memory": {hostile, "zone-memory"}, "storage": {"0", "zone-storage"}, "instances": {"", "zone-instances"},
	} {
		form := zoneTyped("other")
		form.Set(field, c.typed)
		p := owner.post(t, "/operator/zones", form).want(t, http.StatusUnprocessableEntity).lacks(t, "<script>alert")
		p.between(t, `id="`+c.id+`-problem">`, "<")
	}
	taken := zoneTyped("k8s")
	taken.Set("storage", "501")
	owner.post(t, "/operator/zones", taken).want(t, http.StatusUnprocessableEntity, `value="501"`).between(t, `id="zone-name-problem">`, "<")
	s.staff(t, api.RoleEditor).get(t, "/operator/zones").want(t, http.StatusOK).lacks(t, "New zone")
}

func TestCuttingAZoneOff(t *testing.T) {
	s := newSite(t)
	s.OfferAlso(t, "k8s", "best-effort", "0.03")
	editor, viewer := s.staff(t, api.RoleEditor), s.staff(t, api.RoleViewer)
	viewer.get(t, "/operator/zones").want(t, http.StatusOK).says(t, "zone-1, zone-2, zone-3", "simulated", "price list k8s-best-effort, revision 1").lacks(t, "Cut off the agent")
	editor.post(t, "/operator/zones/k8s/revoke", url.Values{"reason": {hostile}}).want(t, http.StatusUnprocessableEntity).
		says(t, "Confirm that the agent is to be cut off.", hostile).lacks(t, "<script>alert")
	if n := s.audited(t, "zone.revoke", "k8s"); n != 0 {
		t.Errorf("%d revocations are recorded", n)
	}
	editor.post(t, "/operator/zones/k8s/revoke", url.Values{"reason": {hostile}, "sure": {"on"}}).leads(t, "/operator/zones?done=zone-revoked#zone-k8s")
	viewer.get(t, "/operator/zones").want(t, http.StatusOK).says(t, "Agent revoked", "Reason: "+hostile).lacks(t, "<script>alert")
	if n := s.audited(t, "zone.revoke", "k8s"); n != 1 {
		t.Errorf("%d revocations are recorded", n)
	}
	s.as("").get(t, "/catalog/"+httpapitest.Service).want(t, http.StatusOK).says(t, "cut off by the operator").lacks(t, hostile)
	editor.post(t, "/operator/zones/local/revoke", url.Values{"sure": {"on"}, "reason": {string(make([]rune, 501))}}).want(t, http.StatusUnprocessableEntity)
}
