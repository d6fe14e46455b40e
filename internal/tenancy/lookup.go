package tenancy

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/tenancy/tenancydb"
)

// OrganizationID finds any organization by its name, past all scopes: only for
// askers that may act across organizations.
func OrganizationID(ctx context.Context, s *store.Store, name string) (uuid.UUID, error) {
	if !names.MatchString(name) {
		return uuid.Nil, problem.NotFound("organization", name)
	}
	id, err := tenancydb.New(s.SystemPool()).OrganizationID(ctx, name)
	return id, found(err, "organization", name)
}

// ProjectID finds a project of the organization by its name.
func ProjectID(ctx context.Context, tx store.Tx, organization uuid.UUID, name string) (uuid.UUID, error) {
	if !names.MatchString(name) {
		return uuid.Nil, problem.NotFound("project", name)
	}
	id, err := tenancydb.New(tx).ProjectID(ctx, tenancydb.ProjectIDParams{OrganizationID: organization, Name: name})
	return id, found(err, "project", name)
}

// found turns the absence of a row into the problem that says so.
func found(err error, kind, name string) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return problem.NotFound(kind, name)
	}
	return err
}
