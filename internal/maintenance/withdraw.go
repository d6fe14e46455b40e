package maintenance

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/maintenance/maintenancedb"
	"souk/internal/problem"
	"souk/internal/store"
)

// RestartFilter chooses restarts of all organizations' instances.
type RestartFilter struct {
	Zone, Service string // "": all
	Open          bool   // those that are planned or under way only
	Before        *uuid.UUID
	Limit         int
}

// Restarts lists restarts of servers that the operator or Souk has planned, the newest
// first. It needs a transaction that may see all organizations.
func (s *Service) Restarts(ctx context.Context, tx store.Tx, f RestartFilter) ([]api.OperatorMaintenance, error) {
	rows, err := maintenancedb.New(tx).Restarts(ctx, maintenancedb.RestartsParams{Limit: int32(f.Limit), Open: f.Open, Zone: f.Zone, Service: f.Service, Before: f.Before})
	out := make([]api.OperatorMaintenance, len(rows))
	for i, r := range rows {
		out[i] = restart(maintenancedb.GetRow(r))
	}
	return out, err
}

func restart(r maintenancedb.GetRow) api.OperatorMaintenance {
	return api.OperatorMaintenance{Maintenance: document(r), Organization: r.Organization, InstanceID: r.InstanceID.String(), Service: r.Service, Zone: r.Zone,
		Withdrawable: r.State == planned && r.PlannedBy == byOperator}
}

// Withdraw takes back restarts that the operator has planned. Their people are told at
// once. What has begun meanwhile, or has ended, stays as it is, and the answer says so.
func (s *Service) Withdraw(ctx context.Context, tx store.Tx, by, request string, want api.MaintenanceWithdrawal) (api.MaintenanceWithdrawn, error) {
	reason := strings.TrimSpace(want.Reason)
	if strings.ContainsFunc(reason, unicode.IsControl) {
		return api.MaintenanceWithdrawn{}, problem.InvalidField("body.reason", nil, "A reason is one line.")
	}
	of, err := parsed(want.IDs)
	if err != nil {
		return api.MaintenanceWithdrawn{}, err
	}
	q, now := maintenancedb.New(tx), s.Clock.Now()
	locked, err := q.LockRestarts(ctx, maintenancedb.LockRestartsParams{Ids: of, By: byOperator})
	if err != nil {
		return api.MaintenanceWithdrawn{}, err
	}
	for _, id := range of {
		if !slices.Contains(locked, id) {
			return api.MaintenanceWithdrawn{}, problem.InvalidField("body.ids", id, "This is no restart that the operator has planned.")
		}
		if err := q.Withdraw(ctx, maintenancedb.WithdrawParams{ID: id, Message: "Withdrawn by the operator: " + reason, At: &now}); err != nil {
			return api.MaintenanceWithdrawn{}, err
		}
	}
	rows, err := q.RestartsOf(ctx, of)
	if err != nil {
		return api.MaintenanceWithdrawn{}, err
	}
	for _, r := range rows {
		if !withdrawnAt(r, now) {
			continue
		}
		err := audit.Write(ctx, tx, audit.Event{Organization: r.OrganizationID, Project: r.ProjectID, At: now, Actor: by, Action: "maintenance.withdraw", Kind: "instance",
			ObjectID: r.InstanceID.String(), ObjectName: r.Instance, RequestID: request, Details: map[string]any{"maintenance": r.ID, "title": r.Title, "reason": reason}})
		if err != nil {
			return api.MaintenanceWithdrawn{}, err
		}
	}
	return withdrawn(rows, now), nil
}

// Withdrawn is the answer to a request of these words that was carried out at that time.
func (s *Service) Withdrawn(ctx context.Context, tx store.Tx, want api.MaintenanceWithdrawal, at time.Time) (api.MaintenanceWithdrawn, error) {
	of, err := parsed(want.IDs)
	if err != nil {
		return api.MaintenanceWithdrawn{}, err
	}
	rows, err := maintenancedb.New(tx).RestartsOf(ctx, of)
	return withdrawn(rows, at), err
}

func withdrawn(rows []maintenancedb.RestartsOfRow, at time.Time) api.MaintenanceWithdrawn {
	out := api.MaintenanceWithdrawn{At: at, Withdrawn: []api.OperatorMaintenance{}, Left: []api.OperatorMaintenance{}}
	for _, r := range rows {
		into := &out.Left
		if withdrawnAt(r, at) {
			into = &out.Withdrawn
		}
		*into = append(*into, restart(maintenancedb.GetRow(r)))
	}
	return out
}

func withdrawnAt(r maintenancedb.RestartsOfRow, at time.Time) bool {
	return r.State == cancelled && r.EndedAt != nil && r.EndedAt.Equal(at)
}

// parsed are the IDs of maintenances, each once.
func parsed(texts []string) ([]uuid.UUID, error) {
	var out []uuid.UUID
	for _, text := range texts {
		id, err := uuid.Parse(text)
		if err != nil {
			return nil, problem.InvalidField("body.ids", text, "This is not the ID of a maintenance.")
		}
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out, nil
}
