package kubernetes

import (
	"context"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"souk/internal/driver"
	"souk/internal/step"
)

var (
	stepStopping = step.New("kubernetes/stopping")
	stepStopped  = step.New("kubernetes/stopped")
	stepDeleting = step.New("kubernetes/deleting")
	stepDeleted  = step.New("kubernetes/deleted")
)

// stopPatience is how long an instance may take until it begins to stop.
const stopPatience = time.Minute

// Stop implements driver.Driver. It waits until nothing of the instance runs.
func (d *Driver) Stop(ctx context.Context, want driver.Instance) (driver.Observation, error) {
	stopped := driver.Observation{State: driver.StateStopped, Generation: want.Generation, Plan: want.Plan, StorageGiB: want.StorageGiB}
	if err := validID(want.ID); err != nil {
		return stopped, nil
	}
	engine, err := d.engine(want.Service)
	if err != nil {
		return driver.Observation{}, err
	}
	if err := d.ready(ctx, engine); err != nil {
		return driver.Observation{}, err
	}
	ns, err := d.namespace(ctx, want.ID)
	if err != nil {
		return driver.Observation{}, plain(err, engine.Operator())
	}
	if ns == nil || ns.GetDeletionTimestamp() != nil {
		return stopped, nil // there is nothing to stop
	}
	seen, err := d.stop(ctx, engine, want, recordOf(ns))
	return seen, plain(err, engine.Operator())
}

func (d *Driver) stop(ctx context.Context, engine Engine, want driver.Instance, rec record) (driver.Observation, error) {
	job := d.job(want)
	d.endTrial(want.ID)
	rec.Service = want.Service
	job.madeOf(rec)
	engine = madeBy(engine, rec)
	if err := d.surround(ctx, job, engine, rec); err != nil {
		return driver.Observation{}, err
	}
	if err := d.endRewind(ctx, job, engine, &rec); err != nil {
		return driver.Observation{}, err
	}
	if err := d.halt(ctx, job, engine, &rec); err != nil {
		return driver.Observation{}, err
	}
	stepStopped.Done()
	rec.Stopped, rec.Settled, rec.Form, rec.Changing = true, "", "", time.Time{}
	rec.Generation, rec.Plan = want.Generation, want.Plan
	if err := d.save(ctx, want.ID, rec); err != nil {
		return driver.Observation{}, err
	}
	return d.observation(engine, want.ID, rec, Seen{Stopped: true}, d.endpoint(engine, want.ID, want.ServiceLevel)), nil
}

// halt ends what runs of an instance. What never ran to the end holds no data,
// so that nothing is lost by taking it back.
func (d *Driver) halt(ctx context.Context, job *Job, engine Engine, rec *record) error {
	main, err := d.main(ctx, engine, job.Namespace)
	if err != nil || main == nil {
		return err
	}
	if !rec.Initialised && !job.Want.HeldData {
		err := d.client.Resource(engine.Kind()).Namespace(job.Namespace).Delete(ctx, main.GetName(), metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return err
		}
		return d.waiters.until(ctx, job.Want.ID, func() (bool, error) {
			return len(d.watches.list(engine.Kind(), job.Namespace)) == 0 && len(d.watches.list(pods, job.Namespace)) == 0, nil
		})
	}
	// What is in force stays as it is, but that it does not run.
	job.Want.StorageGiB, job.Forced = max(rec.StorageGiB, 1), rec.Forced
	if err := d.applyMain(ctx, job, engine, true); err != nil {
		return err
	}
	stepStopping.Done()
	return d.awaitStopped(ctx, job, engine, rec)
}

// awaitStopped waits until nothing of an instance serves. One that is not well,
// which an operator may never stop by itself, is forced to after a while.
func (d *Driver) awaitStopped(ctx context.Context, job *Job, engine Engine, rec *record) error {
	var seen Seen
	stopped := func(orStopping bool) func() (bool, error) {
		return func() (bool, error) {
			seen = engine.Look(d.view(ctx, engine, job.Want))
			return seen.Stopped || orStopping && seen.Stopping, nil
		}
	}
	if !rec.Forced {
		orderly, cancel := context.WithTimeout(ctx, stopPatience)
		defer cancel()
		if err := d.waiters.until(orderly, job.Want.ID, stopped(true)); err != nil {
			if ctx.Err() != nil {
				return err
			}
			d.log.Warn("an instance that is not well is forced to stop", "instance", job.Want.ID, "seen", seen.Message)
			rec.Forced, job.Forced = true, true
			if err := d.save(ctx, job.Want.ID, *rec); err != nil {
				return err
			}
			if err := d.applyMain(ctx, job, engine, true); err != nil {
				return err
			}
		}
	}
	return d.waiters.until(ctx, job.Want.ID, stopped(false))
}

// main is the main object of what an engine works on, as the API server has it, or nil.
func (d *Driver) main(ctx context.Context, engine Engine, namespace string) (*unstructured.Unstructured, error) {
	found, err := d.client.Resource(engine.Kind()).Namespace(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	for _, o := range owned(engine, pointers(found.Items)) {
		return o, nil
	}
	return nil, nil
}

// deleteWhole deletes an object, unless another has taken its name, once all that belongs
// to it is gone.
func (d *Driver) deleteWhole(ctx context.Context, kind schemaKind, o *unstructured.Unstructured) error {
	uid, foreground := o.GetUID(), metav1.DeletePropagationForeground
	err := d.client.Resource(kind).Namespace(o.GetNamespace()).Delete(ctx, o.GetName(), metav1.DeleteOptions{PropagationPolicy: &foreground, Preconditions: &metav1.Preconditions{UID: &uid}})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// Remove implements driver.Driver.
func (d *Driver) Remove(ctx context.Context, id string) error {
	if validID(id) != nil {
		return nil
	}
	if err := d.lease.hold(ctx); err != nil {
		return err
	}
	namespace := namespaceOf(id)
	d.watches.forget(namespace)
	d.endTrial(id)
	err := d.waiters.until(ctx, id, func() (bool, error) {
		ns, err := d.client.Resource(namespaces).Get(ctx, namespace, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return true, nil
		case err != nil:
			return false, err
		case ns.GetLabels()[LabelZone] != d.cfg.Zone:
			return false, fmt.Errorf("the namespace %s is not of the zone %s and is left alone", namespace, d.cfg.Zone)
		case ns.GetDeletionTimestamp() != nil:
			return false, nil
		}
		stepDeleting.Done()
		err = d.client.Resource(namespaces).Delete(ctx, namespace, metav1.DeleteOptions{})
		return false, plain(err, "")
	})
	if err != nil {
		return err
	}
	stepDeleted.Done()
	d.applier.forget(namespace)
	d.forgetMeasured(id)
	return d.clearVolumes(ctx, id, namespace)
}

// clearVolumes waits until the volumes of a removed instance are deleted, and
// says when some are left, which would go on costing and holding data.
func (d *Driver) clearVolumes(ctx context.Context, id, namespace string) error {
	if !d.watches.synced(ctx, volumes) {
		return context.Cause(ctx)
	}
	var kept []string
	err := d.waiters.until(ctx, id, func() (bool, error) {
		kept = nil
		for _, v := range d.watches.all(volumes) {
			if claimant(v) != namespace {
				continue
			}
			policy, _, _ := unstructured.NestedString(v.Object, "spec", "persistentVolumeReclaimPolicy")
			if policy == "Delete" && PhaseOf(v) != "Failed" {
				return false, nil
			}
			kept = append(kept, v.GetName())
		}
		return true, nil
	})
	if err != nil || len(kept) == 0 {
		return err
	}
	return &driver.BlockedError{
		Message:   "The instance is removed, but the zone keeps its storage. The operator of the zone has to delete the volumes: " + strings.Join(kept, ", ") + ".",
		BlockedBy: "operator",
	}
}
