package tenancy

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/tenancy/tenancydb"
)

// DefaultProject is the project that every organization starts with.
const DefaultProject = "default"

const defaultTimeZone = "Europe/Zurich"

// Organizations lists those that the transaction sees, by name, after the given one.
func Organizations(ctx context.Context, tx store.Tx, after string, limit int) ([]api.Organization, error) {
	rows, err := tenancydb.New(tx).Organizations(ctx, tenancydb.OrganizationsParams{After: after, Limit: int32(limit)})
	if err != nil {
		return nil, err
	}
	list := make([]api.Organization, len(rows))
	for i, r := range rows {
		list[i] = organization(r)
	}
	return list, nil
}

// Organization returns one organization.
func Organization(ctx context.Context, tx store.Tx, id uuid.UUID) (api.Organization, error) {
	row, err := tenancydb.New(tx).Organization(ctx, id)
	return organization(row), found(err, "organization", id.String())
}

func organization(r tenancydb.Organization) api.Organization {
	return api.Organization{
		Metadata:    api.Metadata{ID: r.ID.String(), Name: r.Name, CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC()},
		DisplayName: r.DisplayName, TimeZone: r.TimeZone, Kinds: r.Kinds, Quota: quota(r),
	}
}

func quota(r tenancydb.Organization) api.Quota {
	return api.Quota{Instances: r.QuotaInstances, CPUMillis: r.QuotaCpuMillis, MemoryMiB: r.QuotaMemoryMib, StorageGiB: r.QuotaStorageGib}
}

// CreateOrganization makes an organization with its first owner and its first
// project. The transaction is one of souk_system.
func CreateOrganization(ctx context.Context, tx store.Tx, in api.OrganizationCreate, at time.Time) (api.Organization, error) {
	if err := CheckName("body.name", in.Name); err != nil {
		return api.Organization{}, err
	}
	if in.TimeZone == "" {
		in.TimeZone = defaultTimeZone
	}
	if err := checkTimeZone("body.timeZone", in.TimeZone); err != nil {
		return api.Organization{}, err
	}
	if len(in.Kinds) == 0 {
		in.Kinds = []string{"customer"}
	}
	slices.Sort(in.Kinds)
	q := tenancydb.New(tx)
	owner, err := accountByEmail(ctx, q, "body.owner", in.Owner)
	if err != nil {
		return api.Organization{}, err
	}
	if err := takeName(ctx, q, in.Name, in.Owner, at); err != nil {
		return api.Organization{}, err
	}
	id, err := makeOrganization(ctx, q, in, owner.ID, at)
	if err != nil {
		return api.Organization{}, err
	}
	return Organization(ctx, tx, id)
}

// takeName refuses a name that is taken by an organization, or held by somebody
// who signed up with another address. Until the transaction ends nobody else
// gets it.
func takeName(ctx context.Context, q *tenancydb.Queries, name, email string, at time.Time) error {
	if err := q.LockName(ctx, name); err != nil {
		return err
	}
	taken, err := q.NameTaken(ctx, tenancydb.NameTakenParams{Name: name, Email: email, Now: at})
	if err == nil && taken {
		return nameTaken(name)
	}
	return err
}

func nameTaken(name string) *problem.Error {
	return problem.Conflict("name-taken", "There is an organization named %q already. Choose another name.", name)
}

// makeOrganization makes an organization of a free name, with its first project
// and its first owner.
func makeOrganization(ctx context.Context, q *tenancydb.Queries, in api.OrganizationCreate, owner uuid.UUID, at time.Time) (uuid.UUID, error) {
	id := store.NewID()
	n, err := q.InsertOrganization(ctx, tenancydb.InsertOrganizationParams{
		ID: id, Name: in.Name, DisplayName: in.DisplayName, Kinds: slices.Compact(in.Kinds), TimeZone: in.TimeZone, CreatedAt: at,
	})
	if err != nil {
		return id, err
	}
	if n == 0 {
		return id, nameTaken(in.Name)
	}
	if _, err := q.InsertProject(ctx, tenancydb.InsertProjectParams{ID: store.NewID(), OrganizationID: id, Name: DefaultProject, CreatedAt: at}); err != nil {
		return id, err
	}
	return id, q.InsertMember(ctx, tenancydb.InsertMemberParams{ID: store.NewID(), OrganizationID: id, AccountID: owner, Role: string(api.RoleOwner), CreatedAt: at})
}

// UpdateOrganization sets what the organization's administrators may.
func UpdateOrganization(ctx context.Context, tx store.Tx, id uuid.UUID, in api.OrganizationUpdate, at time.Time) error {
	if err := checkTimeZone("body.timeZone", in.TimeZone); err != nil {
		return err
	}
	return tenancydb.New(tx).UpdateOrganization(ctx, tenancydb.UpdateOrganizationParams{ID: id, DisplayName: in.DisplayName, TimeZone: in.TimeZone, UpdatedAt: at})
}

// checkTimeZone refuses what is not an IANA zone; "Local" is the machine's, and
// nobody's billing account.
func checkTimeZone(location, zone string) error {
	if _, err := time.LoadLocation(zone); err != nil || zone == "" || zone == "Local" {
		return problem.InvalidField(location, zone, "must be an IANA time zone such as Europe/Zurich")
	}
	return nil
}

// QuotaUse returns the organization's quota and what is used of it.
func QuotaUse(ctx context.Context, tx store.Tx, id uuid.UUID) (api.QuotaUse, error) {
	q := tenancydb.New(tx)
	row, err := q.Organization(ctx, id)
	if err != nil {
		return api.QuotaUse{}, found(err, "organization", id.String())
	}
	used, err := q.QuotaUsed(ctx, id)
	return api.QuotaUse{
		Quota: quota(row),
		Used:  api.Quota{Instances: used.Instances, CPUMillis: used.CpuMillis, MemoryMiB: used.MemoryMib, StorageGiB: used.StorageGib},
	}, err
}

// PutQuota sets the organization's quota. One below what is used is allowed: it
// keeps the organization from ordering more. The transaction is one of
// souk_system.
func PutQuota(ctx context.Context, tx store.Tx, id uuid.UUID, in api.Quota, at time.Time) error {
	_, err := tenancydb.New(tx).PutQuota(ctx, tenancydb.PutQuotaParams{
		ID: id, QuotaInstances: in.Instances, QuotaCpuMillis: in.CPUMillis, QuotaMemoryMib: in.MemoryMiB, QuotaStorageGib: in.StorageGiB, UpdatedAt: at,
	})
	return found(err, "organization", id.String())
}

// accountByEmail finds a person who can be given a role.
func accountByEmail(ctx context.Context, q *tenancydb.Queries, location, email string) (tenancydb.AccountByEmailRow, error) {
	account, err := q.AccountByEmail(ctx, email)
	if errors.Is(err, pgx.ErrNoRows) {
		return account, problem.InvalidField(location, email, "belongs to no account here. The person needs an account before a role can be given")
	}
	if err == nil && account.DisabledAt != nil {
		return account, problem.InvalidField(location, email, "belongs to an account that is disabled")
	}
	return account, err
}
