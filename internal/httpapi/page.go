package httpapi

import (
	"context"
	"encoding/base64"
	"math"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/problem"
	"souk/internal/store"
)

// Page is the part of a listing that is asked for; embed it in an operation's
// input.
type Page struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100" doc:"At most so many items"`
	Cursor string `query:"cursor" maxLength:"512" doc:"From the page before"`
}

// Whole is Page for listings that are short enough to be asked for whole.
type Whole struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" doc:"At most so many items. Default: all"`
	Cursor string `query:"cursor" maxLength:"512" doc:"From the page before"`
}

func (w Whole) page() Page {
	if w.Limit == 0 {
		w.Limit = math.MaxInt32 - 1
	}
	return Page(w)
}

// after returns what the cursor stands for; "" is the start.
func (p Page) after() (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err != nil {
		return "", badCursor()
	}
	return string(raw), nil
}

// afterID is after for listings in the order of IDs.
func (p Page) afterID() (uuid.UUID, error) {
	if p.Cursor == "" {
		return uuid.Nil, nil
	}
	text, err := p.after()
	if err != nil {
		return uuid.Nil, err
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return uuid.Nil, badCursor()
	}
	return id, nil
}

func badCursor() error {
	return problem.InvalidField("query.cursor", nil, "is not one that a listing gave out; start without it")
}

// paged makes a page of the items, which are one more than asked for if there is
// a next page. key is what the next page starts after.
func paged[T any](p Page, items []T, key func(T) string) *body[api.List[T]] {
	out := &body[api.List[T]]{}
	if len(items) > p.Limit {
		items = items[:p.Limit]
		out.Body.Next = base64.RawURLEncoding.EncodeToString([]byte(key(items[len(items)-1])))
	}
	out.Body.Items = items
	if items == nil {
		out.Body.Items = []T{}
	}
	return out
}

// ofOrganization asks for the objects of an organization that are of one kind.
type ofOrganization struct {
	InOrganization
	Whole
}

// listByID lists what find returns: objects of an organization that come after an
// ID and in the order of IDs.
func listByID[T any](s *Server, find func(ctx context.Context, tx store.Tx, organization, after uuid.UUID, limit int) ([]T, error), id func(T) string) func(context.Context, *ofOrganization) (*body[api.List[T]], error) {
	return func(ctx context.Context, in *ofOrganization) (*body[api.List[T]], error) {
		page := in.page()
		after, err := page.afterID()
		if err != nil {
			return nil, err
		}
		var list []T
		err = s.Read(ctx, func(tx store.Tx, p Place) (err error) {
			list, err = find(ctx, tx, p.Organization, after, page.Limit+1)
			return err
		})
		return paged(page, list, id), err
	}
}
