package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"souk/internal/driver"
)

// A task is a pod that does one thing for an instance and ends: a Job of Kubernetes'. It
// goes on without the agent, and the next agent finds it by its name. There is one of a
// name at a time; none is tried again by the cluster.
var tasks = schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"}

// taskFor is the annotation of a task that says what it is done for.
const taskFor = "souk/for"

// How long a task's pod may take until it runs, and how long what is left of a task is
// kept in the cluster where no agent comes back to it.
const (
	taskPatience = 5 * time.Minute
	taskKept     = 24 * time.Hour
)

// Task is one that there is.
type Task struct {
	For    string // as it was begun
	Failed bool
}

// Done is what came of a task.
type Done struct {
	From, Until time.Time // in whole seconds of the cluster's clock
	Said        string    // what its container wrote to the file for its last words
	Failed      bool
	Why         string // it failed, in the cluster's words: "OOMKilled"
}

// FindTask returns the task of a name, or nil.
func (j *Job) FindTask(ctx context.Context, name string) (*Task, error) {
	o, err := j.Get(ctx, tasks, name)
	if err != nil || o == nil {
		return nil, err
	}
	return &Task{For: o.GetAnnotations()[taskFor], Failed: ended(jobOf(o), batchv1.JobFailed) || o.GetDeletionTimestamp() != nil}, nil
}

// BeginTask begins a task of a name of which there is none. Its pod is no member of the
// instance: what looks at members does not see it.
func (j *Job) BeginTask(ctx context.Context, name, what string, pod map[string]any, within time.Duration) error {
	labels := maps.Clone(j.Labels)
	delete(labels, LabelZone)
	o := Object("batch/v1", "Job", j.Namespace, name, j.Labels, map[string]any{"spec": map[string]any{
		"backoffLimit": int64(0), "activeDeadlineSeconds": int64(within.Seconds()), "ttlSecondsAfterFinished": int64(taskKept.Seconds()),
		"template": map[string]any{"metadata": map[string]any{"labels": Labels(labels)}, "spec": pod},
	}})
	o.SetAnnotations(map[string]string{taskFor: what})
	return j.Apply(ctx, tasks, o)
}

// AwaitTask waits until a task has come to its end. A BlockedError says that its pod
// does not get to run.
func (j *Job) AwaitTask(ctx context.Context, name string) (Done, error) {
	var last batchv1.Job
	until := func(ctx context.Context, there func() bool) error {
		return j.Watch(ctx, tasks, name, func(o *unstructured.Unstructured) (bool, error) {
			last = jobOf(o)
			return there(), nil
		})
	}
	finished := func() bool { return ended(last, batchv1.JobComplete) || ended(last, batchv1.JobFailed) }
	starting, cancel := context.WithTimeout(ctx, taskPatience)
	defer cancel()
	err := until(starting, func() bool { return finished() || last.Status.Ready != nil && *last.Status.Ready > 0 })
	if err != nil && starting.Err() != nil && ctx.Err() == nil {
		return Done{}, j.cannotRun(ctx, name)
	}
	if err == nil {
		err = until(ctx, finished)
	}
	if err != nil {
		return Done{}, err
	}
	return j.outcome(ctx, name, last)
}

func jobOf(o *unstructured.Unstructured) (job batchv1.Job) {
	_ = runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &job)
	return job
}

func ended(job batchv1.Job, as batchv1.JobConditionType) bool {
	return slices.ContainsFunc(job.Status.Conditions, func(c batchv1.JobCondition) bool { return c.Type == as && c.Status == corev1.ConditionTrue })
}

// outcome is what a task that has ended and its pod tell.
func (j *Job) outcome(ctx context.Context, name string, job batchv1.Job) (Done, error) {
	done := Done{Failed: !ended(job, batchv1.JobComplete)}
	if job.Status.StartTime != nil {
		done.From = job.Status.StartTime.UTC()
	}
	if job.Status.CompletionTime != nil {
		done.Until = job.Status.CompletionTime.UTC()
	}
	for _, c := range job.Status.Conditions {
		if c.Type == batchv1.JobFailed {
			done.Why = c.Reason
		}
	}
	all, err := j.podsOf(ctx, name)
	if err != nil {
		return done, err
	}
	for _, o := range all {
		var pod corev1.Pod
		_ = runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &pod)
		why := []string{pod.Status.Reason}
		for _, c := range pod.Status.ContainerStatuses {
			if c.State.Terminated != nil {
				done.Said = strings.TrimSpace(c.State.Terminated.Message)
				why = append(why, c.State.Terminated.Reason)
			}
		}
		if text := strings.TrimSpace(strings.Join(why, " ")); done.Failed && text != "" {
			done.Why = text
		}
	}
	return done, nil
}

// podsOf are the pods of a task, as the API server has them.
func (j *Job) podsOf(ctx context.Context, name string) ([]*unstructured.Unstructured, error) {
	found, err := j.driver.client.Resource(pods).Namespace(j.Namespace).List(ctx, metav1.ListOptions{LabelSelector: batchv1.JobNameLabel + "=" + name})
	if err != nil {
		return nil, err
	}
	return pointers(found.Items), nil
}

// cannotRun says why the pod of a task does not get to run.
func (j *Job) cannotRun(ctx context.Context, name string) error {
	all, err := j.podsOf(ctx, name)
	if err != nil {
		return err
	}
	message, who := Obstacle(View{Pods: all, Warnings: func() []string { return j.driver.warnings(ctx, j.Namespace) }})
	if message == "" {
		message, who = "The zone's cluster does not run the pod "+name+" that it needs. The operator of the zone finds the reason in the pod's events; it is tried again.", "operator"
	}
	return &driver.BlockedError{Message: message, BlockedBy: who, Err: fmt.Errorf("the pod of the task %s did not run within %v", name, taskPatience)}
}

// EndTask deletes a task, whether or not it has come to its end, and returns once
// neither it nor its pod is there.
func (j *Job) EndTask(ctx context.Context, name string) error {
	before, err := j.Get(ctx, tasks, name)
	if err != nil || before == nil {
		return err
	}
	if err := j.driver.deleteWhole(ctx, tasks, before); err != nil {
		return err
	}
	err = j.Watch(ctx, tasks, name, func(o *unstructured.Unstructured) (bool, error) { return o.GetUID() != before.GetUID(), nil })
	if errors.Is(err, errDeleted) {
		return nil
	}
	return err
}
