package kubernetes

import (
	"encoding/json"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"souk/internal/driver"
)

func TestWhatIsToldOfARestoreInPlace(t *testing.T) {
	for _, test := range []struct {
		stage          rewindStage
		told           bool
		aside, doubled bool
	}{
		{"", true, false, false},
		{rewindFinding, false, false, false},
		{rewindStopping, false, true, false},
		{rewindRestoring, false, true, true},
		{rewindBack, false, true, true},
		{rewindClearing, false, false, true},
	} {
		is := rewind{Number: 3, Stage: test.stage}
		if told := is.told(); (told != nil) != test.told || told != nil && told.Number != 3 {
			t.Errorf("%q: told %+v", test.stage, told)
		}
		if is.aside() != test.aside || is.doubled() != test.doubled {
			t.Errorf("%q: aside %v, doubled %v", test.stage, is.aside(), is.doubled())
		}
	}
	if (rewind{}).told() != nil {
		t.Error("a restore in place is told of that never was")
	}
	if text, who := (rewind{Stage: rewindRestoring, Problem: "No node has room.", Who: "capacity"}).message(); text != "It is being restored in place. No node has room." || who != "capacity" {
		t.Errorf("%q, %q", text, who)
	}
}

func TestWhatIsTriedAgain(t *testing.T) {
	pod := func(restarts ...int64) *unstructured.Unstructured {
		var statuses []any
		for _, n := range restarts {
			statuses = append(statuses, map[string]any{"restartCount": n})
		}
		return &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{"containerStatuses": statuses}}}
	}
	for name, test := range map[string]struct {
		pods  []*unstructured.Unstructured
		again bool
	}{
		"nothing":                     {nil, false},
		"not begun":                   {[]*unstructured.Unstructured{pod()}, false},
		"for the first time":          {[]*unstructured.Unstructured{pod(0, 0), pod(0)}, false},
		"one container of one member": {[]*unstructured.Unstructured{pod(0, 0), pod(0, 1)}, true},
	} {
		if is := retrying(test.pods); is != test.again {
			t.Errorf("%s: %v", name, is)
		}
	}
}

// What the record of an instance says that was never restored in place stays as it was.
func TestTheRecordOfARestoreInPlace(t *testing.T) {
	if text, err := json.Marshal(record{Service: "one"}); err != nil || string(text) != `{"service":"one","generation":0,"plan":{"name":"","revision":0,"cpuMillis":0,"memoryMiB":0},"storageGiB":0}` {
		t.Errorf("%s, %v", text, err)
	}
	of := &Restore{From: "other", Source: "db-r1/b", Until: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), Whole: true}
	text, err := json.Marshal(record{MadeBy: 1, Restored: of, Rewind: rewind{Number: 2, Stage: rewindRestoring, Of: of, Before: 1}})
	var again record
	if err := json.Unmarshal(text, &again); err != nil || again.MadeBy != 1 || *again.Restored != *of || *again.Rewind.Of != *of || again.Rewind.Before != 1 {
		t.Errorf("%s, %v", text, err)
	}
	if err != nil {
		t.Error(err)
	}
}

func TestQuotaHasRoomForBothWhileAnInstanceIsRestoredInPlace(t *testing.T) {
	want := driver.Instance{Plan: driver.Plan{CPUMillis: 100, MemoryMiB: 200}, StorageGiB: 3}
	for stage, storage := range map[rewindStage]string{"": "6Gi", rewindFinding: "6Gi", rewindRestoring: "12Gi", rewindClearing: "12Gi"} {
		o := quota(&Job{Want: want}, oneMember{}, record{Rewind: rewind{Number: 1, Stage: stage}})
		if got, _, _ := unstructured.NestedString(o.Object, "spec", "hard", "requests.storage"); got != storage {
			t.Errorf("%q: %s", stage, got)
		}
	}
}

func TestAttemptsThatFailed(t *testing.T) {
	of := func(phases ...string) (all []*unstructured.Unstructured) {
		for _, phase := range phases {
			all = append(all, pod(map[string]any{"phase": phase}))
		}
		return all
	}
	for _, test := range []struct {
		pods   []*unstructured.Unstructured
		failed int
		again  bool
	}{
		{of(), 0, false},
		{of("Running"), 0, true},
		{of("Failed", "Failed", "Pending"), 2, true},
		{of("Failed", "Succeeded"), 0, false},
	} {
		if failed, again := attempts(test.pods); len(failed) != test.failed || again != test.again {
			t.Errorf("%d failed, again %v; want %d, %v", len(failed), again, test.failed, test.again)
		}
	}
}
