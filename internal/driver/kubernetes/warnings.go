package kubernetes

import (
	"context"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	// warningAge is how long ago an event may be that still says what is wrong:
	// whoever tries goes on trying more often than that.
	warningAge = 5 * time.Minute
	// volumePatience is how long the storage may take to make a volume.
	volumePatience = time.Minute
)

// warnings are the newest events that say why something is not ready.
func (d *Driver) warnings(ctx context.Context, namespace string) []string {
	found, err := d.client.Resource(events).Namespace(namespace).List(ctx, metav1.ListOptions{Limit: 500})
	if err != nil {
		return nil
	}
	return worthTelling(found.Items, d.cfg.Now())
}

// worthTelling keeps the events that are warnings, or that tell of a wait for
// too long, as "reason: message", newest last.
func worthTelling(found []unstructured.Unstructured, now time.Time) []string {
	slices.SortStableFunc(found, func(a, b unstructured.Unstructured) int { return lastOf(&a).Compare(lastOf(&b)) })
	var out []string
	for i := range found {
		e := &found[i]
		kind, _, _ := unstructured.NestedString(e.Object, "type")
		reason, _, _ := unstructured.NestedString(e.Object, "reason")
		message, _, _ := unstructured.NestedString(e.Object, "message")
		waited := strings.HasPrefix(reason, "ExternalProvisioning") && now.Sub(e.GetCreationTimestamp().Time) > volumePatience
		if (kind == "Warning" || waited) && now.Sub(lastOf(e)) < warningAge {
			out = append(out, reason+": "+message)
		}
	}
	return out
}

// lastOf is when an event happened last.
func lastOf(e *unstructured.Unstructured) time.Time {
	for _, path := range [][]string{{"series", "lastObservedTime"}, {"lastTimestamp"}, {"eventTime"}} {
		text, _, _ := unstructured.NestedString(e.Object, path...)
		if at, err := time.Parse(time.RFC3339, text); err == nil {
			return at
		}
	}
	return e.GetCreationTimestamp().Time
}
