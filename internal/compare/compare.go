// Package compare has the comparison for sorting that cmp lacks.
package compare

// Bool compares as cmp.Compare does: false comes before true.
func Bool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
