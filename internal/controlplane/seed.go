package controlplane

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/account"
	"souk/internal/catalog"
	"souk/internal/catalog/catalogdb"
	"souk/internal/credit"
	"souk/internal/servicepkg"
	"souk/internal/store"
	"souk/internal/tenancy"
)

// seed lays down the demonstration data, or what is missing of it, and publishes
// the built-in packages as they are now.
func (cp *ControlPlane) seed(ctx context.Context, packages map[string]servicepkg.Package) error {
	if cp.config.Demo == nil {
		return nil
	}
	return cp.store.System(ctx, func(tx store.Tx) error {
		organizations, err := cp.plant(ctx, tx)
		if err != nil {
			return err
		}
		return cp.publish(ctx, tx, organizations, packages)
	})
}

// zoneTime is the time zone of the demonstration organizations.
const zoneTime = "Europe/Zurich"

func (cp *ControlPlane) plant(ctx context.Context, tx store.Tx) (map[string]uuid.UUID, error) {
	d := cp.config.Demo
	people := func(organization string, roles ...api.Role) []tenancy.SeedMember {
		var out []tenancy.SeedMember
		for _, r := range roles {
			out = append(out, tenancy.SeedMember{Email: string(r) + "@" + organization + ".example", Name: organization + " " + string(r), Password: d.Password, Role: r})
		}
		return out
	}
	token := func(context string) []tenancy.SeedToken {
		return []tenancy.SeedToken{{Name: "souk-dev", Role: api.RoleOwner, Secret: d.Tokens[context], Days: 3650}}
	}
	ids := map[string]uuid.UUID{}
	for _, s := range []tenancy.Seed{
		{Name: "operator", DisplayName: "The operator", Kinds: []string{"operator"}, TimeZone: zoneTime, Projects: []string{"default"}, Members: people("operator", api.RoleOwner), Tokens: token("operator")},
		{Name: "local-cloud", DisplayName: "Local Cloud", Kinds: []string{"csp"}, TimeZone: zoneTime, Projects: []string{"default"}, Members: people("local-cloud", api.RoleOwner)},
		{Name: "acme", DisplayName: "Acme", Kinds: []string{"customer"}, TimeZone: zoneTime, Projects: []string{"default"}, Members: people("acme", api.RoleOwner, api.RoleEditor, api.RoleViewer), Tokens: token("acme")},
		{Name: "globex", DisplayName: "Globex", Kinds: []string{"customer"}, TimeZone: zoneTime, Projects: []string{"default"}, Members: people("globex", api.RoleOwner), Tokens: token("globex")},
	} {
		id, err := s.Plant(ctx, tx, cp.clock.Now())
		if err != nil {
			return nil, err
		}
		ids[s.Name] = id
	}
	return ids, cp.plantParties(ctx, tx, ids)
}

// plantParties makes up a company that issues the demonstration's invoices, and addresses
// that they are made out to, where the operator has set none.
func (cp *ControlPlane) plantParties(ctx context.Context, tx store.Tx, organizations map[string]uuid.UUID) error {
	now := cp.clock.Now()
	if _, has, err := account.CurrentIssuer(ctx, tx); err != nil || !has {
		issuer := api.Issuer{Name: "Souk Demo AG (fictional)", Street: "Beispielstrasse", Building: "1", PostalCode: "8001", Town: "Zürich", Country: "CH", VATID: "CHE-109.322.551 MWST",
			IBAN: "CH9300762011623852957", Email: "invoices@operator.example", Currency: "CHF", TimeZone: zoneTime, PaymentDays: 30, GraceHours: 24}
		if err := errors.Join(err, account.PutIssuer(ctx, tx, issuer, now)); err != nil {
			return err
		}
	}
	for name, profile := range map[string]api.BillingProfile{
		"acme":   {Name: "Acme AG (fictional)", Street: "Musterweg", Building: "12", PostalCode: "3011", Town: "Bern", Country: "CH", Reference: "PO 4711"},
		"globex": {Name: "Globex GmbH (fictional)", Street: "Musterallee", Building: "7", PostalCode: "10115", Town: "Berlin", Country: "DE", VATID: "DE123456789", Language: "de"},
	} {
		was, err := account.Profile(ctx, tx, organizations[name])
		if err != nil || !was.UpdatedAt.IsZero() {
			if err != nil {
				return err
			}
			continue
		}
		if err := account.PutProfile(ctx, tx, organizations[name], profile, now); err != nil {
			return err
		}
	}
	return plantCreditTerms(ctx, tx, now)
}

// plantCreditTerms says what the demonstration gives back where instances are less
// available, where the operator has said nothing.
func plantCreditTerms(ctx context.Context, tx store.Tx, now time.Time) error {
	was, err := credit.List(ctx, tx)
	if err != nil || len(was) > 0 {
		return err
	}
	for _, terms := range []api.CreditTermsSpec{
		{ServiceLevel: catalog.BestEffort, Tiers: []api.CreditTier{{Below: "99.5", Percent: "10"}, {Below: "99", Percent: "25"}, {Below: "95", Percent: "100"}}, Cap: "50"},
		{ServiceLevel: catalog.Guaranteed, Tiers: []api.CreditTier{{Below: "99.95", Percent: "10"}, {Below: "99.5", Percent: "25"}, {Below: "95", Percent: "100"}}},
	} {
		if _, err := credit.Publish(ctx, tx, terms, "demonstration", now); err != nil {
			return err
		}
	}
	return nil
}

// publish offers the built-in packages in the zone `local`, as they are now. What
// the operator has since made otherwise stays so.
func (cp *ControlPlane) publish(ctx context.Context, tx store.Tx, organizations map[string]uuid.UUID, packages map[string]servicepkg.Package) error {
	now, q, d := cp.clock.Now(), catalogdb.New(tx), cp.config.Demo
	operator, err := q.InsertProvider(ctx, catalogdb.InsertProviderParams{ID: store.NewID(), OrganizationID: organizations["operator"], Name: "souk", Title: "Souk", Kind: "operator", CreatedAt: now})
	if err != nil {
		return err
	}
	csp, err := q.InsertProvider(ctx, catalogdb.InsertProviderParams{ID: store.NewID(), OrganizationID: organizations["local-cloud"], Name: "local-cloud", Title: "Local Cloud", Kind: "csp", CreatedAt: now})
	if err != nil {
		return err
	}
	_, err = q.InsertZone(ctx, catalogdb.InsertZoneParams{ID: store.NewID(), ProviderID: csp, OrganizationID: organizations["local-cloud"], Name: "local", Title: "This machine",
		Driver: "process", FailureDomains: []string{"this-machine"}, CapacityCpuMillis: d.CPUMillis, CapacityMemoryMib: d.MemoryMiB, CapacityStorageGib: d.StorageGiB, CapacityInstances: d.Instances, CreatedAt: now})
	if err != nil {
		return err
	}
	prices, err := catalog.EnsurePriceList(ctx, tx, operator, "demo", "CHF", demoPrices(packages), now)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(packages)) { // the catalog lists them as they came
		revision, err := catalog.PublishPackage(ctx, tx, operator, packages[name].Definition, now)
		if err != nil {
			return err
		}
		if err := catalog.KeepOffered(ctx, tx, name, "local", revision, prices, catalog.BestEffort, now); err != nil {
			return err
		}
	}
	return nil
}

// demoPrices are what the packages say that their services cost, by service.
func demoPrices(packages map[string]servicepkg.Package) []catalog.PriceEntry {
	var entries []catalog.PriceEntry
	for _, name := range slices.Sorted(maps.Keys(packages)) {
		for _, p := range packages[name].DemoPrices {
			entries = append(entries, catalog.PriceEntry{Service: name, Plan: p.Plan, ServiceLevel: catalog.BestEffort, Item: p.Item, Unit: p.Unit, Amount: p.Amount, Mode: p.Mode, Tiers: p.Tiers})
		}
	}
	return entries
}
