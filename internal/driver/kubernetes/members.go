package kubernetes

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"souk/internal/step"
)

var stepReplaced = step.New("kubernetes/replaced")

// locate makes the Services by which members of an instance find one another, and
// learns their addresses.
func (d *Driver) locate(ctx context.Context, job *Job, engine Engine) error {
	addressed, ok := engine.(Addressed)
	if !ok {
		return nil
	}
	job.Addresses = map[string]string{}
	for _, service := range addressed.Addresses(job) {
		if err := d.put(ctx, services, service); err != nil {
			return err
		}
		address, err := d.addressWithin(ctx, job, service.GetName())
		if err != nil {
			return err
		}
		job.Addresses[service.GetName()] = address
	}
	return nil
}

// addressWithin waits a moment until it is known which address the cluster gave a Service.
func (d *Driver) addressWithin(ctx context.Context, job *Job, service string) (address string, err error) {
	ctx, cancel := context.WithTimeout(ctx, watchPatience)
	defer cancel()
	err = d.waiters.until(ctx, job.Want.ID, func() (bool, error) {
		address, _ = within(d.watches.get(services, job.Namespace, service))
		return address != "", nil
	})
	if err != nil {
		err = errors.New("the cluster has not told the addresses of the instance's members yet")
	}
	return address, err
}

// tend takes the next step towards the members that are wanted.
func (d *Driver) tend(ctx context.Context, job *Job, engine Engine) error {
	tender, ok := engine.(Tender)
	if !ok {
		return nil
	}
	err := tender.Tend(ctx, job, d.view(ctx, engine, job.Want))
	if errors.Is(err, ErrNotYet) {
		d.lookAgain(job.Want.ID)
		return nil
	}
	return err
}

// replace deletes a pod, for its controller to make another.
func (d *Driver) replace(ctx context.Context, pod *unstructured.Unstructured) error {
	uid := pod.GetUID()
	err := d.client.Resource(pods).Namespace(pod.GetNamespace()).Delete(ctx, pod.GetName(), metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return err
	}
	stepReplaced.Done()
	return nil
}

// nodeAnswers says whether a node was heard of lately.
func (d *Driver) nodeAnswers(node string) bool {
	o := d.watches.get(nodes, "", node)
	return o != nil && answers(o)
}

func answers(node *unstructured.Unstructured) bool {
	return condition(node, "Ready")["status"] == "True"
}

// nodeChanged tells of the instances on a node when it is not heard of any more, or again:
// of a pod that clients are not led to nothing else changes then.
func (d *Driver) nodeChanged(before, now any) {
	a, ok1 := before.(*unstructured.Unstructured)
	b, ok2 := now.(*unstructured.Unstructured)
	if !ok1 || !ok2 || answers(a) == answers(b) {
		return
	}
	for _, pod := range d.watches.all(pods) {
		if node, _, _ := unstructured.NestedString(pod.Object, "spec", "nodeName"); node == b.GetName() {
			d.changed(instanceOf(pod))
		}
	}
}
