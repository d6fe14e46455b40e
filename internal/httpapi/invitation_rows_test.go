package httpapi_test

import (
	"net/http"
	"testing"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
)

var invitationRows = map[string]row{
	"invitations-list": {may: admins, request: in("GET", "/invitations")},
	"invitations-create": {may: admins, request: func(_ *testing.T, _ *httpapitest.Env, at place) httpapitest.Request {
		return post(at.path("/invitations"), api.InvitationCreate{Email: freshEmail(), Role: api.RoleEditor})
	}},
	"invitations-resend": {may: admins, request: func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		return post(at.path("/invitations/"+invited(t, e, at, freshEmail()).ID+"/resend"), nil)
	}},
	"invitations-revoke": {may: admins, request: func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		return httpapitest.Request{Method: "DELETE", Path: at.path("/invitations/" + invited(t, e, at, freshEmail()).ID)}
	}},
	"invitations-show": {everyone: true, silent: true, request: func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		return post("/api/v1/invitations/show", api.LinkToken{Token: invitation(t, e, at, freshEmail())})
	}},
	"invitations-redeem": {everyone: true, request: func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		return redeem(invitation(t, e, at, freshEmail()), "")
	}},
}

// invite asks for an invitation as the organization's owner.
func invite(t *testing.T, e *httpapitest.Env, at place, in api.InvitationCreate) httpapitest.Response {
	t.Helper()
	return e.Do(t, with(post(at.path("/invitations"), in), e.Token(t, at.organization, "", api.RoleOwner)))
}

func invited(t *testing.T, e *httpapitest.Env, at place, email string) (i api.Invitation) {
	t.Helper()
	invite(t, e, at, api.InvitationCreate{Email: email, Role: api.RoleEditor}).Want(t, http.StatusCreated).Decode(t, &i)
	return i
}

// invitation invites the address and returns the token of the link.
func invitation(t *testing.T, e *httpapitest.Env, at place, email string) string {
	t.Helper()
	invited(t, e, at, email)
	return link(t, e, email, "invitation")
}

// redeem redeems as the session's person, or as somebody new.
func redeem(token, session string) httpapitest.Request {
	q := post("/api/v1/invitations/redeem", api.InvitationRedeem{Token: token, Name: "Bob", Password: newPassword})
	q.Token = session
	return q
}
