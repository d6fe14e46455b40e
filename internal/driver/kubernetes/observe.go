package kubernetes

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"souk/internal/driver"
)

type schemaKind = schema.GroupVersionResource

// Observe implements driver.Driver.
func (d *Driver) Observe(ctx context.Context, id string) (driver.Observation, error) {
	if err := validID(id); err != nil {
		return driver.Observation{}, err
	}
	if !d.watches.synced(ctx, namespaces) {
		return driver.Observation{}, context.Cause(ctx)
	}
	ns, err := d.namespace(ctx, id)
	if err != nil {
		return driver.Observation{}, err
	}
	if ns == nil || ns.GetDeletionTimestamp() != nil {
		return driver.Observation{}, driver.ErrNotFound
	}
	rec := recordOf(ns)
	engine, err := d.engine(rec.Service)
	if err != nil {
		return driver.Observation{}, err
	}
	if err := d.seen(ctx, engine); err != nil {
		return driver.Observation{}, err
	}
	engine = madeBy(engine, rec)
	want := driver.Instance{ID: id, Plan: rec.Plan, StorageGiB: rec.StorageGiB, ServiceLevel: rec.Level}
	return d.observation(engine, id, rec, engine.Look(d.view(ctx, engine, want)), d.endpoint(engine, id, rec.Level)), nil
}

// seen waits for what an engine looks at: before that, all of it would be missed. What
// the cluster does not know there is none of.
func (d *Driver) seen(ctx context.Context, engine Engine) error {
	ctx, cancel := context.WithTimeout(ctx, leasePatience)
	defer cancel()
	kinds := []schemaKind{namespaces, pods, claims, services}
	if d.served(ctx, engine.Kind()) {
		kinds = append(kinds, engine.Kind())
	}
	for _, kind := range kinds {
		if !d.watches.synced(ctx, kind) {
			return errors.New("the cluster's API server has not answered yet")
		}
	}
	return nil
}

// endpoint is where clients reach an instance; nil while it has no address.
func (d *Driver) endpoint(engine Engine, id, serviceLevel string) *driver.Endpoint {
	at := &driver.Endpoint{CAPEM: string(d.authority.ca.CertPEM())}
	var ok bool
	if at.Host, at.Port, ok = d.address(d.watches.get(services, namespaceOf(id), accessName)); !ok {
		return nil
	}
	if readers(engine, serviceLevel) == nil {
		return at
	}
	if host, port, ok := d.address(d.watches.get(services, namespaceOf(id), readName)); ok {
		at.ReadHost, at.ReadPort = host, port
	}
	return at
}

// view collects what the cluster has of an instance.
func (d *Driver) view(ctx context.Context, engine Engine, want driver.Instance) View {
	namespace := namespaceOf(want.ID)
	v := View{
		Pods: owned(engine, d.watches.list(pods, namespace)), Volumes: owned(engine, d.watches.list(claims, namespace)),
		Want: want, NodeDomain: d.nodeDomain, NodeAnswers: d.nodeAnswers, TopologyKey: d.cfg.TopologyKey,
	}
	if mains := owned(engine, d.watches.list(engine.Kind(), namespace)); len(mains) > 0 {
		v.Main = mains[0]
	}
	if secret := d.watches.get(secrets, namespace, serverName); secret != nil {
		v.Certificate, _ = base64.StdEncoding.DecodeString(dataOf(secret)["tls.crt"])
	}
	v.Warnings = sync.OnceValue(func() []string { return d.warnings(ctx, namespace) })
	return v
}

// PhaseOf is an object's status.phase.
func PhaseOf(o *unstructured.Unstructured) string {
	phase, _, _ := unstructured.NestedString(o.Object, "status", "phase")
	return phase
}

func (d *Driver) nodeDomain(node string) string {
	if o := d.watches.get(nodes, "", node); o != nil {
		return o.GetLabels()[d.cfg.TopologyKey]
	}
	return ""
}

// observation is what is reported of an instance.
func (d *Driver) observation(engine Engine, id string, rec record, seen Seen, at *driver.Endpoint) driver.Observation {
	m := d.measuredOf(id)
	out := driver.Observation{
		State: stateOf(rec, seen), Generation: rec.Generation, Plan: rec.Plan, StorageGiB: rec.StorageGiB,
		Message: seen.Message, BlockedBy: seen.BlockedBy, Members: seen.Members, Conditions: seen.Conditions,
		StorageUsedBytes: m.used, MeasuredAt: m.at,
	}
	if rec.Interruption.Generation > 0 {
		out.Interruption = &rec.Interruption
	}
	out.Rewound = rec.Rewind.told()
	if rec.Rewind.aside() {
		out.Message, out.BlockedBy = rec.Rewind.message()
	}
	if out.State == driver.StateDegraded && out.Message == "" {
		out.Message = "It is being started, or changed to what is wanted."
	}
	if at != nil && rec.Initialised {
		_, database := engine.Endpoint()
		at.Database = database
		out.Endpoint = at
	}
	return out
}

func stateOf(rec record, seen Seen) driver.State {
	switch {
	case rec.Stopped && seen.Stopped:
		return driver.StateStopped
	case !rec.Initialised:
		return driver.StateCreating
	case seen.Serving && seen.Whole:
		return driver.StateRunning
	}
	return driver.StateDegraded
}

// progress is what is reported before the main object is there.
func (d *Driver) progress(rec record, message string) driver.Observation {
	return driver.Observation{State: stateOf(rec, Seen{}), Generation: rec.Generation, Plan: rec.Plan, StorageGiB: rec.StorageGiB, Message: message, BlockedBy: "operator"}
}

// Info implements driver.Driver.
func (d *Driver) Info(ctx context.Context) (driver.Info, error) {
	if !d.watches.synced(ctx, nodes) {
		return driver.Info{}, context.Cause(ctx)
	}
	info := driver.Info{
		Driver: "kubernetes", Isolation: "namespace", Limits: "requests, limits and quotas",
		FailureDomains: d.domains(), SimulatedDomains: d.cfg.SimulatedDomains,
	}
	for _, engine := range d.cfg.Engines {
		version := engine.Version()
		if !d.served(ctx, engine.Kind()) {
			version.Problem = engine.Operator() + " is not installed in the zone's cluster"
		}
		if n := engine.Members(driver.Guaranteed); n < 2 {
			version.NoGuaranteed = "an instance of it has a single member in this zone, whose loss interrupts it."
		}
		keeper, why := d.keeps(engine)
		_, proves := keeper.(ProvingEngine)
		_, rewinds := keeper.(RewindingEngine)
		version.Backups, version.NoBackups, version.Drills, version.InPlace = why == "", why, why == "" && proves, why == "" && rewinds
		version.Snapshots = why == "" && keeper.Snapshots()
		info.Engines = append(info.Engines, version)
	}
	return info, nil
}

// served says whether the cluster knows a kind.
func (d *Driver) served(ctx context.Context, kind schemaKind) bool {
	if d.watches.byKind[kind].HasSynced() || !strings.Contains(kind.Group, ".") { // Kubernetes' own
		return true
	}
	_, err := d.client.Resource(definitions).Get(ctx, kind.Resource+"."+kind.Group, metav1.GetOptions{})
	return err == nil
}

// domains are the failure domains of the nodes that take work, by name.
func (d *Driver) domains() []string {
	var out []string
	for _, node := range d.watches.all(nodes) {
		if domain := node.GetLabels()[d.cfg.TopologyKey]; domain != "" && takesWork(node) {
			out = append(out, domain)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// takesWork says whether a node is meant to run instances. One that does not
// answer for now is.
func takesWork(node *unstructured.Unstructured) bool {
	taints, _, _ := unstructured.NestedSlice(node.Object, "spec", "taints")
	return !slices.ContainsFunc(taints, func(t any) bool {
		taint, _ := t.(map[string]any)
		return taint["key"] == "node-role.kubernetes.io/control-plane" && taint["effect"] == "NoSchedule"
	})
}
