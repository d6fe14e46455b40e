package reconcile

import (
	"cmp"
	"slices"

	"souk/internal/driver"
)

// thresholds of storage in use, in percent of the plan's, whose crossing is
// always worth a report.
var thresholds = []int64{80, 90, 95, 100}

// sameToReaders says that the second observation tells nobody anything that the
// first did not.
func sameToReaders(a, b driver.Observation) bool {
	return a.State == b.State &&
		a.Generation == b.Generation &&
		a.Plan == b.Plan &&
		a.StorageGiB == b.StorageGiB &&
		a.Message == b.Message &&
		a.BlockedBy == b.BlockedBy &&
		a.Version == b.Version &&
		sameEndpoint(a.Endpoint, b.Endpoint) &&
		slices.Equal(byType(a.Conditions), byType(b.Conditions)) &&
		slices.Equal(a.Members, b.Members) &&
		sameRewound(a.Rewound, b.Rewound) &&
		sameUse(a.StorageUsedBytes, b.StorageUsedBytes, b.StorageGiB)
}

func sameRewound(a, b *driver.Rewound) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

func sameEndpoint(a, b *driver.Endpoint) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

func byType(conditions []driver.Condition) []driver.Condition {
	if len(conditions) < 2 {
		return conditions
	}
	return slices.SortedFunc(slices.Values(conditions), func(a, b driver.Condition) int {
		return cmp.Compare(a.Type, b.Type)
	})
}

// sameUse is true while the use of storage has moved by no more than a
// hundredth of what the plan has, and over no threshold.
func sameUse(a, b, planGiB int64) bool {
	if (a == 0) != (b == 0) {
		return false // measured for the first time
	}
	plan := planGiB << 30
	moved := max(a, b) - min(a, b)
	if moved == 0 || plan == 0 {
		return true
	}
	return moved <= plan/100 && thresholdsCrossed(a, plan) == thresholdsCrossed(b, plan)
}

func thresholdsCrossed(used, plan int64) int {
	n := 0
	for _, percent := range thresholds {
		if used >= plan/100*percent {
			n++
		}
	}
	return n
}
