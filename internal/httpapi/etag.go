package httpapi

import (
	"strconv"
	"strings"

	"souk/internal/problem"
)

// ETag returns the entity tag of a version of an object's spec and metadata.
func ETag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// CheckIfMatch refuses a change that was made from another version than the
// present one. An empty header and "*" match all.
func CheckIfMatch(header string, version int64) error {
	if header == "" {
		return nil
	}
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		if tag == "*" || tag == ETag(version) {
			return nil
		}
	}
	return problem.Stale()
}
