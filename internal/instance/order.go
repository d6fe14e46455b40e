package instance

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/billing"
	"souk/internal/catalog/catalogdb"
	"souk/internal/instance/instancedb"
	"souk/internal/problem"
	"souk/internal/store"
)

// Order accepts an order: from then on the instance exists, counts against
// quota and capacity, and has a billing chain. It returns its view.
func (s *Service) Order(ctx context.Context, tx store.Tx, p Place, o api.InstanceOrder) (View, error) {
	if err := s.welcome(ctx, tx, p); err != nil {
		return View{}, err
	}
	if err := checkName("body.metadata.name", o.Metadata.Name); err != nil {
		return View{}, err
	}
	if err := s.nameFree(ctx, tx, p, o.Metadata.Name); err != nil {
		return View{}, err
	}
	restore, err := s.findRestore(ctx, tx, p, &o)
	if err != nil {
		return View{}, err
	}
	want, err := s.propose(ctx, tx, p.Organization, o.Spec, o.Metadata.Labels, o.AcceptedPriceList)
	if err != nil {
		return View{}, err
	}
	if err := s.affordable(ctx, tx, p); err != nil {
		return View{}, err
	}
	q := instancedb.New(tx)
	if err := q.LockOrganization(ctx, p.Organization.String()); err != nil {
		return View{}, err
	}
	at := s.Clock.Now()
	id := store.NewID()
	err = q.Insert(ctx, instancedb.InsertParams{
		ID: id, OrganizationID: p.Organization, ProjectID: p.Project, Name: o.Metadata.Name, Labels: mustJSON(orEmpty(want.labels)), ZoneID: want.offer.ZoneID,
		Service: want.offer.Service, PackageRevisionID: want.offer.PackageRevisionID, OfferingRevisionID: want.offer.OfferingRevisionID,
		DisplayName: want.display, ServiceLevel: want.offer.ServiceLevel, PlanRevisionID: want.plan.ID, PriceListRevisionID: want.priceList,
		StorageGib: want.storage, Parameters: mustJSON(want.params), AllowedNetworks: want.networks, Protected: want.protected, CreatedAt: at,
		Message: "Ordered. Its zone has not begun yet.", Backup: mustJSON(want.backup), Maintenance: mustJSON(want.maintenance), LogDays: want.logDays, Suspendable: want.suspendable,
	})
	if store.Constraint(err) == "instances_name" { // taken in this very moment
		return View{}, nameTaken(p, o.Metadata.Name)
	}
	if err != nil {
		return View{}, err
	}
	r, err := q.ByIDForUpdate(ctx, id)
	if err != nil {
		return View{}, err
	}
	if err := s.admit(ctx, q, r, want.plan, want.offer.Zone, instancedb.UsedRow{}); err != nil {
		return View{}, err
	}
	if err := s.addBinding(ctx, q, r, DefaultBinding, at); err != nil {
		return View{}, err
	}
	if err := s.addBackupKey(ctx, q, r, at); err != nil {
		return View{}, err
	}
	c := change{kind: "order", action: "instance.order", message: fmt.Sprintf("Ordered %s, plan %s, %d GiB, in zone %s.", r.Service, want.plan.Name, r.StorageGib, want.offer.Zone),
		details: map[string]any{"service": r.Service, "zone": want.offer.Zone, "plan": want.plan.Name, "storageGiB": r.StorageGib, "priceList": want.offer.PriceListRevision},
		at:      at, actor: p.Actor, request: p.RequestID}
	if restore != nil {
		if err := restore.record(ctx, q, r, at, &c); err != nil {
			return View{}, err
		}
	}
	if err := s.command(ctx, tx, r, c); err != nil {
		return View{}, err
	}
	if err := s.tell(ctx, tx, r, c); err != nil {
		return View{}, err
	}
	return s.ByID(ctx, tx, id)
}

// nameFree refuses a name that is taken, by a deleted instance too.
func (s *Service) nameFree(ctx context.Context, tx store.Tx, p Place, name string) error {
	v, err := s.Get(ctx, tx, p, name)
	if found := problem.As(err); found != nil && found.Status == http.StatusNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	if v.Phase == string(api.PhaseDeleted) && v.PurgeAt != nil {
		return problem.Conflict("name-taken", "The name %q is taken by a deleted instance, which undelete brings back. Choose another name; this one is free again after %s.", name, v.PurgeAt.UTC().Format(time.RFC3339))
	}
	return nameTaken(p, name)
}

func nameTaken(p Place, name string) error {
	return problem.Conflict("name-taken", "The name %q is taken in project %s already. Choose another one.", name, p.ProjectName)
}

func orEmpty(labels map[string]string) map[string]string {
	if labels == nil {
		return map[string]string{}
	}
	return labels
}

// admit reserves capacity in the zone and checks the organization's quota, which
// the caller has locked, against what it used before.
func (s *Service) admit(ctx context.Context, q *instancedb.Queries, r row, plan catalogdb.PlanRevision, zone string, before instancedb.UsedRow) error {
	err := q.PutReservation(ctx, instancedb.PutReservationParams{InstanceID: r.ID, OrganizationID: r.OrganizationID, ZoneID: r.ZoneID,
		CpuMillis: plan.CpuMillis, MemoryMib: plan.MemoryMib, StorageGib: r.StorageGib})
	if store.ErrorCode(err) == "SK001" {
		return problem.Conflict("zone-full", "Zone %s has not enough %s left for this. Choose another zone, a smaller plan or less storage.", zone, store.Message(err))
	}
	if err != nil {
		return err
	}
	return checkQuota(ctx, q, r.OrganizationID, before)
}

// checkQuota refuses what is over quota and more than there was before.
func checkQuota(ctx context.Context, q *instancedb.Queries, organization uuid.UUID, before instancedb.UsedRow) error {
	quota, err := q.OrganizationTerms(ctx, organization)
	if err != nil {
		return err
	}
	used, err := q.Used(ctx, organization)
	if err != nil {
		return err
	}
	for _, d := range []struct {
		what, unit        string
		used, before, max int64
	}{
		{"instances", "", used.Instances, before.Instances, quota.QuotaInstances},
		{"processor", " thousandths of a core", used.CpuMillis, before.CpuMillis, quota.QuotaCpuMillis},
		{"memory", " MiB", used.MemoryMib, before.MemoryMib, quota.QuotaMemoryMib},
		{"storage", " GiB", used.StorageGib, before.StorageGib, quota.QuotaStorageGib},
	} {
		if d.used > d.max && d.used > d.before {
			return problem.Conflict("over-quota", "This would take your organization to %d%s of %s, and its quota is %d%s. Delete something, or ask the operator for a higher quota.", d.used, d.unit, d.what, d.max, d.unit)
		}
	}
	return nil
}

// Preview says what an order would do and cost. It writes nothing. Where the organization
// is suspended it refuses, as the order would be.
func (s *Service) Preview(ctx context.Context, tx store.Tx, p Place, o api.InstanceOrder) (api.Preview, error) {
	if err := s.welcome(ctx, tx, p); err != nil {
		return api.Preview{}, err
	}
	if err := checkName("body.metadata.name", o.Metadata.Name); err != nil {
		return api.Preview{}, err
	}
	if err := s.nameFree(ctx, tx, p, o.Metadata.Name); err != nil {
		return api.Preview{}, err
	}
	if _, err := s.findRestore(ctx, tx, p, &o); err != nil {
		return api.Preview{}, err
	}
	want, err := s.propose(ctx, tx, p.Organization, o.Spec, o.Metadata.Labels, o.AcceptedPriceList)
	if err != nil {
		return api.Preview{}, err
	}
	m, err := s.month(ctx, tx, p)
	if err != nil {
		return api.Preview{}, err
	}
	after := price(want.storage, pricesWith(billedBackups(want.backup), want.prices), m)
	out := api.Preview{Action: "create", Changes: []api.Change{
		{Field: "spec.service", To: want.offer.Service}, {Field: "spec.zone", To: want.offer.Zone}, {Field: "spec.serviceLevel", To: want.offer.ServiceLevel},
		{Field: "spec.plan", To: want.plan.Name}, {Field: "spec.storageGiB", To: want.storage},
		{Field: "spec.backup", To: backupText(want.backup)}, {Field: "spec.maintenance", To: want.maintenance.String()}, {Field: "spec.logs.retentionDays", To: want.logDays},
	}, PriceList: int(want.offer.PriceListRevision), Cost: api.CostDiff{After: after, HourDelta: after.Hour, MonthDelta: after.Month}}
	out.Budgets, err = s.effects(ctx, tx, p, m, billing.QuoteFor(want.storage, want.prices, m).Month, want.offer.Currency)
	return out, err
}

// month is the current calendar month of the organization's billing account.
func (s *Service) month(ctx context.Context, tx store.Tx, p Place) (billing.Month, error) {
	quota, err := instancedb.New(tx).OrganizationTerms(ctx, p.Organization)
	if err != nil {
		return billing.Month{}, err
	}
	loc, err := time.LoadLocation(quota.TimeZone)
	if err != nil {
		return billing.Month{}, err
	}
	return billing.MonthOf(s.Clock.Now(), loc), nil
}

// audit writes an entry about the instance that is not a change, such as a reveal.
func (s *Service) audit(ctx context.Context, tx store.Tx, p Place, r row, action string, details map[string]any) error {
	return audit.Write(ctx, tx, audit.Event{Organization: r.OrganizationID, Project: r.ProjectID, At: s.Clock.Now(), Actor: p.Actor, Action: action,
		Kind: "instance", ObjectID: r.ID.String(), ObjectName: r.Name, RequestID: p.RequestID, Details: details})
}
