package portal

import (
	"slices"

	"souk/internal/authz"
)

// may says whether the visitor's role allows something in a project ("": in any
// project of the organization). Pages leave out what it does not; whoever asks
// for it all the same is refused by the API.
func (v *visit) may(a authz.Action, project string) bool {
	for _, o := range v.who.Organizations {
		within := project == "" || len(o.Projects) == 0 || slices.Contains(o.Projects, project)
		if o.Name == v.org && within && authz.Allows(o.Role, a) {
			return true
		}
	}
	return false
}

// mayOperate says whether the visitor may do something across organizations, as
// one of the operator's staff.
func (v *visit) mayOperate(a authz.Action) bool {
	if v.who == nil {
		return false
	}
	for _, o := range v.who.Organizations {
		if o.Operator && len(o.Projects) == 0 && slices.Contains(authz.Roles(a), o.Role) {
			return true
		}
	}
	return false
}
