package instance

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/agentapi"
	"souk/internal/instance/instancedb"
	"souk/internal/problem"
	"souk/internal/store"
)

// DefaultBinding is made with each instance.
const DefaultBinding = "default"

// maxBindings bounds the bindings of one instance.
const maxBindings = 50

// defaultOverlap is how long an old log-in goes on working after a rotation.
const defaultOverlap = time.Hour

// SecretPlace ties a sealed password to its credential.
func SecretPlace(credential uuid.UUID) string { return "credential/" + credential.String() }

// addBinding makes a binding with its first log-in.
func (s *Service) addBinding(ctx context.Context, q *instancedb.Queries, r row, name string, at time.Time) error {
	id := store.NewID()
	if err := q.InsertBinding(ctx, instancedb.InsertBindingParams{ID: id, OrganizationID: r.OrganizationID, InstanceID: r.ID, Name: name, CreatedAt: at}); err != nil {
		return err
	}
	return s.addCredential(ctx, q, r, id, name, at)
}

// addCredential makes a log-in with a random password, named after the binding
// and counted on, so that no log-in name is ever used twice.
func (s *Service) addCredential(ctx context.Context, q *instancedb.Queries, r row, binding uuid.UUID, name string, at time.Time) error {
	n, err := q.CountLogins(ctx, r.ID)
	if err != nil {
		return err
	}
	id := store.NewID()
	sealed, err := s.Secrets.Seal(ctx, SecretPlace(id), []byte(newPassword()))
	if err != nil {
		return err
	}
	login := fmt.Sprintf("%s_%d", strings.ReplaceAll(name[:min(len(name), 40)], "-", "_"), n+1)
	return q.InsertCredential(ctx, instancedb.InsertCredentialParams{ID: id, OrganizationID: r.OrganizationID, InstanceID: r.ID, BindingID: binding, Login: login, Secret: sealed, CreatedAt: at})
}

// newPassword returns 26 characters that need no quoting anywhere: 130 random bits.
func newPassword() string { return rand.Text() }

// Bindings lists the bindings of an instance.
func (s *Service) Bindings(ctx context.Context, tx store.Tx, p Place, name string) ([]api.Binding, error) {
	v, err := s.Get(ctx, tx, p, name)
	if err != nil {
		return nil, err
	}
	q := instancedb.New(tx)
	rows, err := q.Bindings(ctx, v.ID)
	if err != nil {
		return nil, err
	}
	live, err := q.LiveCredentials(ctx, v.ID)
	if err != nil {
		return nil, err
	}
	out := make([]api.Binding, len(rows))
	for i, b := range rows {
		out[i] = bindingDoc(v, b, live)
	}
	return out, nil
}

// Binding returns one binding of an instance.
func (s *Service) Binding(ctx context.Context, tx store.Tx, p Place, name, binding string) (api.Binding, error) {
	all, err := s.Bindings(ctx, tx, p, name)
	if err != nil {
		return api.Binding{}, err
	}
	for _, b := range all {
		if b.Metadata.Name == binding {
			return b, nil
		}
	}
	return api.Binding{}, problem.NotFound("binding", binding)
}

func bindingDoc(v View, b instancedb.Binding, live []instancedb.Credential) api.Binding {
	out := api.Binding{
		Metadata: api.Metadata{ID: b.ID.String(), Name: b.Name, Organization: v.Organization, Project: v.Project, CreatedAt: b.CreatedAt.UTC(), UpdatedAt: b.UpdatedAt.UTC()},
		Instance: v.Name, Phase: "Ready", RotatedAt: utc(b.RotatedAt),
	}
	for _, c := range live { // oldest first
		if c.BindingID != b.ID {
			continue
		}
		out.Login = c.Login
		if c.ValidUntil != nil {
			out.OldUntil, out.Phase = utc(c.ValidUntil), "Rotating"
		}
	}
	if v.ObservedGeneration < v.Generation {
		out.Phase = "Pending"
	}
	return out
}

// checkBindingName refuses names whose log-ins an engine or Souk keeps for itself.
func checkBindingName(name string) error {
	for _, prefix := range []string{"pg-", "souk-"} {
		if strings.HasPrefix(name, prefix) {
			return problem.InvalidField("body.name", name, "Names that start with %s are reserved. Choose another name.", prefix)
		}
	}
	return checkName("body.name", name)
}

// CreateBinding adds a set of credentials.
func (s *Service) CreateBinding(ctx context.Context, tx store.Tx, p Place, name, binding string) (api.Binding, error) {
	if err := checkBindingName(binding); err != nil {
		return api.Binding{}, err
	}
	return s.changeBinding(ctx, tx, p, name, binding, func(q *instancedb.Queries, r row, at time.Time) (change, error) {
		all, err := q.Bindings(ctx, r.ID)
		if err != nil {
			return change{}, err
		}
		if len(all) >= maxBindings {
			return change{}, problem.Conflict("too-many-bindings", "%s has %d bindings, which is the most. Revoke one first.", r.Name, len(all))
		}
		for _, b := range all {
			if b.Name == binding {
				return change{}, problem.Conflict("name-taken", "%s has a binding named %q already. Choose another name.", r.Name, binding)
			}
		}
		return change{action: "binding.create", message: "Binding " + binding + " created."}, s.addBinding(ctx, q, r, binding, at)
	})
}

// RotateBinding gives the binding a new log-in; the old one goes on working for
// the overlap. What the old one made stays, and belongs to the instance.
func (s *Service) RotateBinding(ctx context.Context, tx store.Tx, p Place, name, binding string, overlap *int64) (api.Binding, error) {
	return s.changeBinding(ctx, tx, p, name, binding, func(q *instancedb.Queries, r row, at time.Time) (change, error) {
		b, err := q.BindingByName(ctx, instancedb.BindingByNameParams{InstanceID: r.ID, Name: binding})
		if err != nil {
			return change{}, notFound(err, "binding", binding)
		}
		keep := defaultOverlap
		if overlap != nil {
			keep = time.Duration(*overlap) * time.Second
		}
		if err := endCredentials(ctx, q, b.ID, at, keep); err != nil {
			return change{}, err
		}
		if err := q.RotateBinding(ctx, instancedb.RotateBindingParams{ID: b.ID, RotatedAt: &at}); err != nil {
			return change{}, err
		}
		return change{action: "binding.rotate", message: "Binding " + binding + " rotated.", details: map[string]any{"binding": binding, "overlapSeconds": int64(keep.Seconds())}},
			s.addCredential(ctx, q, r, b.ID, binding, at)
	})
}

func endCredentials(ctx context.Context, q *instancedb.Queries, binding uuid.UUID, at time.Time, keep time.Duration) error {
	if keep == 0 {
		return q.RevokeCredentials(ctx, instancedb.RevokeCredentialsParams{BindingID: binding, RevokedAt: &at})
	}
	until := at.Add(keep)
	return q.ExpireCredentials(ctx, instancedb.ExpireCredentialsParams{BindingID: binding, ValidUntil: &until})
}

// RevokeBinding ends all log-ins of a binding at once. The default binding can
// be rotated, not revoked.
func (s *Service) RevokeBinding(ctx context.Context, tx store.Tx, p Place, name, binding string) error {
	_, err := s.changeBinding(ctx, tx, p, name, "", func(q *instancedb.Queries, r row, at time.Time) (change, error) {
		b, err := q.BindingByName(ctx, instancedb.BindingByNameParams{InstanceID: r.ID, Name: binding})
		if err != nil {
			return change{}, notFound(err, "binding", binding)
		}
		if binding == DefaultBinding {
			return change{}, problem.Conflict("default-binding", "The default binding cannot be revoked. Rotate it with an overlap of 0 seconds to end its log-ins at once.")
		}
		if err := endCredentials(ctx, q, b.ID, at, 0); err != nil {
			return change{}, err
		}
		return change{action: "binding.revoke", message: "Binding " + binding + " revoked.", details: map[string]any{"binding": binding}},
			q.RevokeBinding(ctx, instancedb.RevokeBindingParams{ID: b.ID, RevokedAt: &at})
	})
	return err
}

// changeBinding runs a change of an instance's bindings as a command, and
// returns the binding of that name, if one is given.
func (s *Service) changeBinding(ctx context.Context, tx store.Tx, p Place, name, binding string, f func(q *instancedb.Queries, r row, at time.Time) (change, error)) (api.Binding, error) {
	_, err := s.act(ctx, tx, p, name, func(r *row, at time.Time) (change, error) {
		if err := alive(View{Instance: *r}); err != nil {
			return change{}, err
		}
		c, err := f(instancedb.New(tx), *r, at)
		c.kind = "update"
		return c, err
	})
	if err != nil || binding == "" {
		return api.Binding{}, err
	}
	return s.Binding(ctx, tx, p, name, binding)
}

// Reveal opens the current log-in of a binding, and writes that down.
func (s *Service) Reveal(ctx context.Context, tx store.Tx, p Place, name, binding string) (api.Credentials, error) {
	v, err := s.Get(ctx, tx, p, name)
	if err != nil {
		return api.Credentials{}, err
	}
	q := instancedb.New(tx)
	b, err := q.BindingByName(ctx, instancedb.BindingByNameParams{InstanceID: v.ID, Name: binding})
	if err != nil {
		return api.Credentials{}, notFound(err, "binding", binding)
	}
	e := v.endpoint()
	if e == nil || v.Intent == string(agentapi.IntentPurged) {
		return api.Credentials{}, problem.Conflict("not-ready", "%s has no address yet; it is %s. Ask again when it is Ready.", name, v.Phase)
	}
	live, err := q.BindingCredentials(ctx, b.ID)
	if err != nil {
		return api.Credentials{}, err
	}
	c := live[0] // the newest; a binding that is not revoked always has one
	password, err := s.Secrets.Open(ctx, SecretPlace(c.ID), c.Secret)
	if err != nil {
		return api.Credentials{}, fmt.Errorf("credential %s cannot be opened: %w", c.ID, err)
	}
	if err := s.audit(ctx, tx, p, v.Instance, "credential.reveal", map[string]any{"binding": binding, "login": c.Login}); err != nil {
		return api.Credentials{}, err
	}
	conn := s.Packages[v.Service].Connection(*e, c.Login, string(password))
	return api.Credentials{Service: v.Service, Instance: v.Name, Binding: binding, Endpoint: *e, Login: c.Login, Password: string(password), URI: conn.URI, Env: conn.Env}, nil
}

// EndCredentialsDue revokes the old log-ins of one instance whose overlap is
// over, and says whether it did.
func (s *Service) EndCredentialsDue(ctx context.Context, st *store.Store) (bool, error) {
	done := false
	err := st.System(ctx, func(tx store.Tx) error {
		done = false
		q := instancedb.New(tx)
		now := s.Clock.Now()
		due, err := q.CredentialsDue(ctx, instancedb.CredentialsDueParams{Limit: 1, Due: now})
		if err != nil || len(due) == 0 {
			return err
		}
		r, err := q.ByIDForUpdate(ctx, due[0])
		if err != nil {
			return err
		}
		done = true
		ended, err := q.RevokeDueCredentials(ctx, instancedb.RevokeDueCredentialsParams{InstanceID: r.ID, Due: now})
		if err != nil || ended == 0 || r.Intent == string(agentapi.IntentPurged) {
			return err // ended by another replica meanwhile, or nothing is left to tell of
		}
		at, err := s.now(ctx, q, r)
		if err != nil {
			return err
		}
		c := change{kind: "update", action: "binding.expire", message: "An old log-in has ended after its rotation.", at: at, actor: SystemActor}
		if r.Intent == string(agentapi.IntentDeleted) {
			c.kind = "" // nobody can log in; the zone hears of it if it is brought back
		}
		return s.commit(ctx, tx, &r, c)
	})
	return done, err
}
