package maturity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/catalog"
	"souk/internal/catalog/catalogdb"
	"souk/internal/maturity/maturitydb"
	"souk/internal/problem"
	"souk/internal/store"
)

// Keeper records results.
type Keeper struct {
	Catalog *catalog.Catalog
	Souk    string // version of the control plane
	// Sign returns a compact JWS of a document.
	Sign func(document []byte) (string, error)
}

// Record takes a report of a run that the organization did, fills in what the control
// plane knows better than the report, signs it and keeps it.
func (k Keeper) Record(ctx context.Context, tx store.Tx, organization uuid.UUID, in api.ConformanceReport, now time.Time) (api.SignedConformance, error) {
	q := maturitydb.New(tx)
	none := api.SignedConformance{}
	subject, err := q.Subject(ctx, maturitydb.SubjectParams{Organization: organization, Service: in.Service, Zone: in.Zone})
	if errors.Is(err, pgx.ErrNoRows) {
		return none, invalid("body.service", in.Service, "There is no service of this name, or no such zone.")
	}
	if err != nil {
		return none, err
	}
	if !subject.Own && !subject.Operator {
		return none, &problem.Error{Status: http.StatusForbidden, Code: "not-the-provider", Detail: "Only the provider of " + in.Service + " and the operator record what is proven of it. Anybody may run the suite: without --publish nothing is recorded."}
	}
	if in.EndedAt.Before(in.StartedAt) {
		return none, invalid("body.endedAt", in.EndedAt, "It is before startedAt.")
	}
	revision, number, err := k.revision(ctx, q, organization, subject.ZoneID, in)
	if err != nil {
		return none, err
	}
	definition, err := k.Catalog.Definition(ctx, tx, revision)
	if err != nil {
		return none, err
	}
	zones, err := catalogdb.New(tx).Zones(ctx, in.Zone)
	if err != nil || len(zones) == 0 {
		return none, err
	}
	out := api.Conformance{ID: store.NewID().String(), Service: in.Service, Zone: in.Zone, Driver: subject.Driver, RunBy: subject.Organization, PackageRevision: number, EngineVersions: []string{},
		Souk: k.Souk, Runner: in.Runner, Instances: in.Instances, StartedAt: in.StartedAt.UTC(), EndedAt: in.EndedAt.UTC(), RecordedAt: now.UTC(), ExpiresAt: now.Add(Lasts).UTC()}
	for _, e := range catalog.Reported(zones[0]).Engines {
		if e.Service == in.Service && e.Version != "" {
			out.EngineVersions = append(out.EngineVersions, e.Version)
		}
	}
	if out.Proofs, err = judged(declared(definition.Definition, subject.Driver), in.Proofs); err != nil {
		return none, err
	}
	return k.keep(ctx, q, organization, subject, revision, out)
}

func invalid(field string, value any, message string) error {
	return problem.Invalid(problem.Field{Location: field, Value: value, Message: message})
}

// revision is that of the package which the run's instances were made of.
func (k Keeper) revision(ctx context.Context, q *maturitydb.Queries, organization, zone uuid.UUID, in api.ConformanceReport) (uuid.UUID, int, error) {
	ids := make([]uuid.UUID, 0, len(in.Instances))
	for n, text := range in.Instances {
		id, err := uuid.Parse(text)
		if err != nil {
			return uuid.Nil, 0, invalid(fmt.Sprintf("body.instances[%d]", n), text, "It is no instance's ID.")
		}
		ids = append(ids, id)
	}
	rows, err := q.InstancesOf(ctx, maturitydb.InstancesOfParams{Organization: organization, Service: in.Service, ZoneID: zone, Ids: ids})
	if err != nil {
		return uuid.Nil, 0, err
	}
	for n, id := range ids {
		i := slices.IndexFunc(rows, func(r maturitydb.InstancesOfRow) bool { return r.ID == id })
		if i < 0 {
			return uuid.Nil, 0, invalid(fmt.Sprintf("body.instances[%d]", n), id, "The organization has ordered no such instance of the service in the zone.")
		}
		if rows[i].PackageRevisionID != rows[0].PackageRevisionID {
			return uuid.Nil, 0, invalid("body.instances", nil, "They are of several revisions of the service: it was published anew meanwhile. Run the suite again.")
		}
	}
	return rows[0].PackageRevisionID, int(rows[0].Revision), nil
}

// judged are the proofs of all that the service declares: what it says that it does not
// have is not proven by anybody, and what nobody tells of is not proven.
func judged(capabilities []api.Capability, reported []api.Proof) ([]api.Proof, error) {
	out := []api.Proof{}
	for n, p := range reported {
		if !slices.ContainsFunc(capabilities, func(c api.Capability) bool { return c.Name == p.Capability && c.Offered }) {
			return nil, invalid(fmt.Sprintf("body.proofs[%d].capability", n), p.Capability, "The service does not have it in this zone.")
		}
		if slices.ContainsFunc(reported[:n], func(other api.Proof) bool { return other.Capability == p.Capability }) {
			return nil, invalid(fmt.Sprintf("body.proofs[%d].capability", n), p.Capability, "It is there twice.")
		}
		if p.State == api.ProofPassed && len(p.Evidence) == 0 {
			return nil, invalid(fmt.Sprintf("body.proofs[%d].evidence", n), nil, "What passed needs evidence.")
		}
		out = append(out, p)
	}
	for _, c := range capabilities {
		if slices.ContainsFunc(out, func(p api.Proof) bool { return p.Capability == c.Name }) {
			continue
		}
		p := api.Proof{Capability: c.Name, State: api.ProofNotProven, Reason: "The run did not look at it.", Evidence: []string{}}
		if !c.Offered {
			p.State, p.Reason = api.ProofNotOffered, c.Note
		}
		out = append(out, p)
	}
	return out, nil
}

func (k Keeper) keep(ctx context.Context, q *maturitydb.Queries, organization uuid.UUID, subject maturitydb.SubjectRow, revision uuid.UUID, out api.Conformance) (api.SignedConformance, error) {
	document, err := json.Marshal(out)
	if err != nil {
		return api.SignedConformance{}, err
	}
	jws, err := k.Sign(document)
	if err != nil {
		return api.SignedConformance{}, err
	}
	id := uuid.MustParse(out.ID)
	err = q.InsertResult(ctx, maturitydb.InsertResultParams{ID: id, OrganizationID: organization, ServiceID: subject.ServiceID, ZoneID: subject.ZoneID, PackageRevisionID: revision,
		Result: document, Jws: jws, RecordedAt: out.RecordedAt, ExpiresAt: out.ExpiresAt})
	for _, p := range out.Proofs {
		alerts, failed := json.Marshal(append([]api.AlertProof{}, p.Alerts...))
		err = errors.Join(err, failed)
		if err == nil && (p.State == api.ProofPassed || p.State == api.ProofFailed) {
			err = q.InsertProof(ctx, maturitydb.InsertProofParams{ResultID: id, OrganizationID: organization, ServiceID: subject.ServiceID, ZoneID: subject.ZoneID, PackageRevisionID: revision,
				Capability: p.Capability, State: p.State, Reason: p.Reason, Alerts: alerts, Upgraded: p.Upgraded, RecordedAt: out.RecordedAt, ExpiresAt: out.ExpiresAt})
		}
	}
	return api.SignedConformance{Result: out, JWS: jws}, err
}

// Result returns one result as it was signed.
func Result(ctx context.Context, tx store.Tx, id string) (api.SignedConformance, error) {
	key, err := uuid.Parse(id)
	if err != nil {
		return api.SignedConformance{}, problem.NotFound("result", id)
	}
	row, err := maturitydb.New(tx).Result(ctx, key)
	if errors.Is(err, pgx.ErrNoRows) {
		return api.SignedConformance{}, problem.NotFound("result", id)
	}
	out := api.SignedConformance{JWS: row.Jws}
	if err == nil {
		err = json.Unmarshal(row.Result, &out.Result)
	}
	return out, err
}

// most results of a service are listed.
const most = 50

// Results returns the newest of a service.
func Results(ctx context.Context, tx store.Tx, service string) ([]api.Conformance, error) {
	rows, err := maturitydb.New(tx).Results(ctx, maturitydb.ResultsParams{Service: service, Most: most})
	out := make([]api.Conformance, len(rows))
	for i := range rows {
		if err == nil {
			err = json.Unmarshal(rows[i], &out[i])
		}
	}
	return out, err
}
