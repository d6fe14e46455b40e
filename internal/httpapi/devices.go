package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"souk/api"
	"souk/internal/authz"
	"souk/internal/store"
	"souk/internal/tenancy"
)

func (s *Server) registerDevices() {
	const base = "/api/v1/device"
	register(s, Operation{
		Method: http.MethodPost, Path: base, ID: "device-begin", Tag: "sessions", Action: authz.Public,
		Summary:     "Ask a person elsewhere to log this program in (RFC 8628)",
		Description: "Show the person userCode and verificationURI, and ask for the session every interval seconds.",
	}, s.beginDevice)
	register(s, Operation{
		Method: http.MethodPost, Path: base + "/token", ID: "device-token", Tag: "sessions", Action: authz.Public,
		Summary:     "Exchange a device's code for a session token, once it is approved",
		Description: "Until then the answer is 400, with the code authorization-pending, slow-down (wait 5 seconds more between requests from now on), access-denied or expired-token.",
	}, s.deviceToken)
	register(s, Operation{
		Method: http.MethodPost, Path: base + "/lookup", ID: "device-lookup", Tag: "sessions", Action: authz.Session,
		Summary: "Which program shows this code",
	}, s.lookUpDevice)
	register(s, Operation{
		Method: http.MethodPost, Path: base + "/approve", ID: "device-approve", Tag: "sessions", Action: authz.Session,
		Summary:     "Log the program that shows this code in as yourself",
		Description: "The approval holds as long as the session that gives it. The program's session then is one of its own.",
	}, s.approveDevice)
	register(s, Operation{
		Method: http.MethodPost, Path: base + "/deny", ID: "device-deny", Tag: "sessions", Action: authz.Session,
		Summary: "Refuse the program that shows this code",
	}, s.denyDevice)
}

func (s *Server) beginDevice(ctx context.Context, in *struct{ Body api.DeviceStart }) (*body[api.DeviceCodes], error) {
	d, err := tenancy.BeginDevice(ctx, s.Store, in.Body.Client, callFrom(ctx).address, s.Clock.Now())
	if err != nil {
		return nil, err
	}
	page := s.publicURL(ctx) + "/device"
	return &body[api.DeviceCodes]{api.DeviceCodes{
		DeviceCode: d.Code, UserCode: d.UserCode, VerificationURI: page, VerificationURIComplete: page + "?code=" + url.QueryEscape(d.UserCode),
		ExpiresIn: int(d.ExpiresIn / time.Second), Interval: int(d.Interval / time.Second),
	}}, nil
}

func (s *Server) deviceToken(ctx context.Context, in *struct{ Body api.DeviceExchange }) (*body[api.LoginResponse], error) {
	now := s.Clock.Now()
	session, err := tenancy.DeviceToken(ctx, s.Store, in.Body.DeviceCode, caller(ctx), now)
	if err != nil {
		return nil, err
	}
	return s.loggedIn(ctx, session, now)
}

type deviceDecision struct{ Body api.DeviceDecision }

func (s *Server) lookUpDevice(ctx context.Context, in *deviceDecision) (*body[api.DeviceRequest], error) {
	var out body[api.DeviceRequest]
	return &out, s.guessUserCode(ctx, func() error {
		return s.Read(ctx, func(tx store.Tx, p Place) (err error) {
			out.Body, err = tenancy.WaitingDevice(ctx, tx, in.Body.UserCode, callFrom(ctx).address, p.Now)
			return err
		})
	})
}

func (s *Server) approveDevice(ctx context.Context, in *deviceDecision) (*struct{}, error) {
	return nil, s.decideDevice(ctx, in.Body.UserCode, true)
}

func (s *Server) denyDevice(ctx context.Context, in *deviceDecision) (*struct{}, error) {
	return nil, s.decideDevice(ctx, in.Body.UserCode, false)
}

func (s *Server) decideDevice(ctx context.Context, userCode string, approve bool) error {
	return s.guessUserCode(ctx, func() error {
		return s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
			return "", tenancy.DecideDevice(ctx, tx, p.Principal, userCode, approve, p.RequestID, p.Now)
		}, noReplay)
	})
}

// guessUserCode keeps a person from trying codes until one is somebody's.
func (s *Server) guessUserCode(ctx context.Context, try func() error) error {
	return tenancy.Guess(ctx, s.Store, "user code "+PrincipalFrom(ctx).ID, s.Clock.Now(), try)
}
