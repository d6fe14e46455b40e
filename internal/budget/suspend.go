package budget

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"souk/internal/budget/budgetdb"
	"souk/internal/instance"
	"souk/internal/store"
)

// SuspendDue suspends one instance that a budget suspends and that is not yet, and says
// whether there was one.
func (s *Service) SuspendDue(ctx context.Context, st *store.Store) (bool, error) {
	var due []budgetdb.ToSuspendRow
	err := st.System(ctx, func(tx store.Tx) (err error) {
		due, err = budgetdb.New(tx).ToSuspend(ctx, s.Clock.Now())
		return err
	})
	if err != nil || len(due) == 0 {
		return false, err
	}
	err = s.within(ctx, st, due[0].OrganizationID, func(tx store.Tx) error { return s.Suspend(ctx, tx, due[0].ID) })
	return true, id(due[0].ID, err)
}

// Suspend suspends an instance for a budget, and remembers that it was for one.
func (s *Service) Suspend(ctx context.Context, tx store.Tx, of uuid.UUID) error {
	v, err := s.Instances.ByID(ctx, tx, of)
	if err != nil || slices.Contains(v.SuspendedFor, instance.SuspendedByBudget) || !v.Suspendable {
		return err
	}
	if _, err := s.Instances.Suspend(ctx, tx, place(v), v.Name, instance.SuspendedByBudget); err != nil {
		return err
	}
	return budgetdb.New(tx).Suspended(ctx, budgetdb.SuspendedParams{InstanceID: v.ID, OrganizationID: v.OrganizationID, SuspendedAt: s.Clock.Now()})
}

// ResumeDue resumes one instance that a budget has suspended and that none does any more,
// and says whether there was one.
func (s *Service) ResumeDue(ctx context.Context, st *store.Store) (bool, error) {
	var due []budgetdb.ToResumeRow
	err := st.System(ctx, func(tx store.Tx) (err error) {
		due, err = budgetdb.New(tx).ToResume(ctx, s.Clock.Now())
		return err
	})
	if err != nil || len(due) == 0 {
		return false, err
	}
	err = s.within(ctx, st, due[0].OrganizationID, func(tx store.Tx) error { return s.Resume(ctx, tx, due[0].InstanceID) })
	return true, id(due[0].InstanceID, err)
}

// Resume lifts the suspension that a budget has made.
func (s *Service) Resume(ctx context.Context, tx store.Tx, of uuid.UUID) error {
	v, err := s.Instances.ByID(ctx, tx, of)
	if err != nil {
		return err
	}
	if slices.Contains(v.SuspendedFor, instance.SuspendedByBudget) {
		if _, err := s.Instances.Resume(ctx, tx, place(v), v.Name, instance.SuspendedByBudget); err != nil {
			return err
		}
	}
	return budgetdb.New(tx).Resumed(ctx, of)
}

func place(v instance.View) instance.Place {
	return instance.Place{Organization: v.OrganizationID, Project: v.ProjectID, OrganizationName: v.Organization, ProjectName: v.Project, Actor: instance.SystemActor}
}

// within runs f in a transaction of an organization's.
func (s *Service) within(ctx context.Context, st *store.Store, organization uuid.UUID, f func(tx store.Tx) error) error {
	return st.Tenant(ctx, store.Scope{Organizations: []uuid.UUID{organization}}, f)
}
