package tenancy

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/mail"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/tenancy/tenancydb"
)

// FirstOperator is the organization that runs Souk, and the first person in it.
type FirstOperator struct {
	Organization, DisplayName, TimeZone string
	Email, Name, Password               string
}

// Planted is what came of a FirstOperator.
type Planted struct {
	Organization string // that is the operator now
	Made         bool   // just now; else it was there, and nothing was changed
	HadAccount   bool   // the person, who keeps the password that there was
}

// Plant makes what a Souk without an operator needs to have one. Where there is an
// operator it changes nothing. The transaction is one of souk_system.
func (f FirstOperator) Plant(ctx context.Context, tx store.Tx, at time.Time) (Planted, error) {
	if err := errors.Join(mail.CheckAddress("email", f.Email), CheckName("organization", f.Organization), checkTimeZone("timeZone", f.TimeZone)); err != nil {
		return Planted{}, err
	}
	q := tenancydb.New(tx)
	if err := q.LockOperators(ctx); err != nil {
		return Planted{}, err
	}
	there, err := FindOrganizations(ctx, tx, OrganizationFilter{Kind: "operator", Limit: 1})
	if err != nil {
		return Planted{}, err
	}
	if len(there) > 0 {
		return Planted{Organization: there[0].Organization.Metadata.Name}, nil
	}
	if _, err := q.OrganizationID(ctx, f.Organization); err == nil {
		return Planted{}, problem.Conflict("name-taken", "There is an organization %s, which is not the operator. Choose another name.", f.Organization)
	} else if !errors.Is(err, pgx.ErrNoRows) {
		return Planted{}, err
	}
	_, known, err := present(ctx, q, f.Email)
	if err != nil {
		return Planted{}, err
	}
	seed := Seed{
		Name: f.Organization, DisplayName: f.DisplayName, Kinds: []string{"operator"}, TimeZone: f.TimeZone, Projects: []string{DefaultProject},
		Members: []SeedMember{{Email: f.Email, Name: f.Name, Password: f.Password, Role: api.RoleOwner}},
	}
	id, err := seed.Plant(ctx, tx, at)
	if err != nil {
		return Planted{}, err
	}
	return Planted{f.Organization, true, known}, audit.Write(ctx, tx, audit.Event{
		Organization: id, At: at, Actor: seeder, Action: "member.add", Kind: "member", ObjectName: f.Email, Details: map[string]any{"role": string(api.RoleOwner)},
	})
}
