package kubernetes

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"
)

// newCounted is an applier whose requests are counted; the server answers with
// what was applied, as the version that is given.
func newCounted(version func() string) (a *applier, asked *int) {
	client := fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{secrets: "SecretList"})
	asked = new(int)
	client.PrependReactor("*", "*", func(action clienttesting.Action) (bool, runtime.Object, error) {
		*asked++
		o := &unstructured.Unstructured{}
		if err := o.UnmarshalJSON(action.(clienttesting.PatchAction).GetPatch()); err != nil {
			return true, nil, err
		}
		o.SetResourceVersion(version())
		return true, o, nil
	})
	return newApplier(client), asked
}

// TestNothingIsAskedWhereNothingDiffers: an object costs a request only where it
// is not as it was left, or is wanted otherwise.
func TestNothingIsAskedWhereNothingDiffers(t *testing.T) {
	wanted := func(value string) *unstructured.Unstructured {
		o := Secret("n", "s", map[string]string{"a": "b"}, map[string][]byte{"k": []byte(value)})
		o.SetAnnotations(map[string]string{"note": "x"})
		return o
	}
	live := func(version string, change func(o *unstructured.Unstructured)) *unstructured.Unstructured {
		o := wanted("1")
		o.SetResourceVersion(version)
		if change != nil {
			change(o)
		}
		return o
	}
	for _, test := range []struct {
		name   string
		wanted *unstructured.Unstructured
		live   *unstructured.Unstructured
		asks   int
	}{
		{"as it was left", wanted("1"), live("7", nil), 0},
		{"wanted otherwise", wanted("2"), live("7", nil), 1},
		{"changed by somebody", wanted("1"), live("8", nil), 1},
		{"gone, or out of sight", wanted("1"), nil, 1},
		{"its label taken", wanted("1"), live("7", func(o *unstructured.Unstructured) { o.SetLabels(nil) }), 1},
		{"its annotation changed", wanted("1"), live("7", func(o *unstructured.Unstructured) { o.SetAnnotations(map[string]string{"note": "y"}) }), 1},
		{"something added", wanted("1"), live("7", func(o *unstructured.Unstructured) { o.SetLabels(map[string]string{"a": "b", "c": "d"}) }), 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, asked := newCounted(func() string { return "7" })
			if err := a.apply(t.Context(), secrets, wanted("1"), nil); err != nil || *asked != 1 {
				t.Fatalf("the first time: %v, %d requests", err, *asked)
			}
			if err := a.apply(t.Context(), secrets, test.wanted, test.live); err != nil || *asked-1 != test.asks {
				t.Errorf("%v, %d requests, want %d", err, *asked-1, test.asks)
			}
		})
	}
}

func TestAForgottenInstanceIsAppliedAgain(t *testing.T) {
	a, asked := newCounted(func() string { return "7" })
	one, other := Secret("n", "s", nil, nil), Secret("nn", "s", nil, nil)
	again := func() {
		for _, o := range []*unstructured.Unstructured{one, other} {
			live := o.DeepCopy()
			live.SetResourceVersion("7")
			if err := a.apply(t.Context(), secrets, o, live); err != nil {
				t.Fatal(err)
			}
		}
	}
	again()
	a.forget("n")
	if again(); *asked != 3 {
		t.Errorf("%d requests", *asked)
	}
}

func TestVersionsThatCount(t *testing.T) {
	o := Object("v1", "Pod", "n", "p", nil, map[string]any{})
	o.SetResourceVersion("7")
	if v := versionOf(o); v != "rv7" {
		t.Error(v)
	}
	o.SetGeneration(2) // only what is wanted of it counts then
	if v := versionOf(o); v != "2" {
		t.Error(v)
	}
}
