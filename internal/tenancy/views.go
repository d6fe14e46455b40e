package tenancy

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/authz"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/tenancy/tenancydb"
)

// ViewLasts is how long the operator's staff may look as an organization does,
// at most.
const ViewLasts = 60 * time.Minute

// Reasons are read by the organization that is looked at.
const minReason, maxReason = 5, 500

// StartView lets the principal look as the organization does. The views that its
// session or token had before end. Both organizations' logs say so.
func StartView(ctx context.Context, tx store.Tx, p authz.Principal, organization uuid.UUID, name, reason, requestID string, now time.Time) (api.View, error) {
	reason = strings.TrimSpace(reason)
	if n := utf8.RuneCountInString(reason); n < minReason || n > maxReason {
		return api.View{}, problem.InvalidField("body.reason", nil, "Say in %d to %d characters why: the organization reads it in its audit log.", minReason, maxReason)
	}
	operator, ok := p.Operator(authz.OperatorImpersonate)
	if !ok {
		return api.View{}, errors.New("a view was asked for by nobody of the operator's")
	}
	q := tenancydb.New(tx)
	before, err := q.RunningViews(ctx, p.Credential)
	if err != nil {
		return api.View{}, err
	}
	for _, b := range before {
		if err := endView(ctx, tx, tenancydb.RunningViewRow(b), p.Name, "another was started", requestID, now); err != nil {
			return api.View{}, err
		}
	}
	v := tenancydb.RunningViewRow{
		ID: store.NewID(), OrganizationID: organization, OperatorID: operator, CredentialID: p.Credential, Actor: p.Name, Reason: reason,
		StartedAt: now, EndsAt: now.Add(ViewLasts), Organization: name,
	}
	err = q.InsertView(ctx, tenancydb.InsertViewParams{
		ID: v.ID, OrganizationID: v.OrganizationID, OperatorID: v.OperatorID, CredentialID: v.CredentialID, Actor: v.Actor, Reason: v.Reason, StartedAt: v.StartedAt, EndsAt: v.EndsAt,
	})
	if err != nil {
		return api.View{}, err
	}
	details := map[string]any{"reason": v.Reason, "endsAt": v.EndsAt.UTC().Format(time.RFC3339), "readOnly": true}
	return viewDoc(v), auditView(ctx, tx, v, audit.Event{At: now, Actor: p.Name, Action: "view.start", RequestID: requestID, Details: details})
}

// EndView ends a view before its time.
func EndView(ctx context.Context, tx store.Tx, id uuid.UUID, actor, requestID string, now time.Time) error {
	v, err := tenancydb.New(tx).RunningView(ctx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return problem.NotFound("view", id.String())
	}
	if err != nil {
		return err
	}
	return endView(ctx, tx, v, actor, "stopped", requestID, now)
}

// EndViewsDue ends one view whose time is over, or whose session or token is. It
// says whether there may be more.
func EndViewsDue(ctx context.Context, s *store.Store, now time.Time) (more bool, err error) {
	err = s.System(ctx, func(tx store.Tx) error {
		v, err := tenancydb.New(tx).ViewDue(ctx, now)
		if errors.Is(err, pgx.ErrNoRows) {
			more = false
			return nil
		}
		if err != nil {
			return err
		}
		more = true
		because, at := "logged out", now
		if !now.Before(v.EndsAt) {
			because, at = "its time was over", v.EndsAt
		}
		return endView(ctx, tx, tenancydb.RunningViewRow(v), v.Actor, because, "", at)
	})
	return more, err
}

func endView(ctx context.Context, tx store.Tx, v tenancydb.RunningViewRow, actor, because, requestID string, at time.Time) error {
	if err := tenancydb.New(tx).EndView(ctx, tenancydb.EndViewParams{ID: v.ID, EndedAt: &at}); err != nil {
		return err
	}
	details := map[string]any{"because": because, "reason": v.Reason, "viewer": v.Actor}
	return auditView(ctx, tx, v, audit.Event{At: at, Actor: actor, Action: "view.end", RequestID: requestID, Details: details})
}

// auditView writes the event into the log of the organization that is looked at,
// and into that of the operator.
func auditView(ctx context.Context, tx store.Tx, v tenancydb.RunningViewRow, e audit.Event) error {
	e.Kind, e.ObjectID, e.ObjectName = "organization", v.OrganizationID.String(), v.Organization
	e.Organization = v.OrganizationID
	if err := audit.Write(ctx, tx, e); err != nil || v.OperatorID == v.OrganizationID {
		return err
	}
	e.Organization = v.OperatorID
	return audit.Write(ctx, tx, e)
}

// Viewing returns the principal as it looks at the organization of a running
// view of its own: it may read there what the organization's people may, and
// nothing else anywhere.
func Viewing(ctx context.Context, s *store.Store, p authz.Principal, id string, now time.Time) (authz.Principal, error) {
	view, err := uuid.Parse(id)
	if err != nil || !p.CanOperate(authz.OperatorImpersonate) {
		return authz.Principal{}, viewEnded()
	}
	v, err := tenancydb.New(s.SystemPool()).ViewOf(ctx, tenancydb.ViewOfParams{ID: view, CredentialID: p.Credential, Now: now})
	if errors.Is(err, pgx.ErrNoRows) {
		return authz.Principal{}, viewEnded()
	}
	if err != nil {
		return authz.Principal{}, err
	}
	doc := viewDoc(tenancydb.RunningViewRow(v))
	return p.Looking(v.OrganizationID, v.Organization, doc), nil
}

func viewEnded() error {
	return &problem.Error{Status: 403, Code: "view-ended", Detail: "You do not look as this organization any more. Start again, with the reason."}
}

func viewDoc(v tenancydb.RunningViewRow) api.View {
	return api.View{ID: v.ID.String(), Organization: v.Organization, Actor: v.Actor, Reason: v.Reason, StartedAt: v.StartedAt.UTC(), EndsAt: v.EndsAt.UTC()}
}
