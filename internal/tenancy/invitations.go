package tenancy

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/authz"
	"souk/internal/mail"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/tenancy/tenancydb"
)

const (
	// invitationLasts is how long an invitation can be redeemed.
	invitationLasts = 7 * 24 * time.Hour
	// invitationsKept is how long afterwards it is told from one that never was.
	invitationsKept = 30 * 24 * time.Hour
	// An organization invites so many within a day: more is no invitation.
	mostInvitations = 200
	invitationsDay  = 24 * time.Hour
)

// Invitations lists those that are open, in the order in which they were made.
func Invitations(ctx context.Context, tx store.Tx, organization, after uuid.UUID, limit int) ([]api.Invitation, error) {
	rows, err := tenancydb.New(tx).Invitations(ctx, tenancydb.InvitationsParams{OrganizationID: organization, After: after, Limit: int32(limit)})
	if err != nil {
		return nil, err
	}
	list := make([]api.Invitation, len(rows))
	for i, r := range rows {
		list[i] = invitation(tenancydb.InvitationRow{ID: r.ID, Email: r.Email, Role: r.Role, CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt, Project: r.Project})
	}
	return list, nil
}

// Invitation returns one invitation.
func Invitation(ctx context.Context, tx store.Tx, organization, id uuid.UUID) (api.Invitation, error) {
	r, err := tenancydb.New(tx).Invitation(ctx, tenancydb.InvitationParams{OrganizationID: organization, ID: id})
	return invitation(r), found(err, "invitation", id.String())
}

func invitation(r tenancydb.InvitationRow) api.Invitation {
	return api.Invitation{ID: r.ID.String(), Email: r.Email, Role: api.Role(r.Role), Project: r.Project, CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC()}
}

// Inviter is who invites, and to where.
type Inviter struct {
	Organization     uuid.UUID
	OrganizationName string
	Principal        authz.Principal
	Require          Require
}

// Invite makes an invitation and mails it. Another that is open for the same
// person and place is of no use any more then.
func (a *Accounts) Invite(ctx context.Context, tx store.Tx, by Inviter, in api.InvitationCreate, now time.Time) (api.Invitation, error) {
	project, err := a.checkInvitation(ctx, tx, by, in, now)
	if err != nil {
		return api.Invitation{}, err
	}
	q := tenancydb.New(tx)
	err = q.ReplaceInvitations(ctx, tenancydb.ReplaceInvitationsParams{OrganizationID: by.Organization, ProjectID: project, Email: in.Email, RevokedAt: now})
	if err != nil {
		return api.Invitation{}, err
	}
	id, token := store.NewID(), newLinkToken()
	err = q.InsertInvitation(ctx, tenancydb.InsertInvitationParams{
		ID: id, OrganizationID: by.Organization, ProjectID: project, Email: in.Email, Role: string(in.Role), TokenHash: hashSecret(token),
		CreatedBy: by.Principal.Name, CreatedAt: now, ExpiresAt: now.Add(invitationLasts),
	})
	if err != nil {
		return api.Invitation{}, err
	}
	letter, err := invitationLetter(ctx, q, by, in, token, now)
	if err != nil {
		return api.Invitation{}, err
	}
	if err := a.mails.Write(ctx, tx, letter, now); err != nil {
		return api.Invitation{}, err
	}
	return Invitation(ctx, tx, by.Organization, id)
}

// checkInvitation refuses what cannot be redeemed or must not be sent, and
// returns the project that the invitation is for.
func (a *Accounts) checkInvitation(ctx context.Context, tx store.Tx, by Inviter, in api.InvitationCreate, now time.Time) (*uuid.UUID, error) {
	if err := mail.CheckAddress("body.email", in.Email); err != nil {
		return nil, err
	}
	q := tenancydb.New(tx)
	if err := q.LockMembers(ctx, by.Organization.String()); err != nil {
		return nil, err
	}
	project, err := projectOf(ctx, tx, by.Organization, in.Project)
	if err != nil {
		return nil, err
	}
	if in.Role == api.RoleOwner {
		if project != nil {
			return nil, problem.InvalidField("body.role", in.Role, "owners own the whole organization; leave the project out or choose another role")
		}
		if err := by.Require(authz.OwnerWrite); err != nil {
			return nil, err
		}
	}
	if err := notMemberYet(ctx, q, by.Organization, project, in.Email); err != nil {
		return nil, err
	}
	return project, a.roomToInvite(ctx, tx, by.Organization, in.Email, now)
}

func notMemberYet(ctx context.Context, q *tenancydb.Queries, organization uuid.UUID, project *uuid.UUID, email string) error {
	account, known, err := present(ctx, q, email)
	if err != nil || !known {
		return err
	}
	_, err = q.MemberOf(ctx, tenancydb.MemberOfParams{OrganizationID: organization, AccountID: account.ID, ProjectID: project})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return err
	}
	return atField(problem.Conflict("already-a-member", "This person is a member already. Change the role among the members."), "body.email", email)
}

// roomToInvite keeps an organization from flooding anybody. It counts only what
// that organization did.
func (a *Accounts) roomToInvite(ctx context.Context, tx store.Tx, organization uuid.UUID, email string, now time.Time) error {
	if err := a.roomForMail(ctx, tx, organization, email, now); err != nil {
		return err
	}
	n, err := tenancydb.New(tx).InvitationsSince(ctx, tenancydb.InvitationsSinceParams{OrganizationID: organization, Since: now.Add(-invitationsDay)})
	if err == nil && n >= mostInvitations {
		return problem.TooMany(time.Hour, "The organization has sent %d invitations within a day, and cannot send more. Wait, and invite again.", n)
	}
	return err
}

func (a *Accounts) roomForMail(ctx context.Context, tx store.Tx, organization uuid.UUID, email string, now time.Time) error {
	room, err := a.mails.Room(ctx, tx, email, invitationTopic(organization), now)
	if err == nil && !room {
		return problem.TooMany(mail.Within, "This address has been sent %d invitations within an hour. Wait, and invite it again.", mail.Most)
	}
	return err
}

// invitationTopic counts the mails of each organization by themselves: none can
// use up what an address gets from the others.
func invitationTopic(organization uuid.UUID) string { return "invitation " + organization.String() }

// invitationLetter is in the language of the invited person, or of the one who
// invites. A token is not named in it: what it is called, anybody can choose.
func invitationLetter(ctx context.Context, q *tenancydb.Queries, by Inviter, in api.InvitationCreate, token string, now time.Time) (mail.Letter, error) {
	m := mail.Message{Kind: mail.Invitation, Path: "/invitation?token=" + token, Organization: by.OrganizationName, Project: in.Project, Role: string(in.Role)}
	account, known, err := present(ctx, q, in.Email)
	if err != nil {
		return mail.Letter{}, err
	}
	if by.Principal.Session {
		m.Inviter = by.Principal.Name
	}
	switch {
	case known:
		m.Locale = account.Locale
	case by.Principal.Session:
		if m.Locale, err = q.AccountLocale(ctx, by.Principal.Account); err != nil {
			return mail.Letter{}, err
		}
	}
	return mail.Letter{To: in.Email, Message: m, Topic: invitationTopic(by.Organization), Until: now.Add(invitationLasts)}, nil
}

// ResendInvitation mails an open invitation again, with a link of its own that is
// good for as long as a new one; the link before is of no use then.
func (a *Accounts) ResendInvitation(ctx context.Context, tx store.Tx, by Inviter, id uuid.UUID, now time.Time) (api.Invitation, error) {
	q := tenancydb.New(tx)
	i, err := Invitation(ctx, tx, by.Organization, id)
	if err != nil {
		return i, err
	}
	if i.Role == api.RoleOwner {
		if err := by.Require(authz.OwnerWrite); err != nil {
			return i, err
		}
	}
	if err := a.roomForMail(ctx, tx, by.Organization, i.Email, now); err != nil {
		return i, err
	}
	token := newLinkToken()
	n, err := q.RenewInvitation(ctx, tenancydb.RenewInvitationParams{ID: id, OrganizationID: by.Organization, TokenHash: hashSecret(token), ExpiresAt: now.Add(invitationLasts)})
	if err != nil {
		return i, err
	}
	if n == 0 {
		return i, problem.Conflict("invitation-over", "This invitation has been redeemed or taken back. Invite the person anew.")
	}
	letter, err := invitationLetter(ctx, q, by, api.InvitationCreate{Email: i.Email, Role: i.Role, Project: i.Project}, token, now)
	if err != nil {
		return i, err
	}
	if err := a.mails.Write(ctx, tx, letter, now); err != nil {
		return i, err
	}
	return Invitation(ctx, tx, by.Organization, id)
}

// RevokeInvitation ends an invitation, and says whether it was still open.
func RevokeInvitation(ctx context.Context, tx store.Tx, organization, id uuid.UUID, require Require, at time.Time) (api.Invitation, bool, error) {
	i, err := Invitation(ctx, tx, organization, id)
	if err != nil {
		return i, false, err
	}
	if i.Role == api.RoleOwner {
		if err := require(authz.OwnerWrite); err != nil {
			return i, false, err
		}
	}
	n, err := tenancydb.New(tx).RevokeInvitation(ctx, tenancydb.RevokeInvitationParams{ID: id, OrganizationID: organization, RevokedAt: at})
	return i, n > 0, err
}

// openInvitation finds the invitation of a token, or says why it is of no use.
func openInvitation(ctx context.Context, q *tenancydb.Queries, token string, now time.Time) (tenancydb.InvitationByTokenRow, error) {
	i, err := q.InvitationByToken(ctx, hashSecret(token))
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return i, &problem.Error{Status: http.StatusNotFound, Code: "invitation-unknown", Detail: "There is no such invitation. Open the link of the mail, and all of it."}
	case err != nil:
		return i, err
	case i.RedeemedAt != nil:
		return i, invitationOver("invitation-used", "This invitation has been redeemed. Log in to see the organization.")
	case i.RevokedAt != nil:
		return i, invitationOver("invitation-revoked", "This invitation has been taken back, or replaced by a newer one. Open the newest mail, or ask whoever invited you.")
	case !now.Before(i.ExpiresAt):
		return i, invitationOver("invitation-expired", "This invitation is older than 7 days. Ask whoever invited you for another.")
	}
	return i, nil
}

func invitationOver(code, detail string) error {
	return &problem.Error{Status: http.StatusGone, Code: code, Detail: detail}
}

// SweepInvitations forgets invitations of long ago, at most limit of them, and
// returns how many those were.
func SweepInvitations(ctx context.Context, tx store.Tx, now time.Time, limit int) (int64, error) {
	return tenancydb.New(tx).SweepInvitations(ctx, tenancydb.SweepInvitationsParams{Before: now.Add(-invitationsKept), Limit: int32(limit)})
}
