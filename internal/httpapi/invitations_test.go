package httpapi_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"souk/api"
	"souk/internal/httpapi"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/mail"
)

func openInvitations(t *testing.T, e *httpapitest.Env, at place) []api.Invitation {
	t.Helper()
	var list api.List[api.Invitation]
	e.Do(t, httpapitest.Request{Method: "GET", Path: at.path("/invitations"), Token: e.Token(t, at.organization, "", api.RoleOwner)}).Want(t, 200).Decode(t, &list)
	return list.Items
}

// projects asks for what a member of the organization sees.
func projects(t *testing.T, e *httpapitest.Env, at place, session string) httpapitest.Response {
	t.Helper()
	return e.Do(t, httpapitest.Request{Method: "GET", Path: at.path("/projects"), Token: session})
}

func TestInvitationOfSomebodyNew(t *testing.T) {
	e := httpapitest.New(t)
	owner := newPerson(t, e, api.RoleOwner)
	const email = "bob@example.org"
	var made api.Invitation
	owner.do(t, "POST", "/invitations", api.InvitationCreate{Email: email, Role: api.RoleEditor, Project: httpapitest.OwnProject}).Want(t, 201).Decode(t, &made)
	if made.Email != email || made.CreatedBy != owner.email || made.Project != httpapitest.OwnProject || !made.ExpiresAt.Equal(e.Clock.Now().Add(7*24*time.Hour)) {
		t.Errorf("%+v", made)
	}
	m := e.Mails(t, email)[0]
	token := link(t, e, email, "invitation")
	for _, text := range []string{m.Text, m.HTML} {
		if !strings.Contains(text, owner.email) || !strings.Contains(text, httpapitest.Own) || !strings.Contains(text, httpapitest.OwnProject) || !strings.Contains(text, token) {
			t.Errorf("the mail says %s", text)
		}
	}
	if n := count(t, e, "SELECT count(*) FROM invitations WHERE position(convert_to($1, 'UTF8') IN token_hash) > 0", token); n != 0 {
		t.Error("the token is kept")
	}
	var shown api.InvitationShown
	e.Do(t, post("/api/v1/invitations/show", api.LinkToken{Token: token})).Want(t, 200).Decode(t, &shown)
	if shown.Organization != httpapitest.Own || shown.Email != email || shown.InvitedBy != owner.email || shown.Role != api.RoleEditor || shown.AccountExists {
		t.Errorf("%+v", shown)
	}

	p := e.Do(t, post("/api/v1/invitations/redeem", api.InvitationRedeem{Token: token, Password: "short"})).Want(t, 422).Problem(t)
	if len(p.Errors) != 1 || p.Errors[0].Location != "body.password" || p.Errors[0].Value != nil {
		t.Errorf("%+v", p)
	}
	var got api.InvitationRedeemed
	e.Do(t, redeem(token, "")).Want(t, 200).Decode(t, &got)
	if got.Organization != httpapitest.Own || got.Session == nil || got.Session.Email != email {
		t.Fatalf("%+v", got)
	}
	e.Do(t, httpapitest.Request{Method: "GET", Path: own.inProject(""), Token: got.Session.Token}).Want(t, 200)
	e.Do(t, httpapitest.Request{Method: "GET", Path: own.path("/members"), Token: got.Session.Token}).Want(t, 403)
	if list := openInvitations(t, e, own); len(list) != 0 {
		t.Errorf("still open: %+v", list)
	}
	if n := count(t, e, "SELECT count(*) FROM audit_events WHERE action = 'invitation.redeem' AND actor = $1 AND details->>'invitedBy' = $2", email, owner.email); n != 1 {
		t.Errorf("%d audit entries", n)
	}
}

func TestInvitationOfWhoHasAnAccount(t *testing.T) {
	e := httpapitest.New(t)
	const email = "Bob@example.org"
	e.Account(t, "bob@example.org")
	token := invitation(t, e, own, email)
	if got := code(t, e.Do(t, redeem(token, "")), 409); got != "log-in-first" {
		t.Error(got)
	}
	bob := e.Session(t, "bob@example.org")
	projects(t, e, own, bob).Want(t, 404)
	var got api.InvitationRedeemed
	e.Do(t, redeem(token, bob)).Want(t, 200).Decode(t, &got)
	if got.Session != nil {
		t.Error("another session")
	}
	projects(t, e, own, bob).Want(t, 200)
	if got := code(t, invite(t, e, own, api.InvitationCreate{Email: email, Role: api.RoleViewer}), 409); got != "already-a-member" {
		t.Error(got)
	}
}

// What is no good is refused with its reason, and lets nobody in.
func TestInvitationsThatAreOfNoUse(t *testing.T) {
	e := httpapitest.New(t)
	refused := func(t *testing.T, token, session string, status int, want string) {
		t.Helper()
		members := count(t, e, "SELECT count(*) FROM members")
		if got := code(t, e.Do(t, redeem(token, session)), status); got != want {
			t.Errorf("refused by %s, want %s", got, want)
		}
		if n := count(t, e, "SELECT count(*) FROM members"); n != members {
			t.Errorf("%d members more", n-members)
		}
	}
	t.Run("redeemed before", func(t *testing.T) {
		email := freshEmail()
		token := invitation(t, e, own, email)
		var good atomic.Int32
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if e.Do(t, redeem(token, "")).Status == 200 {
					good.Add(1)
				}
			})
		}
		wg.Wait()
		if good.Load() != 1 {
			t.Errorf("%d redeemed one invitation", good.Load())
		}
		refused(t, token, "", 410, "invitation-used")
		refused(t, token, e.Session(t, email), 410, "invitation-used")
		if got := code(t, e.Do(t, post("/api/v1/invitations/show", api.LinkToken{Token: token})), 410); got != "invitation-used" {
			t.Error(got)
		}
	})
	t.Run("by another account", func(t *testing.T) {
		email, another := freshEmail(), freshEmail()
		token := invitation(t, e, own, email)
		e.Account(t, another)
		refused(t, token, e.Session(t, another), 403, "invitation-for-another")
		e.Do(t, redeem(token, "")).Want(t, 200) // the invited person still can
	})
	t.Run("too old", func(t *testing.T) {
		token := invitation(t, e, own, freshEmail())
		e.Clock.Advance(7 * 24 * time.Hour)
		refused(t, token, "", 410, "invitation-expired")
	})
	t.Run("taken back", func(t *testing.T) {
		email := freshEmail()
		i := invited(t, e, own, email)
		token := link(t, e, email, "invitation")
		path := own.path("/invitations/" + i.ID)
		owner := e.Token(t, httpapitest.Own, "", api.RoleOwner)
		for range 2 {
			e.Do(t, httpapitest.Request{Method: "DELETE", Path: path, Token: owner}).Want(t, 204)
		}
		refused(t, token, "", 410, "invitation-revoked")
		if got := code(t, e.Do(t, with(post(path+"/resend", nil), owner)), 409); got != "invitation-over" {
			t.Error(got)
		}
	})
	t.Run("replaced by a newer one", func(t *testing.T) {
		email := freshEmail()
		first := invitation(t, e, own, email)
		e.Clock.Advance(time.Second)
		second := invitation(t, e, own, email)
		refused(t, first, "", 410, "invitation-revoked")
		e.Do(t, redeem(second, "")).Want(t, 200)
	})
	t.Run("sent again", func(t *testing.T) {
		email := freshEmail()
		i := invited(t, e, own, email)
		first := link(t, e, email, "invitation")
		e.Clock.Advance(6 * 24 * time.Hour)
		e.Do(t, with(post(own.path("/invitations/"+i.ID+"/resend"), nil), e.Token(t, httpapitest.Own, "", api.RoleOwner))).Want(t, 200).Decode(t, &i)
		if !i.ExpiresAt.Equal(e.Clock.Now().Add(7 * 24 * time.Hour)) {
			t.Errorf("%+v", i)
		}
		refused(t, first, "", 404, "invitation-unknown")
		e.Do(t, redeem(link(t, e, email, "invitation"), "")).Want(t, 200)
	})
	t.Run("made up", func(t *testing.T) {
		signup := newSignUp(freshEmail())
		for _, token := range []string{"", "soukmail_" + strings.Repeat("A", 43), e.Token(t, httpapitest.Own, "", api.RoleOwner), signedUp(t, e, signup)} {
			refused(t, token, "", 404, "invitation-unknown")
		}
		if got := code(t, verify(t, e, invitation(t, e, own, freshEmail())), 404); got != "link-unknown" {
			t.Error(got)
		}
	})
	t.Run("with a session that has ended", func(t *testing.T) {
		token := invitation(t, e, own, freshEmail())
		e.Do(t, redeem(token, "souk_"+strings.Repeat("A", 43))).Want(t, 401)
	})
}

func TestBadInvitations(t *testing.T) {
	e := httpapitest.New(t)
	admin := newPerson(t, e, api.RoleAdmin)
	for _, c := range []struct {
		name   string
		in     api.InvitationCreate
		status int
		field  string
	}{
		{"a line end in the address", api.InvitationCreate{Email: "bob@example.org\r\nBcc: all@example.org", Role: api.RoleViewer}, 422, "body.email"},
		{"a name beside the address", api.InvitationCreate{Email: "Bob <bob@example.org>", Role: api.RoleViewer}, 422, "body.email"},
		{"two addresses", api.InvitationCreate{Email: "bob@example.org,eve@example.org", Role: api.RoleViewer}, 422, "body.email"},
		{"markup for an address", api.InvitationCreate{Email: "<script>alert(1)</script>@example.org", Role: api.RoleViewer}, 422, "body.email"},
		{"a role that is none", api.InvitationCreate{Email: "bob@example.org", Role: "king"}, 422, "body.role"},
		{"a project that is none", api.InvitationCreate{Email: "bob@example.org", Role: api.RoleViewer, Project: "nowhere"}, 422, "body.project"},
		{"another organization's project", api.InvitationCreate{Email: "bob@example.org", Role: api.RoleViewer, Project: httpapitest.OtherProject}, 422, "body.project"},
		{"the owner of a project", api.InvitationCreate{Email: "bob@example.org", Role: api.RoleOwner, Project: httpapitest.OwnProject}, 422, "body.role"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := admin.do(t, "POST", "/invitations", c.in).Want(t, c.status).Problem(t)
			if len(p.Errors) == 0 || p.Errors[0].Location != c.field {
				t.Errorf("%+v, want %s", p, c.field)
			}
		})
	}
	t.Run("an owner, by an administrator", func(t *testing.T) {
		admin.do(t, "POST", "/invitations", api.InvitationCreate{Email: "bob@example.org", Role: api.RoleOwner}).Want(t, 403)
		var i api.Invitation
		invite(t, e, own, api.InvitationCreate{Email: "boss@example.org", Role: api.RoleOwner}).Want(t, 201).Decode(t, &i)
		admin.do(t, "POST", "/invitations/"+i.ID+"/resend", nil).Want(t, 403)
		admin.do(t, "DELETE", "/invitations/"+i.ID, nil).Want(t, 403)
	})
	if n := count(t, e, "SELECT count(*) FROM mails WHERE recipient <> 'boss@example.org'"); n != 0 {
		t.Errorf("%d mails", n)
	}
}

// An organization cannot flood a mailbox, nor the world; what it used up is its
// own.
func TestInvitationsAreLimited(t *testing.T) {
	e := httpapitest.New(t)
	const email = "bob@example.org"
	i := invited(t, e, own, email)
	token := e.Token(t, httpapitest.Own, "", api.RoleOwner)
	resend := post(own.path("/invitations/"+i.ID+"/resend"), nil)
	for range mail.Most - 1 {
		e.Do(t, with(resend, token)).Want(t, 200)
	}
	last := link(t, e, email, "invitation")
	if got := e.Do(t, with(resend, token)).Want(t, 429); got.Header.Get("Retry-After") == "" {
		t.Error("it is not said for how long to wait")
	}
	invite(t, e, own, api.InvitationCreate{Email: email, Role: api.RoleViewer}).Want(t, 429)
	e.Do(t, post("/api/v1/invitations/show", api.LinkToken{Token: last})).Want(t, 200) // the link that was sent stays good
	invitation(t, e, other, email)                                                     // another organization's mail still comes

	for n := count(t, e, "SELECT count(*) FROM invitations WHERE organization_id = $1", e.Organizations[httpapitest.Own]); n < 200; n++ {
		invited(t, e, own, freshEmail())
	}
	invite(t, e, own, api.InvitationCreate{Email: freshEmail(), Role: api.RoleViewer}).Want(t, 429)
	e.Clock.Advance(24 * time.Hour)
	invited(t, e, own, freshEmail())
}

// Where no mail can be sent, nothing is begun that would wait for one; a password
// can be changed all the same.
func TestWithoutAMailServer(t *testing.T) {
	e := httpapitest.New(t, func(c *httpapi.Config) { c.Mail.Closed = true })
	ann := newPerson(t, e, api.RoleOwner)
	for _, q := range []httpapitest.Request{
		post("/api/v1/signup", newSignUp(freshEmail())),
		post("/api/v1/password-reset", api.EmailAddress{Email: ann.email}), post("/api/v1/password-reset", api.EmailAddress{Email: freshEmail()}),
		with(post(own.path("/invitations"), api.InvitationCreate{Email: freshEmail(), Role: api.RoleViewer}), ann.token),
	} {
		if got := code(t, e.Do(t, q), 503); got != "no-mail" {
			t.Errorf("%s: %s", q.Path, got)
		}
	}
	if n := count(t, e, "SELECT (SELECT count(*) FROM signups) + (SELECT count(*) FROM invitations) + (SELECT count(*) FROM password_resets)"); n != 0 {
		t.Errorf("%d wait for a mail", n)
	}
	e.Do(t, httpapitest.Request{Method: "PUT", Path: "/api/v1/account/password", Token: ann.token, Body: api.PasswordChange{Current: httpapitest.Password, New: newPassword}}).Want(t, 204)
}

// Whoever is removed, or may invite nobody any more, leaves no invitation behind
// as a way back in; those of others stay.
func TestInvitationsEndWithTheirInviter(t *testing.T) {
	e := httpapitest.New(t)
	owner := newPerson(t, e, api.RoleOwner)
	for name, end := range map[string]func(admin person){
		"removed": func(admin person) {
			owner.do(t, "DELETE", "/members/"+admin.id.String(), nil).Want(t, 204)
		},
		"a viewer now": func(admin person) {
			owner.do(t, "PUT", "/members", api.MemberPut{Email: admin.email, Role: api.RoleViewer}).Want(t, 200)
		},
	} {
		t.Run(name, func(t *testing.T) {
			admin, back, others := newPerson(t, e, api.RoleAdmin), freshEmail(), freshEmail()
			admin.do(t, "POST", "/invitations", api.InvitationCreate{Email: back, Role: api.RoleAdmin}).Want(t, 201)
			owner.do(t, "POST", "/invitations", api.InvitationCreate{Email: others, Role: api.RoleAdmin}).Want(t, 201)
			owner.do(t, "PUT", "/members", api.MemberPut{Email: admin.email, Role: api.RoleAdmin}).Want(t, 200) // as before: nothing ends
			token := link(t, e, back, "invitation")
			e.Do(t, post("/api/v1/invitations/show", api.LinkToken{Token: token})).Want(t, 200)
			end(admin)
			if got := code(t, e.Do(t, redeem(token, "")), 410); got != "invitation-revoked" {
				t.Error(got)
			}
			e.Do(t, redeem(link(t, e, others, "invitation"), "")).Want(t, 200)
		})
	}
}
