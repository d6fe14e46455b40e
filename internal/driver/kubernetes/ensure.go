package kubernetes

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"souk/internal/driver"
	"souk/internal/step"
)

var (
	stepNamespace   = step.New("kubernetes/namespace")
	stepRights      = step.New("kubernetes/rights")
	stepFences      = step.New("kubernetes/fences")
	stepAccess      = step.New("kubernetes/access")
	stepCertificate = step.New("kubernetes/certificate")
	stepSecrets     = step.New("kubernetes/secrets")
	stepChanging    = step.New("kubernetes/changing")
	stepClaims      = step.New("kubernetes/claims")
	stepMain        = step.New("kubernetes/main")
	stepSettled     = step.New("kubernetes/settled")
	stepRecorded    = step.New("kubernetes/recorded")
)

// rightsPatience is how long the cluster may take until the rights that the
// agent has just given itself are in force.
const rightsPatience = 10 * time.Second

// Ensure implements driver.Driver. It does not wait for what the cluster does by
// itself: every change there is told by Events.
func (d *Driver) Ensure(ctx context.Context, want driver.Instance) (driver.Observation, error) {
	if err := validID(want.ID); err != nil {
		return driver.Observation{}, err
	}
	engine, err := d.engine(want.Service)
	if err != nil {
		return driver.Observation{}, err
	}
	if err := d.ready(ctx, engine); err != nil {
		return driver.Observation{}, err
	}
	if err := d.acceptable(engine, want); err != nil {
		return driver.Observation{}, err
	}
	seen, err := d.ensure(ctx, engine, want)
	return seen, plain(err, engine.Operator())
}

// ready waits for the zone's Lease and for what is watched.
func (d *Driver) ready(ctx context.Context, engine Engine) error {
	if err := d.lease.hold(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, leasePatience)
	defer cancel()
	for _, kind := range []schemaKind{namespaces, pods, claims, services, quotas, limitRanges, policies, roleBindings, nodes} {
		if !d.watches.synced(ctx, kind) {
			return errors.New("the cluster's API server has not answered yet")
		}
	}
	if !d.watches.synced(ctx, engine.Kind()) {
		return absent(engine.Operator(), nil)
	}
	return nil
}

// acceptable refuses what the service or this zone cannot do.
func (d *Driver) acceptable(engine Engine, want driver.Instance) error {
	if careful, ok := engine.(Careful); ok {
		if err := careful.Accept(want); err != nil {
			return err
		}
	}
	if _, ok := driver.AllOrNone(want.AllowedNetworks); ok || d.cfg.Expose.Type != NodePort {
		return nil
	}
	return &driver.BlockedError{
		Message:   "Connections to this zone do not show where they come from, so it cannot let some networks in and keep others out: allow everybody (0.0.0.0/0), nobody, or choose another zone.",
		BlockedBy: "you", Permanent: true,
	}
}

// ensure takes every step from what is to what is wanted.
func (d *Driver) ensure(ctx context.Context, engine Engine, want driver.Instance) (driver.Observation, error) {
	rec, err := d.claim(ctx, engine, want)
	if err != nil {
		return driver.Observation{}, err
	}
	engine = madeBy(engine, rec)
	job := d.job(want)
	if err := d.prepareRestore(ctx, job, &rec); err != nil {
		return driver.Observation{}, err
	}
	job.Want.HeldData = want.HeldData || rec.Initialised
	if err := d.fits(ctx, job, engine); err != nil {
		return driver.Observation{}, err
	}
	if err := d.surround(ctx, job, engine, rec); err != nil {
		return driver.Observation{}, err
	}
	at := d.endpoint(engine, want.ID, want.ServiceLevel)
	if at == nil {
		return d.progress(rec, "The instance waits for an address that clients can reach it at; the zone's load balancer has to give it one."), nil
	}
	if err := d.vouch(ctx, job, engine, at, rec); err != nil {
		return driver.Observation{}, err
	}
	growth := d.growth(ctx, job, rec)
	if growth != nil { // all else comes into force, but not the generation
		job.Want.StorageGiB, job.Want.Generation = rec.StorageGiB, rec.Generation
	}
	if err := d.keep(ctx, job, engine); err != nil {
		return driver.Observation{}, err
	}
	if err := d.beginChange(ctx, job, engine, &rec); err != nil {
		return driver.Observation{}, err
	}
	if held, err := d.rewind(ctx, job, engine, &rec); held || err != nil {
		return d.observation(engine, want.ID, rec, engine.Look(d.view(ctx, engine, job.Want)), at), err
	}
	if err := d.applyMain(ctx, job, engine, false); err != nil {
		return driver.Observation{}, err
	}
	stepMain.Done()
	if err := d.tend(ctx, job, engine); err != nil {
		return driver.Observation{}, err
	}
	view := d.view(ctx, engine, job.Want)
	seen := engine.Look(view)
	if seen.Lost != "" {
		return driver.Observation{}, fmt.Errorf("%w: %s", driver.ErrDataLost, seen.Lost)
	}
	if seen.Unrestored != nil && !rec.Initialised {
		return driver.Observation{}, seen.Unrestored
	}
	if err := d.failedRestore(ctx, job, engine, view, &rec); err != nil {
		return driver.Observation{}, err
	}
	rec, err = d.settle(ctx, job, engine, view, seen, rec)
	if err != nil {
		return driver.Observation{}, err
	}
	if rec.Settled != "" {
		if err := d.clearAside(ctx, job, engine, &rec); err != nil {
			return driver.Observation{}, err
		}
	}
	if growth != nil && rec.Settled != "" {
		return driver.Observation{}, growth
	}
	return d.observation(engine, want.ID, rec, seen, at), nil
}

func (d *Driver) job(want driver.Instance) *Job {
	return &Job{
		Want: want, Namespace: namespaceOf(want.ID), Labels: d.labels(want.ID),
		StorageClass: d.cfg.StorageClass, TopologyKey: d.cfg.TopologyKey,
		SourceHidden: d.cfg.Expose.Type == NodePort, Place: d.placeFor(want), driver: d,
	}
}

// claim has the instance's namespace, after a look at whether what it held is
// still there.
func (d *Driver) claim(ctx context.Context, engine Engine, want driver.Instance) (record, error) {
	ns, err := d.namespace(ctx, want.ID)
	if err != nil {
		return record{}, err
	}
	rec := recordOf(ns)
	held := want.HeldData || rec.Initialised
	switch {
	case ns == nil && held:
		return rec, fmt.Errorf("%w: its namespace is not there", driver.ErrDataLost)
	case ns != nil && ns.GetDeletionTimestamp() != nil && held:
		return rec, fmt.Errorf("%w: its namespace is being deleted", driver.ErrDataLost)
	case ns != nil && ns.GetDeletionTimestamp() != nil:
		return rec, errors.New("the namespace of the same name is still being deleted")
	}
	if held {
		if err := d.findData(ctx, madeBy(engine, rec), namespaceOf(want.ID)); err != nil {
			return rec, err
		}
	}
	rec.Service, rec.Stopped, rec.Forced, rec.Level = want.Service, false, false, want.ServiceLevel
	if rec.StorageGiB == 0 {
		rec.StorageGiB = want.StorageGiB
	}
	// As it was looked at: what somebody has taken from the zone since stays so.
	if err := d.saveOn(ctx, want.ID, rec, ns); err != nil {
		return rec, err
	}
	stepNamespace.Done()
	return rec, nil
}

// namespace returns an instance's namespace, or nil. That there is none is
// believed only from the API server itself.
func (d *Driver) namespace(ctx context.Context, id string) (*unstructured.Unstructured, error) {
	if ns := d.watches.get(namespaces, "", namespaceOf(id)); ns != nil {
		return ns, nil
	}
	ns, err := d.client.Resource(namespaces).Get(ctx, namespaceOf(id), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err == nil && ns.GetLabels()[LabelZone] != d.cfg.Zone {
		return nil, &driver.BlockedError{
			Message:   fmt.Sprintf("The namespace of the instance does not say any more that it is of this zone, so the zone's agent leaves it alone. The operator of the zone has to put the label %s=%s on %s again.", LabelZone, d.cfg.Zone, ns.GetName()),
			BlockedBy: "operator",
		}
	}
	return ns, err
}

// findData returns ErrDataLost when the instance's main object or all of its
// volumes are gone.
func (d *Driver) findData(ctx context.Context, engine Engine, namespace string) error {
	for _, kind := range []schemaKind{engine.Kind(), claims} {
		if len(living(owned(engine, d.watches.list(kind, namespace)))) > 0 {
			continue
		}
		found, err := d.client.Resource(kind).Namespace(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		if len(living(owned(engine, pointers(found.Items)))) == 0 {
			return fmt.Errorf("%w: its %s are not there", driver.ErrDataLost, kind.Resource)
		}
	}
	return nil
}

func pointers(items []unstructured.Unstructured) []*unstructured.Unstructured {
	out := make([]*unstructured.Unstructured, len(items))
	for i := range items {
		out[i] = &items[i]
	}
	return out
}

func living(objects []*unstructured.Unstructured) []*unstructured.Unstructured {
	var out []*unstructured.Unstructured
	for _, o := range objects {
		if o.GetDeletionTimestamp() == nil {
			out = append(out, o)
		}
	}
	return out
}

// save notes the record on the instance's namespace.
func (d *Driver) save(ctx context.Context, id string, rec record) error {
	return d.saveOn(ctx, id, rec, d.watches.get(namespaces, "", namespaceOf(id)))
}

// saveOn notes the record on the instance's namespace as it was seen; where there is
// none it is made.
func (d *Driver) saveOn(ctx context.Context, id string, rec record, seen *unstructured.Unstructured) error {
	text, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	if err := d.applier.apply(ctx, namespaces, d.namespaceObject(id, string(text)), seen); err != nil {
		return err
	}
	d.known(ctx, id, string(text))
	return nil
}

// watchPatience is how long the watches may take to tell what was just noted.
const watchPatience = 2 * time.Second

// known waits until the watches tell a record, so that who observes the instance
// next is told nothing older. Where they are late nothing is held up.
func (d *Driver) known(ctx context.Context, id, record string) {
	ctx, cancel := context.WithTimeout(ctx, watchPatience)
	defer cancel()
	_ = d.waiters.until(ctx, id, func() (bool, error) {
		ns := d.watches.get(namespaces, "", namespaceOf(id))
		return ns != nil && ns.GetAnnotations()[recordField] == record, nil
	})
}

// surround makes everything around the main object.
func (d *Driver) surround(ctx context.Context, job *Job, engine Engine, rec record) error {
	rights := d.rights(job)
	if err := d.put(ctx, roleBindings, rights); err != nil {
		return err
	}
	stepRights.Done()
	fences := d.fences(job, engine, rec)
	for _, p := range fences {
		if err := d.allowed(ctx, func() error { return d.put(ctx, p.kind, p.object) }); err != nil {
			return err
		}
	}
	stepFences.Done()
	accesses := []*unstructured.Unstructured{d.access(job, engine, accessName, engine.Clients())}
	if pods := readers(engine, job.Want.ServiceLevel); pods != nil {
		accesses = append(accesses, d.access(job, engine, readName, pods))
	}
	for _, access := range accesses {
		if err := d.allowed(ctx, func() error { return d.put(ctx, services, access) }); err != nil {
			return err
		}
	}
	if err := d.locate(ctx, job, engine); err != nil {
		return err
	}
	stepAccess.Done()
	return d.watches.watchSecrets(ctx, job.Namespace, LabelInstance+"="+job.Want.ID)
}

func (d *Driver) put(ctx context.Context, kind schemaKind, o *unstructured.Unstructured) error {
	return d.applier.apply(ctx, kind, o, d.watches.get(kind, o.GetNamespace(), o.GetName()))
}

// allowed tries again for a while what the agent may not do yet, or what a
// request before, that was cut short, is still at.
func (d *Driver) allowed(ctx context.Context, do func() error) error {
	deadline := time.Now().Add(rightsPatience)
	for pause := 10 * time.Millisecond; ; pause = min(pause*2, time.Second) {
		err := do()
		if !lacksRight(err) && !overtaken(err) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}

// vouch gives the server its certificate and the engine its secrets.
func (d *Driver) vouch(ctx context.Context, job *Job, engine Engine, at *driver.Endpoint, rec record) error {
	names := append([]string{at.Host}, engine.ServerNames(job.Namespace)...)
	if at.ReadHost != "" && at.ReadHost != at.Host {
		names = append(names, at.ReadHost)
	}
	if rewinding, ok := engine.(RewindingEngine); ok && rec.Rewind.Stage == rewindRestoring {
		names = append(names, rewinding.MadeBy(rec.Rewind.Number).ServerNames(job.Namespace)...)
	}
	certificate, err := d.certificate(job, engine, names, d.watches.get(secrets, job.Namespace, serverName))
	if err != nil {
		return err
	}
	if certificate != nil {
		if err := d.put(ctx, secrets, certificate); err != nil {
			return err
		}
	}
	stepCertificate.Done()
	all, err := engine.Secrets(job)
	if err != nil {
		return err
	}
	if place := d.backupSecret(job, engine); place != nil {
		all = append(all, place)
	}
	all = append(all, Secret(job.Namespace, anchorName, withLabels(job.Labels, engine.Reloaded()), map[string][]byte{"ca.crt": d.authority.ca.CertPEM()}))
	for _, secret := range all {
		if err := d.put(ctx, secrets, secret); err != nil {
			return err
		}
	}
	stepSecrets.Done()
	return nil
}

// fits refuses what a running instance cannot become.
func (d *Driver) fits(ctx context.Context, job *Job, engine Engine) error {
	careful, ok := engine.(Careful)
	if !ok || !job.Want.HeldData {
		return nil
	}
	return careful.Fits(ctx, job, d.view(ctx, engine, job.Want))
}

// keep makes the volumes of an instance whose operator makes none. Where there was
// data they are only changed: the last one that is gone since is not made anew.
func (d *Driver) keep(ctx context.Context, job *Job, engine Engine) error {
	var wanted []*unstructured.Unstructured
	if keeper, ok := engine.(Keeper); ok {
		wanted = keeper.Claims(job)
	}
	for _, claim := range wanted {
		if job.Want.HeldData {
			live, err := d.existing(ctx, claim)
			if err != nil && (len(wanted) == 1 || !errors.Is(err, driver.ErrDataLost)) {
				return err
			}
			if err == nil {
				claim.SetUID(live.GetUID())
			}
		}
		if err := d.put(ctx, claims, claim); err != nil {
			return err
		}
	}
	stepClaims.Done()
	return nil
}

// existing is a claim as it is now, or else ErrDataLost.
func (d *Driver) existing(ctx context.Context, claim *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if live := d.watches.get(claims, claim.GetNamespace(), claim.GetName()); live != nil {
		return live, nil
	}
	live, err := d.client.Resource(claims).Namespace(claim.GetNamespace()).Get(ctx, claim.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("%w: its claim %s is not there", driver.ErrDataLost, claim.GetName())
	}
	return live, err
}

func (d *Driver) applyMain(ctx context.Context, job *Job, engine Engine, stopped bool) error {
	if mains := owned(engine, d.watches.list(engine.Kind(), job.Namespace)); len(mains) > 0 {
		job.Main = mains[0]
	}
	main, err := engine.Main(job, stopped)
	if err != nil {
		return err
	}
	return d.put(ctx, engine.Kind(), main)
}

// settle brings into force what is left to do within the engine, once it
// serves, and notes what is in force.
func (d *Driver) settle(ctx context.Context, job *Job, engine Engine, view View, seen Seen, rec record) (record, error) {
	wanted, err := digestOf(job.Want, seen.Run)
	if err != nil || !seen.Serving {
		return rec, err
	}
	if rec.Settled != wanted {
		err := engine.Settle(ctx, job, view)
		if errors.Is(err, ErrNotYet) {
			rec.Settled = ""
			d.lookAgain(job.Want.ID)
			return rec, nil
		}
		if err != nil {
			return rec, err
		}
		stepSettled.Done()
	}
	starts := rec.Form == ""
	if starts { // what serves is not yet reached by clients: the cluster takes a moment
		d.tryDuring(job, engine, d.cfg.Now())
	}
	interruption, answers := d.interrupted(job.Want.ID, job.Want.Generation)
	if !answers {
		rec.Settled = ""
		d.lookAgain(job.Want.ID)
		return rec, nil
	}
	if !interruption.From.IsZero() && !starts {
		rec.Interruption = interruption
	}
	rec.Changing = time.Time{}
	if rec.Form, err = formOf(job.Want); err != nil {
		return rec, err
	}
	rec.Initialised, rec.Settled = true, wanted
	rec.Generation, rec.Plan, rec.StorageGiB = job.Want.Generation, job.Want.Plan, job.Want.StorageGiB
	if err := d.save(ctx, job.Want.ID, rec); err != nil {
		return rec, err
	}
	stepRecorded.Done()
	return rec, nil
}

// settledBy is raised where engines bring more into force than before, so that it is
// brought into force in instances that there are.
const settledBy = 3

// digestOf identifies all that is wanted but the generation, and what runs.
func digestOf(want driver.Instance, run string) (string, error) {
	want.Generation, want.HeldData = 0, false
	return digest(want, settledBy, run)
}

// formOf identifies what servers may have to be started anew for.
func formOf(want driver.Instance) (string, error) {
	return digest(driver.Instance{Plan: want.Plan, ServiceLevel: want.ServiceLevel, StorageGiB: want.StorageGiB, Parameters: want.Parameters, Restart: want.Restart}, 0, "")
}

func digest(want driver.Instance, salt byte, run string) (string, error) {
	text, err := json.Marshal(want)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(append(append(text, salt), run...))
	return hex.EncodeToString(sum[:16]), nil
}

// beginChange notes when a change was ordered that may interrupt what runs, and has the
// instance tried until it is in force, or what was before is again.
func (d *Driver) beginChange(ctx context.Context, job *Job, engine Engine, rec *record) error {
	form, err := formOf(job.Want)
	if err != nil || !rec.Initialised || rec.Form == "" || rec.Form == form && rec.Changing.IsZero() {
		return err
	}
	if rec.Changing.IsZero() {
		rec.Changing = d.cfg.Now().UTC()
		if err := d.save(ctx, job.Want.ID, *rec); err != nil {
			return err
		}
	}
	stepChanging.Done()
	d.tryDuring(job, engine, rec.Changing)
	return nil
}

// growth says why storage cannot become what is wanted, or nil.
func (d *Driver) growth(ctx context.Context, job *Job, rec record) error {
	if !rec.Initialised || job.Want.StorageGiB <= rec.StorageGiB {
		return nil
	}
	for _, claim := range d.watches.list(claims, job.Namespace) {
		name, _, _ := unstructured.NestedString(claim.Object, "spec", "storageClassName")
		class, err := d.client.Resource(classes).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("look whether storage can grow: %w", err)
		}
		if can, _, _ := unstructured.NestedBool(class.Object, "allowVolumeExpansion"); !can {
			return &driver.BlockedError{
				Message:   fmt.Sprintf("Storage of this zone cannot grow: it stays at %d GiB, and nothing else is held up. Ask for %d GiB again, or move the data to an instance that was ordered larger.", rec.StorageGiB, rec.StorageGiB),
				BlockedBy: "you", Permanent: true,
			}
		}
	}
	return nil
}
