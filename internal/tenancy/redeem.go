package tenancy

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/authz"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/tenancy/tenancydb"
)

// ShowInvitation says what the invitation with the token is to.
func (a *Accounts) ShowInvitation(ctx context.Context, token string, now time.Time) (api.InvitationShown, error) {
	q := tenancydb.New(a.store().SystemPool())
	i, err := openInvitation(ctx, q, token, now)
	if err != nil {
		return api.InvitationShown{}, err
	}
	_, known, err := present(ctx, q, i.Email)
	return api.InvitationShown{
		Organization: i.Organization, DisplayName: i.DisplayName, Project: i.Project, Role: api.Role(i.Role), Email: i.Email,
		InvitedBy: i.CreatedBy, ExpiresAt: i.ExpiresAt.UTC(), AccountExists: known,
	}, err
}

// Redeemed is what came of an invitation.
type Redeemed struct {
	Invitation api.InvitationRedeemed
	Session    Session // of who had no account before
}

// Redeem lets the person whom the invitation is for into the organization: the
// one who asks, if logged in; else somebody new, who gets an account. That the
// address is theirs is shown by the token, which was mailed there.
func (a *Accounts) Redeem(ctx context.Context, who authz.Principal, in api.InvitationRedeem, from Caller, now time.Time) (Redeemed, error) {
	// Looked at before hashing, so that a guess costs little.
	i, err := openInvitation(ctx, tenancydb.New(a.store().SystemPool()), in.Token, now)
	if err != nil {
		return Redeemed{}, err
	}
	if who.Session {
		return a.join(ctx, who, in.Token, from, now)
	}
	_, known, err := present(ctx, tenancydb.New(a.store().SystemPool()), i.Email)
	if err != nil {
		return Redeemed{}, err
	}
	if known {
		return Redeemed{}, logInFirst()
	}
	if err := together(checkPersonName("body.name", in.Name), checkPassword("body.password", in.Password, i.Email)); err != nil {
		return Redeemed{}, err
	}
	phc, err := a.logins.hash(ctx, in.Password)
	if err != nil {
		return Redeemed{}, err
	}
	return a.welcome(ctx, in, phc, from, now)
}

func logInFirst() error {
	return problem.Conflict("log-in-first", "There is an account with the invited address. Log in with it, and open the link again.")
}

// join makes the person who is logged in a member.
func (a *Accounts) join(ctx context.Context, who authz.Principal, token string, from Caller, now time.Time) (out Redeemed, err error) {
	err = a.store().System(ctx, func(tx store.Tx) error {
		i, err := openInvitation(ctx, tenancydb.New(tx), token, now)
		if err != nil {
			return err
		}
		if !strings.EqualFold(i.Email, who.Name) {
			return &problem.Error{Status: http.StatusForbidden, Code: "invitation-for-another", Detail: "This invitation is for another address than the one you are logged in with. Log out, and open the link again."}
		}
		if who.SSO != "" && who.SSO != i.Organization {
			return OnlyThere(who.SSO)
		}
		if err := admitInvited(ctx, tx, i, who.Account, who.Name, from, now); err != nil {
			return err
		}
		out = Redeemed{Invitation: redeemed(i)}
		bySSO, err := tenancydb.New(tx).SessionIsBySSO(ctx, who.Credential)
		if err != nil || bySSO {
			return err
		}
		return passwordRefused(ctx, tx, who.Account)
	})
	return out, err
}

// welcome makes the invited person's account, and logs the person in.
func (a *Accounts) welcome(ctx context.Context, in api.InvitationRedeem, phc string, from Caller, now time.Time) (out Redeemed, err error) {
	err = a.store().System(ctx, func(tx store.Tx) error {
		q := tenancydb.New(tx)
		i, err := openInvitation(ctx, q, in.Token, now)
		if err != nil {
			return err
		}
		if _, known, err := a.lockEmail(ctx, q, i.Email); err != nil {
			return err
		} else if known {
			return logInFirst()
		}
		account := tenancydb.InsertAccountParams{ID: store.NewID(), Email: i.Email, Name: in.Name, PasswordHash: phc, CreatedAt: now, Locale: cmp.Or(in.Locale, defaultLocale)}
		if err := q.InsertAccount(ctx, account); err != nil {
			return err
		}
		if err := admitInvited(ctx, tx, i, account.ID, i.Email, from, now); err != nil {
			return err
		}
		if err := passwordRefused(ctx, tx, account.ID); err != nil { // comes by single sign-on first
			return err
		}
		out.Invitation = redeemed(i)
		out.Session, err = startSession(ctx, tx, account.ID, i.Email, from, nil, now)
		return err
	})
	return out, err
}

func redeemed(i tenancydb.InvitationByTokenRow) api.InvitationRedeemed {
	return api.InvitationRedeemed{Organization: i.Organization, Project: i.Project, Role: api.Role(i.Role)}
}

// admitInvited gives the account the role of the invitation, which is of no use
// any more then.
func admitInvited(ctx context.Context, tx store.Tx, i tenancydb.InvitationByTokenRow, account uuid.UUID, email string, from Caller, now time.Time) error {
	q := tenancydb.New(tx)
	if err := q.LockMembers(ctx, i.OrganizationID.String()); err != nil {
		return err
	}
	_, err := q.MemberOf(ctx, tenancydb.MemberOfParams{OrganizationID: i.OrganizationID, AccountID: account, ProjectID: i.ProjectID})
	if err == nil {
		return problem.Conflict("already-a-member", "You are a member already. Owners and admins change roles among the members.")
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	member := store.NewID()
	err = q.InsertMember(ctx, tenancydb.InsertMemberParams{ID: member, OrganizationID: i.OrganizationID, ProjectID: i.ProjectID, AccountID: account, Role: i.Role, CreatedAt: now})
	if err != nil {
		return err
	}
	if err := q.RedeemInvitation(ctx, tenancydb.RedeemInvitationParams{ID: i.ID, RedeemedAt: now}); err != nil {
		return err
	}
	e := audit.Event{
		Organization: i.OrganizationID, At: now, Actor: email, Action: "invitation.redeem", Kind: "member", ObjectID: member.String(), ObjectName: email,
		RequestID: from.RequestID, Details: map[string]any{"role": i.Role, "project": i.Project, "invitation": i.ID, "invitedBy": i.CreatedBy},
	}
	if i.ProjectID != nil {
		e.Project = *i.ProjectID
	}
	return audit.Write(ctx, tx, e)
}
