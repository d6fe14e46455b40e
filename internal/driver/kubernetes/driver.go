// Package kubernetes runs instances in a Kubernetes cluster, each in a namespace
// of its own, by objects that the cluster's operators carry out: it applies what
// is wanted (server-side, as its own field manager), watches what is, and
// deletes only when it is told to.
package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"souk/internal/bucket"
	"souk/internal/driver"
	"souk/internal/driver/changes"
)

// Driver implements driver.Driver.
type Driver struct {
	cfg       Config
	log       *slog.Logger
	client    dynamic.Interface
	core      *rest.RESTClient // of the core API, for what is no object
	engines   map[string]Engine
	self      map[string]any // the agent, as the subject of a RoleBinding
	authority *authority
	applier   *applier
	bucket    *bucket.Bucket // nil: no backups are kept
	backups   backupLocks
	watches   *watches
	lease     *lease
	events    *changes.Feed
	waiters   waiters
	inside    route
	trials    trials
	again     sync.Map // instances that are looked at again after a while, by ID

	mu       sync.Mutex
	measured map[string]measured // by instance

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wait   sync.WaitGroup
}

var _ driver.Driver = (*Driver)(nil)

// New opens a zone's cluster, waiting for its API server until ctx ends.
// Instances that run are left as they are.
func New(ctx context.Context, cfg Config) (*Driver, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	d := &Driver{cfg: cfg, log: cfg.Logger, engines: map[string]Engine{}, lease: newLease(), events: changes.NewFeed(), measured: map[string]measured{}}
	for _, engine := range cfg.Engines {
		d.engines[engine.Service()] = engine
	}
	var err error
	if d.client, err = dynamic.NewForConfig(cfg.REST); err != nil {
		return nil, err
	}
	if d.core, err = coreClient(cfg.REST); err != nil {
		return nil, err
	}
	if cfg.Place != nil {
		if d.bucket, err = bucket.Open(cfg.Place); err != nil {
			return nil, err
		}
	}
	if err := d.meet(ctx); err != nil {
		return nil, err
	}
	d.applier = newApplier(d.client)
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.watches = newWatches(d.ctx, d.client, d.changed)
	if err := d.begin(); err != nil {
		d.cancel()
		return nil, err
	}
	return d, nil
}

// Pauses between attempts to reach the cluster at the start.
const (
	firstPause   = 500 * time.Millisecond
	longestPause = 15 * time.Second
)

// meet learns from the cluster who the agent is, and the zone's authority. It
// goes on trying while the API server does not answer.
func (d *Driver) meet(ctx context.Context) error {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := d.introduce(ctx)
		if err == nil {
			d.authority, err = d.openAuthority(ctx)
		}
		var refused apierrors.APIStatus
		if err == nil || ctx.Err() != nil || errors.As(err, &refused) && !temporary(err) {
			return err
		}
		d.log.Warn("the zone's cluster does not answer yet and is asked again", "error", err)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}

func temporary(err error) bool {
	return apierrors.IsInternalError(err) || apierrors.IsServiceUnavailable(err) || apierrors.IsTooManyRequests(err) || apierrors.IsTimeout(err) || apierrors.IsServerTimeout(err)
}

func coreClient(config *rest.Config) (*rest.RESTClient, error) {
	config = rest.CopyConfig(config)
	config.GroupVersion = &schema.GroupVersion{Version: "v1"}
	config.APIPath = "/api"
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	return rest.RESTClientFor(config)
}

// begin starts the watches and the contest for the zone's Lease.
func (d *Driver) begin() error {
	ours := LabelZone + "=" + d.cfg.Zone
	kinds := []schema.GroupVersionResource{namespaces, pods, claims, services, quotas, limitRanges, policies, roleBindings}
	for _, engine := range d.cfg.Engines {
		kinds = append(kinds, engine.Kind())
	}
	for _, kind := range kinds {
		if d.watches.byKind[kind] != nil {
			continue // of two engines
		}
		if err := d.watches.watch(kind, ours, d.watches.told()); err != nil {
			return err
		}
	}
	if err := d.watches.watch(volumes, "", d.watches.told()); err != nil {
		return err
	}
	if err := d.watches.watch(nodes, "", cache.ResourceEventHandlerFuncs{UpdateFunc: d.nodeChanged}); err != nil {
		return err
	}
	if err := d.contend(d.ctx); err != nil {
		return err
	}
	d.wait.Go(func() { d.events.Pump(d.ctx.Done()) })
	return nil
}

// introduce asks the cluster who this agent is, for the rights that it gives
// itself in the namespaces that it makes.
func (d *Driver) introduce(ctx context.Context) error {
	review := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}}
	answer, err := d.client.Resource(reviews).Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("ask the cluster's API server who this agent is: %w", err)
	}
	name, _, _ := unstructured.NestedString(answer.Object, "status", "userInfo", "username")
	d.self = subject(name)
	return nil
}

// Close ends the driver, gives the zone's Lease up and leaves all instances
// running.
func (d *Driver) Close() error {
	d.cancel()
	d.wait.Wait()
	d.watches.wait.Wait()
	return nil
}

// changed is told of every change of an object of an instance.
func (d *Driver) changed(id string) {
	d.waiters.wake(id)
	d.events.Add(id)
}

// againAfter is when an instance is looked at again of which something is not in
// force yet that no change of an object may tell.
const againAfter = 3 * time.Second

func (d *Driver) lookAgain(id string) {
	if _, waits := d.again.LoadOrStore(id, true); waits {
		return
	}
	time.AfterFunc(againAfter, func() {
		d.again.Delete(id)
		d.changed(id)
	})
}

// Events implements driver.Driver.
func (d *Driver) Events() <-chan string { return d.events.Out }

// List implements driver.Driver.
func (d *Driver) List(ctx context.Context) ([]string, error) {
	if !d.watches.synced(ctx, namespaces) {
		return nil, context.Cause(ctx)
	}
	var ids []string
	for _, ns := range d.watches.all(namespaces) {
		if id := instanceOf(ns); validID(id) == nil {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// record is what the driver notes of an instance, on its namespace.
type record struct {
	// Initialised: it has run once, so that its data has to be there.
	Initialised bool `json:"initialised,omitempty"`
	Stopped     bool `json:"stopped,omitempty"`
	// Forced: it was stopped although it was not well.
	Forced     bool        `json:"forced,omitempty"`
	Service    string      `json:"service"`
	Generation int64       `json:"generation"`
	Plan       driver.Plan `json:"plan"`
	StorageGiB int64       `json:"storageGiB"`
	Level      string      `json:"level,omitempty"`
	// Source is what the engine calls the backup that it is made of, and Whole that
	// every change that is kept belongs to it.
	Source string `json:"source,omitempty"`
	Whole  bool   `json:"whole,omitempty"`
	// MadeBy is the restore in place that made what the instance is by now, and Restored
	// what of; 0: none did. Rewind is the last one.
	MadeBy   int64    `json:"madeBy,omitempty"`
	Restored *Restore `json:"restored,omitempty"`
	Rewind   rewind   `json:"rewind,omitzero"`
	// Settled identifies what was last brought into force within the engine.
	Settled string `json:"settled,omitempty"`
	// Form identifies what servers were last started with, as far as it is noted, and
	// Changing is when another was first ordered, until it is in force.
	Form     string    `json:"form,omitempty"`
	Changing time.Time `json:"changing,omitzero"`
	// Interruption is the last one, as it was measured.
	Interruption driver.Interruption `json:"interruption,omitzero"`
}

func recordOf(ns *unstructured.Unstructured) (r record) {
	if ns != nil {
		_ = json.Unmarshal([]byte(ns.GetAnnotations()[recordField]), &r)
	}
	return r
}

// engine finds the engine of a service and says plainly when there is none.
func (d *Driver) engine(service string) (Engine, error) {
	engine, ok := d.engines[service]
	if !ok {
		return nil, &driver.BlockedError{
			Message:   fmt.Sprintf("This zone cannot run %s. Its operator has to add it to the configuration of the zone's agent, or take the offer back.", service),
			BlockedBy: "operator", Permanent: true,
		}
	}
	return engine, nil
}
