package tenancy

import (
	"context"
	"time"

	"souk/api"
	"souk/internal/authz"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/tenancy/tenancydb"
)

// mostFounded is how many organizations a person can own and still make another:
// names and quotas are not for the taking.
const mostFounded = 5

// FoundOrganization makes an organization that the person owns. Whoever has an
// account has shown that the address is theirs. The transaction is one of
// souk_system.
func (a *Accounts) FoundOrganization(ctx context.Context, tx store.Tx, who authz.Principal, in api.SignUpOrganization, now time.Time) (api.Organization, error) {
	if err := together(CheckName("body.name", in.Name), checkPersonName("body.displayName", in.DisplayName)); err != nil {
		return api.Organization{}, err
	}
	q := tenancydb.New(tx)
	if err := takeName(ctx, q, in.Name, who.Name, now); err != nil {
		return api.Organization{}, atField(err, "body.name", in.Name)
	}
	if _, _, err := a.lockEmail(ctx, q, who.Name); err != nil { // so that two at once are counted
		return api.Organization{}, err
	}
	owned, err := q.OwnedBy(ctx, who.Account)
	if err != nil {
		return api.Organization{}, err
	}
	if owned >= mostFounded {
		return api.Organization{}, problem.Conflict("too-many-organizations", "You own %d organizations, and can make no more by yourself. Ask the operator for another.", owned)
	}
	organization := api.OrganizationCreate{Name: in.Name, DisplayName: in.DisplayName, TimeZone: defaultTimeZone, Kinds: []string{"customer"}}
	id, err := makeOrganization(ctx, q, organization, who.Account, now)
	if err != nil {
		return api.Organization{}, err
	}
	return Organization(ctx, tx, id)
}
