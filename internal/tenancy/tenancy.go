// Package tenancy keeps organizations, their projects and members, accounts,
// sessions and API tokens.
//
// Its functions work in the transaction that they are given, which decides what
// they see; whoever calls them has checked the asker's role. Where the rules
// depend on what is changed, they ask for it by a Require.
package tenancy

import (
	"regexp"

	"souk/internal/authz"
	"souk/internal/problem"
)

// Require refuses when the asker may not do a at the place of the request.
type Require func(a authz.Action) error

var names = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

// CheckName refuses what cannot be a name. Location is the field that it is in.
func CheckName(location, name string) error {
	if names.MatchString(name) {
		return nil
	}
	return problem.InvalidField(location, name, "must be 1 to 63 lower-case letters, digits and hyphens, start with a letter and not end with a hyphen")
}
