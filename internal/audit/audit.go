// Package audit keeps the log of every change and every reveal of a credential.
// The log only grows.
package audit

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/audit/auditdb"
	"souk/internal/store"
)

// Event is one entry. Details never hold a secret.
type Event struct {
	Organization uuid.UUID
	Project      uuid.UUID // uuid.Nil: none
	At           time.Time
	Actor        string
	Action       string // "instance.update"
	Kind         string // "instance"
	ObjectID     string
	ObjectName   string
	RequestID    string
	Details      map[string]any
}

// Write adds the entry in the transaction of the change that it is about.
func Write(ctx context.Context, tx store.Tx, e Event) error {
	details := json.RawMessage("{}")
	if len(e.Details) > 0 {
		var err error
		if details, err = json.Marshal(e.Details); err != nil {
			return err
		}
	}
	var project *uuid.UUID
	if e.Project != uuid.Nil {
		project = &e.Project
	}
	return auditdb.New(tx).Insert(ctx, auditdb.InsertParams{
		ID: store.NewID(), OrganizationID: e.Organization, ProjectID: project, At: e.At, Actor: e.Actor, Action: e.Action,
		Kind: e.Kind, ObjectID: e.ObjectID, ObjectName: e.ObjectName, RequestID: e.RequestID, Details: details,
	})
}

// Filter chooses entries; empty fields choose all.
type Filter struct {
	Action, Kind string
	Text         string    // occurs in the actor, the action or the object's name
	Actor        string    // whole
	Object       string    // its whole name or ID
	From, To     time.Time // [From, To)
	Before       uuid.UUID // only older entries than this one
	Limit        int
}

// List returns entries of the organization, newest first.
func List(ctx context.Context, tx store.Tx, organization uuid.UUID, f Filter) ([]api.AuditRecord, error) {
	var before *uuid.UUID
	if f.Before != uuid.Nil {
		before = &f.Before
	}
	rows, err := auditdb.New(planned{tx}).List(ctx, auditdb.ListParams{
		OrganizationID: organization, Before: before, Action: f.Action, Kind: f.Kind, Q: f.Text,
		Actor: f.Actor, Object: f.Object, FromAt: some(f.From), ToAt: some(f.To), Limit: int32(f.Limit),
	})
	if err != nil {
		return nil, err
	}
	records := make([]api.AuditRecord, len(rows))
	for i, r := range rows {
		records[i] = api.AuditRecord{
			ID: r.ID.String(), At: r.At.UTC(), Actor: r.Actor, Action: r.Action, Kind: r.Kind,
			Object: r.ObjectName, ObjectID: r.ObjectID, Project: r.Project, RequestID: r.RequestID,
		}
		if err := json.Unmarshal(r.Details, &records[i].Details); err != nil {
			return nil, err
		}
	}
	return records, nil
}

// some returns nil for the zero time.
func some(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// planned has each query planned for its very values: which index finds a page
// best depends on which of the conditions are given.
type planned struct{ store.Tx }

func (p planned) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return p.Tx.Query(ctx, sql, append([]any{pgx.QueryExecModeCacheDescribe}, args...)...)
}
