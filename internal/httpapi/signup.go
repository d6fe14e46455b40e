package httpapi

import (
	"context"
	"net/http"

	"souk/api"
	"souk/internal/authz"
)

func (s *Server) registerSignUp() {
	register(s, Operation{
		Method: http.MethodPost, Path: "/api/v1/signup", ID: "signup", Tag: "accounts", Action: authz.Public, Status: http.StatusAccepted,
		Summary:     "Sign up for an account and an organization",
		Description: "Both are made when the link is opened that is sent to the address; the name is held for 24 hours until then. The answer is the same for an address that has an account: its owner is written to.",
	}, s.signUp)
	register(s, Operation{
		Method: http.MethodPost, Path: "/api/v1/verify-email", ID: "verify-email", Tag: "accounts", Action: authz.Public,
		Summary: "Finish a sign-up by the token of its link, and log in",
	}, s.verifyEmail)
	register(s, Operation{
		Method: http.MethodPost, Path: "/api/v1/verify-email/resend", ID: "verify-email-resend", Tag: "accounts", Action: authz.Public, Status: http.StatusAccepted,
		Summary: "Send the link of a sign-up again, as a new one", Description: "The answer is the same whether there is one.",
	}, s.resendSignUp)
}

// mayWrite keeps one address from having much mail sent. What it refuses is
// mail; logging in is counted by itself.
func (s *Server) mayWrite(ctx context.Context) error {
	return s.slow(s.perWriter.Allow(callFrom(ctx).address))
}

func (s *Server) signUp(ctx context.Context, in *struct{ Body api.SignUp }) (*struct{}, error) {
	if err := s.mayWrite(ctx); err != nil {
		return nil, err
	}
	return nil, s.accounts.SignUp(ctx, in.Body, s.Clock.Now())
}

func (s *Server) verifyEmail(ctx context.Context, in *struct{ Body api.LinkToken }) (*body[api.LoginResponse], error) {
	now := s.Clock.Now()
	session, err := s.accounts.VerifyEmail(ctx, in.Body.Token, caller(ctx), now)
	if err != nil {
		return nil, err
	}
	return s.loggedIn(ctx, session, now)
}

func (s *Server) resendSignUp(ctx context.Context, in *struct{ Body api.EmailAddress }) (*struct{}, error) {
	if err := s.mayWrite(ctx); err != nil {
		return nil, err
	}
	return nil, s.accounts.ResendSignUp(ctx, in.Body.Email, s.Clock.Now())
}
