package tenancy

import (
	"context"

	"souk/api"
	"souk/internal/store"
	"souk/internal/tenancy/tenancydb"
)

// OrganizationFilter chooses organizations; empty fields choose all.
type OrganizationFilter struct {
	Text  string // occurs in the name or the displayed one
	Kind  string
	After string // by name
	Limit int
}

// FindOrganizations lists those that the filter chooses, by name, with how many
// instances each has.
func FindOrganizations(ctx context.Context, tx store.Tx, f OrganizationFilter) ([]api.OperatorOrganization, error) {
	rows, err := tenancydb.New(tx).FindOrganizations(ctx, tenancydb.FindOrganizationsParams{After: f.After, Text: f.Text, Kind: f.Kind, Limit: int32(f.Limit)})
	out := []api.OperatorOrganization{}
	for _, r := range rows {
		out = append(out, api.OperatorOrganization{Instances: r.Instances, Organization: organization(tenancydb.Organization{
			ID: r.ID, Name: r.Name, DisplayName: r.DisplayName, Kinds: r.Kinds, TimeZone: r.TimeZone, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
			QuotaInstances: r.QuotaInstances, QuotaCpuMillis: r.QuotaCpuMillis, QuotaMemoryMib: r.QuotaMemoryMib, QuotaStorageGib: r.QuotaStorageGib,
		})})
	}
	return out, err
}
