package tenancy

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/tenancy/tenancydb"
)

// SSOActor is who changes memberships by what an organization's provider says.
const SSOActor = "single sign-on"

// LockEmail lets nobody else decide what becomes of the address until the
// transaction ends.
func LockEmail(ctx context.Context, tx store.Tx, email string) error {
	return tenancydb.New(tx).LockEmail(ctx, email)
}

// NewcomerBySSO makes the account of a person whom the provider of their
// organization vouches for. It has no password.
func NewcomerBySSO(ctx context.Context, tx store.Tx, email, name string, now time.Time) (uuid.UUID, error) {
	if checkPersonName("", name) != nil || len(name) > 120 {
		name = ""
	}
	id := store.NewID()
	return id, tenancydb.New(tx).InsertAccount(ctx, tenancydb.InsertAccountParams{ID: id, Email: email, Name: name, CreatedAt: now, Locale: defaultLocale})
}

// SessionBySSO begins a session that ends with the generation of the
// organization's connection.
func SessionBySSO(ctx context.Context, tx store.Tx, account uuid.UUID, email string, generation uuid.UUID, from Caller, details map[string]any, now time.Time) (Session, error) {
	s, err := startSession(ctx, tx, account, email, from, details, now)
	if err != nil {
		return s, err
	}
	return s, tenancydb.New(tx).TieSession(ctx, tenancydb.TieSessionParams{ID: s.ID, SsoGeneration: &generation})
}

// RoleBySSO is what a person's groups at the provider mean in the organization.
type RoleBySSO struct {
	Organization, Account uuid.UUID
	Email                 string
	Role                  api.Role // "": none
	Groups                []string // that it comes from
	RequestID             string
	At                    time.Time
}

// Apply gives the person the role, or takes the one away that single sign-on gave
// before. A role that was given by hand is left alone, and so is the last owner.
// It says whether the person is a member afterwards, of a project at least.
func (r RoleBySSO) Apply(ctx context.Context, tx store.Tx) (member bool, err error) {
	q := tenancydb.New(tx)
	if err := q.LockMembers(ctx, r.Organization.String()); err != nil {
		return false, err
	}
	m, err := q.MemberBySSO(ctx, tenancydb.MemberBySSOParams{OrganizationID: r.Organization, AccountID: r.Account})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		err = r.add(ctx, tx, store.NewID())
	case err == nil && m.BySso:
		err = r.change(ctx, tx, m)
	}
	if err != nil {
		return false, err
	}
	return q.IsMember(ctx, tenancydb.IsMemberParams{OrganizationID: r.Organization, AccountID: r.Account})
}

func (r RoleBySSO) add(ctx context.Context, tx store.Tx, id uuid.UUID) error {
	if r.Role == "" {
		return nil
	}
	err := tenancydb.New(tx).InsertMemberBySSO(ctx, tenancydb.InsertMemberBySSOParams{
		ID: id, OrganizationID: r.Organization, AccountID: r.Account, Role: string(r.Role), CreatedAt: r.At,
	})
	if err != nil {
		return err
	}
	return r.audit(ctx, tx, "member.add", id, "", r.Role)
}

// change makes the role that single sign-on gave the present one.
func (r RoleBySSO) change(ctx context.Context, tx store.Tx, m tenancydb.MemberBySSORow) error {
	q, before := tenancydb.New(tx), api.Role(m.Role)
	if before == r.Role {
		return nil
	}
	if before == api.RoleOwner {
		if n, err := q.Owners(ctx, r.Organization); err != nil || n <= 1 {
			return err
		}
	}
	if err := takeBack(ctx, q, r.Organization, api.Member{Email: r.Email, Role: before}, r.Role, r.At); err != nil {
		return err
	}
	if r.Role == "" {
		if err := q.DeleteMember(ctx, m.ID); err != nil {
			return err
		}
		return r.audit(ctx, tx, "member.remove", m.ID, before, "")
	}
	if err := q.SetRoleBySSO(ctx, tenancydb.SetRoleBySSOParams{ID: m.ID, Role: string(r.Role)}); err != nil {
		return err
	}
	return r.audit(ctx, tx, "member.update", m.ID, before, r.Role)
}

func (r RoleBySSO) audit(ctx context.Context, tx store.Tx, action string, id uuid.UUID, before, after api.Role) error {
	return audit.Write(ctx, tx, audit.Event{
		Organization: r.Organization, At: r.At, Actor: SSOActor, Action: action, Kind: "member", ObjectID: id.String(), ObjectName: r.Email, RequestID: r.RequestID,
		Details: map[string]any{"before": before, "role": after, "groups": r.Groups},
	})
}

// OnlyThere is the refusal of what a session cannot do that one organization's
// provider opened: no provider speaks for people in another organization.
func OnlyThere(sso string) error {
	return problem.Conflict("sso-elsewhere", "You are logged in by the single sign-on of the organization %s, which opens that organization only. Log out, and log in with your password; if you have none, choose one by \"Forgot the password?\".", sso)
}

// passwordRefused is the refusal of a right password where the person's
// organization wants its own provider to be used.
func passwordRefused(ctx context.Context, tx store.Tx, account uuid.UUID) error {
	organization, err := tenancydb.New(tx).PasswordRefusedBy(ctx, account)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return &problem.Error{Status: http.StatusConflict, Code: "sso-required", Detail: "The organization " + organization + " lets you in by its single sign-on only. Log in with single sign-on."}
}
