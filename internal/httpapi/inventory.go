package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/authz"
	"souk/internal/instance"
	"souk/internal/problem"
	"souk/internal/store"
)

// InventoryFilter chooses instances of all organizations.
type InventoryFilter struct {
	InstanceFilter
	Organization string `query:"organization" maxLength:"63"`
	Project      string `query:"project" maxLength:"63" doc:"Name of the project, in whichever organization"`
	ServiceLevel string `query:"serviceLevel" maxLength:"63"`
	Provider     string `query:"provider" maxLength:"63" doc:"Of the zone"`
	From         string `query:"from" maxLength:"40" doc:"RFC 3339; ordered from this moment on"`
	To           string `query:"to" maxLength:"40" doc:"RFC 3339; ordered before this moment"`
}

func (f InventoryFilter) query() (instance.Query, error) {
	q, err := f.InstanceFilter.query()
	if err != nil {
		return q, err
	}
	q.Organization, q.ProjectName, q.ServiceLevel, q.Provider = f.Organization, f.Project, f.ServiceLevel, f.Provider
	if q.From, err = moment("query.from", f.From); err != nil {
		return q, err
	}
	q.To, err = moment("query.to", f.To)
	return q, err
}

// InInventory is the place in the path of an operation on one instance of the inventory.
type InInventory struct {
	ID string `path:"id" maxLength:"36" doc:"metadata.id of the instance"`
}

func (s *Server) registerInventory() {
	const path = "/api/v1/operator/instances"
	register(s, Operation{Method: http.MethodGet, Path: path, ID: "operator-instances", Tag: "operator", Summary: "The one inventory of all instances", Action: authz.OperatorInventory}, s.inventory)
	register(s, Operation{Method: http.MethodGet, Path: path + ".csv", ID: "operator-instances-csv", Tag: "operator", Summary: "The inventory as a table (RFC 4180)",
		Description: "All pages at once, each row as it is when it is written. A text that a spreadsheet would take for a formula begins with an apostrophe.", Action: authz.OperatorInventory, Stream: true}, s.inventoryCSV)
	register(s, Operation{Method: http.MethodGet, Path: path + "/{id}", ID: "operator-instances-get", Tag: "operator", Summary: "An instance of any organization", Action: authz.OperatorInventory},
		func(ctx context.Context, in *InInventory) (out *body[api.Instance], err error) {
			err = s.Read(ctx, func(tx store.Tx, _ Place) error {
				v, err := s.inInventory(ctx, tx, in.ID)
				out = &body[api.Instance]{v.API(time.Now())}
				return err
			})
			return out, err
		})
	register(s, Operation{Method: http.MethodGet, Path: path + "/{id}/events", ID: "operator-instances-events", Tag: "operator", Summary: "Timeline of an instance of any organization, newest first", Action: authz.OperatorInventory},
		func(ctx context.Context, in *struct {
			InInventory
			Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
			Cursor string `query:"cursor" maxLength:"64"`
		}) (*body[api.List[api.Event]], error) {
			out := &body[api.List[api.Event]]{}
			err := s.Read(ctx, func(tx store.Tx, _ Place) error {
				v, err := s.inInventory(ctx, tx, in.ID)
				if err != nil {
					return err
				}
				rows, next, err := instance.EventsOf(ctx, tx, v.ID, in.Cursor, in.Limit)
				out.Body = eventList(rows, next)
				return err
			})
			return out, err
		})
}

func (s *Server) inventory(ctx context.Context, in *InventoryFilter) (out *body[api.List[api.Instance]], err error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	err = s.Read(ctx, func(tx store.Tx, _ Place) error {
		views, next, err := s.Instances.List(ctx, tx, q)
		out = instanceList(views, next)
		return err
	})
	return out, err
}

// inInventory finds an instance by its ID.
func (s *Server) inInventory(ctx context.Context, tx store.Tx, text string) (instance.View, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return instance.View{}, problem.NotFound("instance", text)
	}
	v, err := s.Instances.ByID(ctx, tx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return v, problem.NotFound("instance", text)
	}
	return v, err
}
