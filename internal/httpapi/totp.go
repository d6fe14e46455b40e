package httpapi

import (
	"context"
	"net/http"

	"souk/api"
	"souk/internal/authz"
	"souk/internal/store"
	"souk/internal/tenancy"
)

func (s *Server) registerTOTP() {
	const base = "/api/v1/account/totp"
	register(s, Operation{
		Method: http.MethodGet, Path: base, ID: "totp-get", Tag: "accounts", Action: authz.Session,
		Summary: "Whether logging in takes a second factor",
	}, s.totpStatus)
	register(s, Operation{
		Method: http.MethodPost, Path: base, ID: "totp-begin", Tag: "accounts", Action: authz.Session,
		Summary:     "Make the secret of a second factor (RFC 6238)",
		Description: "It is in force once a code of it is confirmed; until then another one replaces it.",
	}, s.beginTOTP)
	register(s, Operation{
		Method: http.MethodPost, Path: base + "/confirm", ID: "totp-confirm", Tag: "accounts", Action: authz.Session,
		Summary:     "Put the second factor into force, with a code that the device shows",
		Description: "The recovery codes are in this answer only; a repeat with the same Idempotency-Key does not show them again.",
	}, s.confirmTOTP)
	register(s, Operation{
		Method: http.MethodPost, Path: base + "/recovery-codes", ID: "totp-recovery-codes", Tag: "accounts", Action: authz.Session, Unrepeatable: true,
		Summary: "Make new recovery codes", Description: "They are in this answer only. Those before are of no use any more.",
	}, s.renewRecoveryCodes)
	register(s, Operation{
		Method: http.MethodDelete, Path: base, ID: "totp-disable", Tag: "accounts", Action: authz.Session, Unrepeatable: true,
		Summary: "Log in without a second factor again",
	}, s.disableTOTP)
}

func (p Place) act() tenancy.Act {
	return tenancy.Act{Principal: p.Principal, RequestID: p.RequestID, Now: p.Now}
}

func (s *Server) totpStatus(ctx context.Context, _ *struct{}) (*body[api.TOTPStatus], error) {
	var out body[api.TOTPStatus]
	err := s.Read(ctx, func(tx store.Tx, p Place) (err error) {
		out.Body, err = s.totp.Status(ctx, tx, p.Principal.Account)
		return err
	})
	_, nameless := s.site(ctx)
	out.Body.Passkeys = nameless == nil
	return &out, err
}

func (s *Server) beginTOTP(ctx context.Context, _ *struct{}) (*body[api.TOTPKey], error) {
	var out body[api.TOTPKey]
	return &out, s.Change(ctx, func(tx store.Tx, p Place) (_ string, err error) {
		out.Body, err = s.totp.Begin(ctx, tx, p.act())
		return "", err
	}, func(tx store.Tx, p Place, _ string) (err error) {
		out.Body, err = s.totp.Pending(ctx, tx, p.act())
		return err
	})
}

func (s *Server) confirmTOTP(ctx context.Context, in *struct{ Body api.TOTPConfirm }) (*body[api.RecoveryCodes], error) {
	out := body[api.RecoveryCodes]{api.RecoveryCodes{RecoveryCodes: []string{}}}
	return &out, s.Change(ctx, func(tx store.Tx, p Place) (_ string, err error) {
		out.Body.RecoveryCodes, err = s.totp.Confirm(ctx, tx, p.act(), in.Body.Code)
		return "", err
	}, noReplay)
}

func (s *Server) renewRecoveryCodes(ctx context.Context, in *struct{ Body api.RecoveryCodesRenew }) (*body[api.RecoveryCodes], error) {
	var out body[api.RecoveryCodes]
	return &out, s.changeByPassword(ctx, in.Body.Password, func(tx store.Tx, p Place) (_ string, err error) {
		out.Body.RecoveryCodes, err = s.totp.RenewCodes(ctx, tx, p.act(), in.Body.Code)
		return "", err
	})
}

func (s *Server) disableTOTP(ctx context.Context, in *struct{ Body api.TOTPDisable }) (*struct{}, error) {
	return nil, s.changeByPassword(ctx, in.Body.Password, func(tx store.Tx, p Place) (string, error) {
		return "", s.totp.Disable(ctx, tx, p.act(), in.Body.Code)
	})
}

// changeByPassword is Change for somebody who also knows the account's password.
// Whoever guesses is slowed down.
func (s *Server) changeByPassword(ctx context.Context, password string, change func(store.Tx, Place) (string, error)) error {
	p := PrincipalFrom(ctx)
	return tenancy.Guess(ctx, s.Store, "password "+p.ID, s.Clock.Now(), func() error {
		if err := s.logins.ConfirmPassword(ctx, p.Account, password); err != nil {
			return err
		}
		return s.Change(ctx, change, noReplay)
	})
}
