package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/authz"
	"souk/internal/store"
	"souk/internal/tenancy"
)

func (s *Server) registerSessions() {
	register(s, Operation{
		Method: http.MethodPost, Path: "/api/v1/login", ID: "login", Tag: "sessions", Action: authz.Public,
		Summary: "Exchange an e-mail address and a password for a session token",
	}, s.login)
	register(s, Operation{
		Method: http.MethodPost, Path: "/api/v1/login/start", ID: "login-start", Tag: "sessions", Action: authz.Public,
		Summary:     "Log in in two steps: the password first",
		Description: "The answer is a session, or where the account has a second factor, a ticket for the second step.",
	}, s.startLogin)
	register(s, Operation{
		Method: http.MethodPost, Path: "/api/v1/login/finish", ID: "login-finish", Tag: "sessions", Action: authz.Public,
		Summary: "Log in in two steps: then the code of the second factor",
	}, s.finishLogin)
	register(s, Operation{
		Method: http.MethodPost, Path: "/api/v1/logout", ID: "logout", Tag: "sessions", Action: authz.SignedIn,
		Summary: "End the session whose token is sent",
	}, s.logout)
	register(s, Operation{
		Method: http.MethodGet, Path: "/api/v1/whoami", ID: "whoami", Tag: "sessions", Action: authz.SignedIn,
		Summary: "Who asks, and where they have a role",
	}, s.whoami)
}

func (s *Server) login(ctx context.Context, in *struct{ Body api.LoginRequest }) (*body[api.LoginResponse], error) {
	now := s.Clock.Now()
	session, err := s.logins.Login(ctx, tenancy.Try{Email: in.Body.Email, Password: in.Body.Password, Code: in.Body.Code, Caller: caller(ctx)}, now)
	if err != nil {
		return nil, err
	}
	return s.loggedIn(ctx, session, now)
}

func (s *Server) startLogin(ctx context.Context, in *struct{ Body api.LoginStart }) (*body[api.LoginStarted], error) {
	now := s.Clock.Now()
	session, half, err := s.logins.Start(ctx, tenancy.Try{Email: in.Body.Email, Password: in.Body.Password, Caller: caller(ctx)}, now)
	if err != nil {
		return nil, err
	}
	if half != nil {
		return &body[api.LoginStarted]{api.LoginStarted{Ticket: half.Ticket, TicketExpiresAt: &half.ExpiresAt}}, nil
	}
	started, err := s.loggedIn(ctx, *session, now)
	if err != nil {
		return nil, err
	}
	return &body[api.LoginStarted]{api.LoginStarted{Session: &started.Body}}, nil
}

func (s *Server) finishLogin(ctx context.Context, in *struct{ Body api.LoginFinish }) (*body[api.LoginResponse], error) {
	now := s.Clock.Now()
	session, err := s.logins.Finish(ctx, in.Body.Ticket, in.Body.Code, caller(ctx), now)
	if err != nil {
		return nil, err
	}
	return s.loggedIn(ctx, session, now)
}

// caller is where the request comes from.
func caller(ctx context.Context) tenancy.Caller {
	c := callFrom(ctx)
	return tenancy.Caller{Address: c.address, UserAgent: c.userAgent, RequestID: c.requestID}
}

// loggedIn is the answer to who began the session.
func (s *Server) loggedIn(ctx context.Context, session tenancy.Session, now time.Time) (*body[api.LoginResponse], error) {
	p, err := tenancy.Authenticate(ctx, s.Store, session.Secret, now)
	if err != nil {
		return nil, err
	}
	return &body[api.LoginResponse]{api.LoginResponse{
		Token: session.Secret, ExpiresAt: session.ExpiresAt, Email: session.Email, Organizations: organizationsOf(p),
	}}, nil
}

func (s *Server) logout(ctx context.Context, _ *struct{}) (*struct{}, error) {
	return nil, s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		return "", tenancy.Logout(ctx, tx, p.Principal, p.RequestID, p.Now)
	}, noReplay)
}

func (s *Server) whoami(ctx context.Context, _ *struct{}) (*body[api.Whoami], error) {
	p := PrincipalFrom(ctx)
	who := api.Whoami{Kind: "token", Actor: p.Name, ExpiresAt: p.ExpiresAt.UTC(), Organizations: organizationsOf(p), SSO: p.SSO, Password: p.Password, View: p.View}
	if p.Session {
		who.Kind = "session"
	}
	return &body[api.Whoami]{who}, nil
}

// organizationsOf groups the grants, which are in the order of organizations.
func organizationsOf(p authz.Principal) []api.WhoamiOrg {
	list := []api.WhoamiOrg{}
	for _, g := range p.Grants {
		if n := len(list); n == 0 || list[n-1].Name != g.OrganizationName {
			list = append(list, api.WhoamiOrg{Name: g.OrganizationName, Operator: g.Operator})
		}
		o := &list[len(list)-1]
		if g.Project == uuid.Nil {
			o.Role = g.Role
		} else {
			o.Projects = append(o.Projects, g.ProjectName)
		}
	}
	return list
}
