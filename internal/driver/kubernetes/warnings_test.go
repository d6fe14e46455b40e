package kubernetes

import (
	"reflect"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestWarningsThatAreWorthTelling(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	event := func(kind, reason string, begun, last time.Duration, path ...string) unstructured.Unstructured {
		o := Object("v1", "Event", "n", reason, nil, map[string]any{"type": kind, "reason": reason, "message": "m"})
		o.SetCreationTimestamp(metav1.NewTime(now.Add(-begun)))
		if path != nil {
			if err := unstructured.SetNestedField(o.Object, now.Add(-last).Format(time.RFC3339Nano), path...); err != nil {
				t.Fatal(err)
			}
		}
		return *o
	}
	got := worthTelling([]unstructured.Unstructured{
		event("Warning", "Newest", time.Hour, time.Second, "lastTimestamp"),
		event("Warning", "New", time.Hour, 3*time.Second, "series", "lastObservedTime"),
		event("Warning", "Newer", time.Hour, 2*time.Second, "eventTime"),
		event("Warning", "Old", time.Hour, 30*time.Minute, "lastTimestamp"),
		event("Warning", "Begun", time.Minute, 0),
		event("Normal", "Scheduled", time.Minute, time.Second, "lastTimestamp"),
		event("Normal", "ExternalProvisioning", 2*time.Minute, 4*time.Second, "lastTimestamp"),
		event("Normal", "ExternalProvisioning", 2*time.Second, time.Second, "lastTimestamp"),
	}, now)
	want := []string{"Begun: m", "ExternalProvisioning: m", "New: m", "Newer: m", "Newest: m"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
