package httpapi

import (
	"context"
	"net/http"

	"souk/api"
	"souk/internal/authz"
)

func (s *Server) registerPasswords() {
	register(s, Operation{
		Method: http.MethodPost, Path: "/api/v1/password-reset", ID: "password-reset", Tag: "accounts", Action: authz.Public, Status: http.StatusAccepted,
		Summary: "Send a link to choose a new password by", Description: "The answer is the same whether the address has an account. The link works once, within an hour.",
	}, s.forgotPassword)
	register(s, Operation{
		Method: http.MethodPost, Path: "/api/v1/password-reset/complete", ID: "password-reset-complete", Tag: "accounts", Action: authz.Public,
		Summary: "Set a new password by the token of the link", Description: "All sessions of the account end.",
	}, s.resetPassword)
	register(s, Operation{
		Method: http.MethodPut, Path: "/api/v1/account/password", ID: "account-password", Tag: "accounts", Action: authz.Session, Unrepeatable: true,
		Summary: "Change one's password", Description: "All other sessions of the account end.",
	}, s.changePassword)
}

func (s *Server) forgotPassword(ctx context.Context, in *struct{ Body api.EmailAddress }) (*struct{}, error) {
	if err := s.mayWrite(ctx); err != nil {
		return nil, err
	}
	return nil, s.accounts.ForgotPassword(ctx, in.Body.Email, s.Clock.Now())
}

func (s *Server) resetPassword(ctx context.Context, in *struct{ Body api.PasswordReset }) (*struct{}, error) {
	return nil, s.accounts.ResetPassword(ctx, in.Body, caller(ctx), s.Clock.Now())
}

func (s *Server) changePassword(ctx context.Context, in *struct{ Body api.PasswordChange }) (*struct{}, error) {
	return nil, s.accounts.ChangePassword(ctx, PrincipalFrom(ctx), in.Body, caller(ctx), s.Clock.Now())
}
