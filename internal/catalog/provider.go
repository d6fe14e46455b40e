package catalog

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/catalog/catalogdb"
	"souk/internal/problem"
	"souk/internal/store"
)

// providerKinds are what a provider can be.
var providerKinds = []string{"operator", "csp", "msp", "isv", "partner"}

var nameForm = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

const nameRule = "A name has 1 to 63 lower-case letters, digits and hyphens, starts with a letter and does not end with a hyphen."

// longestTitle is how many characters a title may have.
const longestTitle = 120

// line says whether a text is one line that is not too long.
func line(s string) bool {
	return len([]rune(s)) <= longestTitle && !strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f })
}

// MakeProvider lets an organization offer something under a name. The same again
// changes nothing. The transaction is a system one.
func MakeProvider(ctx context.Context, tx store.Tx, c api.ProviderCreate, at time.Time) (api.Provider, bool, error) {
	q := catalogdb.New(tx)
	var wrong problem.Complaints
	wrong.Unless(nameForm.MatchString(c.Name), "body.name", c.Name, nameRule)
	wrong.Unless(line(c.Title), "body.title", nil, "A title is one line of at most 120 characters.")
	wrong.Unless(slices.Contains(providerKinds, c.Kind), "body.kind", c.Kind, "It is one of: %s.", strings.Join(providerKinds, ", "))
	o, err := q.OrganizationByName(ctx, c.Organization)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return api.Provider{}, false, err
	}
	wrong.Unless(err == nil, "body.organization", c.Organization, "There is no organization of this name.")
	if err := wrong.Err(); err != nil {
		return api.Provider{}, false, err
	}
	want := api.Provider{Name: c.Name, Title: firstOf(strings.TrimSpace(c.Title), o.DisplayName, c.Name), Kind: c.Kind, Organization: c.Organization}
	made, err := q.MakeProvider(ctx, catalogdb.MakeProviderParams{ID: store.NewID(), OrganizationID: o.ID, Name: want.Name, Title: want.Title, Kind: want.Kind, CreatedAt: at})
	if err != nil || made > 0 {
		return want, made > 0, err
	}
	is, err := Provider(ctx, tx, c.Name)
	if err == nil && is != want {
		err = taken("provider", c.Name)
	}
	return is, false, err
}

func taken(kind, name string) error {
	return &problem.Error{Status: 409, Code: "name-taken", Detail: "There is another " + kind + " named " + name + " already. Choose another name.",
		Fields: []problem.Field{{Location: "body.name", Value: name, Message: "There is another " + kind + " of this name already."}}}
}

func firstOf(all ...string) string {
	for _, s := range all {
		if s != "" {
			return s
		}
	}
	return ""
}

// Provider returns the provider of that name.
func Provider(ctx context.Context, tx store.Tx, name string) (api.Provider, error) {
	all, err := catalogdb.New(tx).Providers(ctx, name)
	if err != nil {
		return api.Provider{}, err
	}
	if len(all) == 0 || name == "" {
		return api.Provider{}, problem.NotFound("provider", name)
	}
	return providerDoc(all[0]), nil
}

// Providers returns all providers, by name.
func Providers(ctx context.Context, tx store.Tx) ([]api.Provider, error) {
	all, err := catalogdb.New(tx).Providers(ctx, "")
	out := make([]api.Provider, 0, len(all))
	for _, p := range all {
		out = append(out, providerDoc(p))
	}
	return out, err
}

func providerDoc(p catalogdb.ProvidersRow) api.Provider {
	return api.Provider{Name: p.Name, Title: p.Title, Kind: p.Kind, Organization: p.Organization}
}

// operatorProvider is what the operator's organization offers services and prices
// as; where it is no provider yet it becomes one, under its own name.
func operatorProvider(ctx context.Context, tx store.Tx, organization uuid.UUID, at time.Time) (uuid.UUID, error) {
	q := catalogdb.New(tx)
	id, err := q.ProviderOf(ctx, organization)
	if !errors.Is(err, pgx.ErrNoRows) {
		return id, err
	}
	o, err := q.OrganizationByID(ctx, organization)
	if err != nil {
		return uuid.Nil, err
	}
	if _, _, err := MakeProvider(ctx, tx, api.ProviderCreate{Name: o.Name, Kind: "operator", Organization: o.Name}, at); err != nil {
		return uuid.Nil, err
	}
	return q.ProviderOf(ctx, organization)
}
