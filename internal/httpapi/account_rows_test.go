package httpapi_test

import (
	"testing"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
)

var accountRows = map[string]row{
	"signup": {everyone: true, silent: true, request: func(*testing.T, *httpapitest.Env, place) httpapitest.Request {
		return post("/api/v1/signup", newSignUp(freshEmail()))
	}},
	"verify-email": {everyone: true, request: func(t *testing.T, e *httpapitest.Env, _ place) httpapitest.Request {
		return post("/api/v1/verify-email", api.LinkToken{Token: signedUp(t, e, newSignUp(freshEmail()))})
	}},
	"verify-email-resend": {everyone: true, silent: true, request: func(*testing.T, *httpapitest.Env, place) httpapitest.Request {
		return post("/api/v1/verify-email/resend", api.EmailAddress{Email: freshEmail()})
	}},
	"password-reset": {everyone: true, silent: true, request: func(*testing.T, *httpapitest.Env, place) httpapitest.Request {
		return post("/api/v1/password-reset", api.EmailAddress{Email: freshEmail()})
	}},
	"password-reset-complete": {everyone: true, request: func(t *testing.T, e *httpapitest.Env, _ place) httpapitest.Request {
		email := freshEmail()
		e.Member(t, httpapitest.Own, email, api.RoleViewer)
		return post("/api/v1/password-reset/complete", api.PasswordReset{Token: forgot(t, e, email), Password: newPassword})
	}},
	"account-get": {self: alike("GET", "/api/v1/account", nil)},
	"account-update": {self: func(_ *testing.T, _ *httpapitest.Env, _ string) httpapitest.Request {
		name := freshName()
		return httpapitest.Request{Method: "PATCH", Path: "/api/v1/account", Body: api.AccountPatch{Name: &name}}
	}},
	"account-organizations-create": {self: func(*testing.T, *httpapitest.Env, string) httpapitest.Request {
		return post("/api/v1/account/organizations", api.SignUpOrganization{Name: freshName()})
	}},
	"account-password":      {self: alike("PUT", "/api/v1/account/password", api.PasswordChange{Current: httpapitest.Password, New: newPassword})},
	"account-sessions-list": {self: alike("GET", "/api/v1/account/sessions", nil)},
	"account-sessions-end-others": {self: func(t *testing.T, e *httpapitest.Env, email string) httpapitest.Request {
		e.Session(t, email) // another one
		return httpapitest.Request{Method: "DELETE", Path: "/api/v1/account/sessions"}
	}},
	"account-sessions-end": {self: func(t *testing.T, e *httpapitest.Env, email string) httpapitest.Request {
		return httpapitest.Request{Method: "DELETE", Path: "/api/v1/account/sessions/" + sessions(t, e, e.Session(t, email))[0].ID}
	}},
}

const newPassword = "another horse battery"

func post(path string, body any) httpapitest.Request {
	return httpapitest.Request{Method: "POST", Path: path, Body: body}
}

// alike is for a request that is the same for everybody.
func alike(method, path string, body any) func(*testing.T, *httpapitest.Env, string) httpapitest.Request {
	return func(*testing.T, *httpapitest.Env, string) httpapitest.Request {
		return httpapitest.Request{Method: method, Path: path, Body: body}
	}
}

func newSignUp(email string) api.SignUp {
	return api.SignUp{Email: email, Name: "Ann", Password: httpapitest.Password, Organization: api.SignUpOrganization{Name: freshName(), DisplayName: "Ann's"}}
}

// signedUp signs up and returns the token of the link that was mailed.
func signedUp(t *testing.T, e *httpapitest.Env, in api.SignUp) string {
	t.Helper()
	e.Do(t, post("/api/v1/signup", in)).Want(t, 202)
	return link(t, e, in.Email, "verify-email")
}

// link returns the token of the link in the newest mail to the address.
func link(t *testing.T, e *httpapitest.Env, email, page string) string {
	t.Helper()
	got, token := e.Link(t, email)
	if got != page {
		t.Fatalf("the link in the mail to %s is for the page %s, want %s", email, got, page)
	}
	return token
}

// forgot asks for a new password and returns the token of the link.
func forgot(t *testing.T, e *httpapitest.Env, email string) string {
	t.Helper()
	e.Do(t, post("/api/v1/password-reset", api.EmailAddress{Email: email})).Want(t, 202)
	return link(t, e, email, "password/reset")
}

func sessions(t *testing.T, e *httpapitest.Env, token string) []api.Session {
	t.Helper()
	var list api.List[api.Session]
	e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/account/sessions", Token: token}).Want(t, 200).Decode(t, &list)
	return list.Items
}
