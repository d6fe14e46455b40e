//go:build e2e

package postgresql

import (
	"context"
	"encoding/base64"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"souk/internal/driver"
)

var (
	networkPolicies = schema.GroupVersionResource{Group: "networking.k8s.io", Version: "v1", Resource: "networkpolicies"}
	roleBindings    = schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "rolebindings"}
)

// TestClusterDamage does to one instance what people do by hand; what can be
// put back is, and clients get in with their rows at the end.
func TestClusterDamage(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "fault-damage")
	want := p.order()
	seen := p.running(want)
	p.exec(p.user(want, seen.Endpoint), "CREATE TABLE kept AS SELECT generate_series(1, 100)")
	drain(p)
	unlabelled := `{"metadata": {"labels": {"souk/zone": null}}}`
	for _, test := range []struct {
		name   string
		kind   schema.GroupVersionResource
		object string
		patch  string   // empty: it is deleted
		path   []string // of what has to be as it was
	}{
		{"the server's key broken", core("secrets"), "server-tls", `{"data": {"tls.key": "YnJva2Vu"}}`, nil},
		{"the server's authority edited", core("secrets"), "server-ca", `{"data": {"ca.crt": "YnJva2Vu"}}`, []string{"data", "ca.crt"}},
		{"the superuser's Secret deleted", core("secrets"), "souk-admin", "", []string{"data"}},
		{"a Secret without its label", core("secrets"), "server-ca", unlabelled, []string{"metadata", "labels"}},
		{"the Service edited", core("services"), "access", `{"spec": {"selector": {"cnpg.io/cluster": "other"}}}`, []string{"spec", "selector"}},
		{"the Service opened to everybody", core("services"), "access", `{"spec": {"loadBalancerSourceRanges": null}}`, []string{"spec", "loadBalancerSourceRanges"}},
		{"the Service without its label", core("services"), "access", unlabelled, []string{"metadata", "labels"}},
		{"a NetworkPolicy edited", networkPolicies, "clients", `{"spec": {"ingress": [{}]}}`, []string{"spec"}},
		{"a NetworkPolicy deleted", networkPolicies, "default-deny", "", []string{"spec"}},
		{"a NetworkPolicy without its label", networkPolicies, "default-deny", unlabelled, []string{"metadata", "labels"}},
		{"the ResourceQuota edited", core("resourcequotas"), "plan", `{"spec": {"hard": {"pods": "100"}}}`, []string{"spec"}},
		{"the ResourceQuota deleted", core("resourcequotas"), "plan", "", []string{"spec"}},
		{"the LimitRange deleted", core("limitranges"), "plan", "", []string{"spec"}},
		{"the RoleBinding edited", roleBindings, "souk-agent", `{"subjects": []}`, []string{"subjects"}},
		{"the RoleBinding deleted", roleBindings, "souk-agent", "", []string{"subjects"}},
		{"the Cluster edited", clusters, "db", `{"spec": {"postgresql": {"pg_hba": ["host all all all trust"]}}}`, []string{"spec", "postgresql", "pg_hba"}},
		{"the Cluster without its label", clusters, "db", unlabelled, []string{"metadata", "labels"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := p.on(t)
			before := p.object(test.kind, want, test.object)
			p.damage(test.kind, want, test.object, test.patch)
			p.told(want)
			deadline := time.Now().Add(30 * time.Second)
			p.until(want, func(driver.Observation, error) bool {
				now, err := p.client.Resource(test.kind).Namespace("souk-"+want.ID).Get(t.Context(), test.object, metav1.GetOptions{})
				if time.Now().After(deadline) {
					t.Fatalf("it is not put back: %v, %v", now, err)
				}
				return err == nil && same(before, now, test.path)
			})
		})
	}
	t.Run("the namespace without its label", func(t *testing.T) { namespaceUnlabelled(p.on(t), want) })
	t.Run("the primary's pod deleted", func(t *testing.T) { podDeleted(p.on(t), want, seen.Endpoint) })
	t.Run("the server's Service deleted", func(t *testing.T) {
		p := p.on(t)
		drain(p)
		p.damage(core("services"), want, "access", "")
		p.told(want) // else it may still be seen where it was, and another have that address
		after := p.running(want)
		if got := count(t, p.userIn(want, after.Endpoint), "kept"); got != 100 {
			t.Errorf("%d rows are left", got)
		}
	})
}

// userIn is user where the way to an address may be made only now.
func (p *place) userIn(want *driver.Instance, at *driver.Endpoint) *pgx.Conn {
	p.t.Helper()
	for end := time.Now().Add(time.Minute); ; {
		conn, err := dial(p.t.Context(), at, want.Credentials[0].Login, want.Credentials[0].Password)
		if err == nil {
			p.t.Cleanup(func() { conn.Close(context.Background()) })
			return conn
		}
		if time.Now().After(end) {
			p.t.Fatal(err)
		}
	}
}

// namespaceUnlabelled: what does not say that it is the zone's is left alone; it
// is said who has to act, and with the label all goes on.
func namespaceUnlabelled(p *place, want *driver.Instance) {
	label := func(value string) {
		_, err := p.client.Resource(core("namespaces")).Patch(p.t.Context(), "souk-"+want.ID, types.MergePatchType, []byte(`{"metadata": {"labels": {"souk/zone": `+value+`}}}`), metav1.PatchOptions{})
		if err != nil {
			p.t.Fatal(err)
		}
	}
	p.running(want)
	drain(p) // what is still brought into force would label it again
	label("null")
	if blocked := p.blocked(want); blocked.BlockedBy != "operator" || !strings.Contains(blocked.Message, "souk/zone=fault-damage") {
		p.t.Errorf("it says %+v", blocked)
	}
	label(`"fault-damage"`)
	p.running(want)
}

// same says whether part of an object is as it was; of the server's certificate,
// whether it goes with its key.
func same(before, now *unstructured.Unstructured, path []string) bool {
	if path == nil {
		data, _, _ := unstructured.NestedStringMap(now.Object, "data")
		certificate, err1 := base64.StdEncoding.DecodeString(data["tls.crt"])
		key, err2 := base64.StdEncoding.DecodeString(data["tls.key"])
		return err1 == nil && err2 == nil && goTogether(certificate, key)
	}
	a, _, _ := unstructured.NestedFieldNoCopy(before.Object, path...)
	b, _, _ := unstructured.NestedFieldNoCopy(now.Object, path...)
	return a != nil && reflect.DeepEqual(a, b)
}

func (p *place) object(kind schema.GroupVersionResource, want *driver.Instance, name string) *unstructured.Unstructured {
	p.t.Helper()
	o, err := p.client.Resource(kind).Namespace("souk-"+want.ID).Get(p.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		p.t.Fatal(err)
	}
	return o
}

// damage edits an object of an instance, or deletes it.
func (p *place) damage(kind schema.GroupVersionResource, want *driver.Instance, name, patch string) {
	p.t.Helper()
	in := p.client.Resource(kind).Namespace("souk-" + want.ID)
	err := error(nil)
	if patch == "" {
		err = in.Delete(p.t.Context(), name, metav1.DeleteOptions{})
	} else {
		_, err = in.Patch(p.t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// drain drops what was told so far.
func drain(p *place) {
	for {
		select {
		case <-p.Events():
		case <-time.After(time.Second):
			return
		}
	}
}

// told waits until the driver tells that an instance changed.
func (p *place) told(want *driver.Instance) {
	p.t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		select {
		case id := <-p.Events():
			if id == want.ID {
				return
			}
		case <-deadline:
			p.t.Fatal("the driver tells nothing of it")
		}
	}
}

// podDeleted deletes the only member's pod: the instance is Degraded, with a
// reason, until it is back where it was, with every row.
func podDeleted(p *place, want *driver.Instance, at *driver.Endpoint) {
	p.damage(core("pods"), want, "db-1", "")
	all := p.until(want, func(seen driver.Observation, err error) bool { return err == nil && seen.State == driver.StateDegraded })
	all = append(all, p.until(want, func(seen driver.Observation, err error) bool { return err == nil && seen.State == driver.StateRunning })...)
	for _, seen := range all {
		if seen.State == driver.StateFailed || seen.State == driver.StateDegraded && seen.Message == "" {
			p.t.Errorf("it was %s: %q", seen.State, seen.Message)
		}
	}
	if after := all[len(all)-1].Endpoint; after == nil || *after != *at {
		p.t.Errorf("it moved from %v to %v", at, after)
	}
	if got := count(p.t, p.user(want, at), "kept"); got != 100 {
		p.t.Errorf("%d rows are left", got)
	}
}

// TestClusterLost: an instance whose data is gone is said to be lost, and is
// never made anew empty.
func TestClusterLost(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "fault-lost")
	for name, lose := range map[string]func(p *place, want *driver.Instance){
		"its namespace deleted by hand": func(p *place, want *driver.Instance) { p.gone(core("namespaces"), "", "souk-"+want.ID) },
		"its Cluster deleted by hand":   func(p *place, want *driver.Instance) { p.damage(clusters, want, "db", "") },
		"its claims deleted by hand": func(p *place, want *driver.Instance) {
			p.damage(core("persistentvolumeclaims"), want, "db-1", "")
			p.damage(core("pods"), want, "db-1", "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := p.on(t)
			want := p.order()
			p.running(want)
			lose(p, want)
			lost := 0
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			for ctx.Err() == nil {
				seen, err := p.Ensure(ctx, *want)
				if errors.Is(err, driver.ErrDataLost) {
					lost++
				} else if lost > 0 && ctx.Err() == nil {
					t.Fatalf("it was lost, and then %s, %v", seen.State, err)
				}
				select {
				case <-ctx.Done():
				case <-time.After(200 * time.Millisecond):
				}
			}
			if lost == 0 {
				t.Error("nobody says that the data is lost")
			}
		})
	}
}
