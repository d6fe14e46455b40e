package driver

import "slices"

// AllOrNone says of allowed networks whether they let everybody in, or nobody. It
// is not ok where they let in some and keep others out.
func AllOrNone(networks []string) (all, ok bool) {
	if slices.Contains(networks, "0.0.0.0/0") || slices.Contains(networks, "::/0") {
		return true, true
	}
	return false, len(networks) == 0
}
