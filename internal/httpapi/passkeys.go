package httpapi

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/authz"
	"souk/internal/store"
	"souk/internal/tenancy"
)

func (s *Server) registerPasskeys() {
	const base = "/api/v1/account/passkeys"
	register(s, Operation{
		Method: http.MethodGet, Path: base, ID: "passkeys-list", Tag: "accounts", Action: authz.Session,
		Summary: "One's passkeys",
	}, s.listPasskeys)
	register(s, Operation{
		Method: http.MethodPost, Path: base + "/begin", ID: "passkeys-begin", Tag: "accounts", Action: authz.Session, Unrepeatable: true,
		Summary:     "What a browser is to ask for, to add a passkey (WebAuthn)",
		Description: "Where Souk is opened by a name, and the codes of an app are in force as the second factor.",
	}, s.beginPasskey)
	register(s, Operation{
		Method: http.MethodPost, Path: base, ID: "passkeys-add", Tag: "accounts", Action: authz.Session, Unrepeatable: true, Status: http.StatusCreated,
		Summary: "Add the passkey that the browser answered with",
	}, s.addPasskey)
	register(s, Operation{
		Method: http.MethodDelete, Path: base + "/{id}", ID: "passkeys-remove", Tag: "accounts", Action: authz.Session,
		Summary: "Take one of one's passkeys away",
	}, s.removePasskey)
	register(s, Operation{
		Method: http.MethodPost, Path: "/api/v1/login/passkey", ID: "login-passkey", Tag: "sessions", Action: authz.Public,
		Summary: "What a browser is to ask for, to finish a log-in by a passkey",
	}, s.askPasskey)
	register(s, Operation{
		Method: http.MethodPost, Path: "/api/v1/login/passkey/finish", ID: "login-passkey-finish", Tag: "sessions", Action: authz.Public,
		Summary: "Log in in two steps: then a passkey, in place of a code",
	}, s.finishByPasskey)
}

// site is the one that the browser ties passkeys to.
func (s *Server) site(ctx context.Context) (tenancy.Site, error) {
	return tenancy.SiteOf(s.publicURL(ctx))
}

func (s *Server) listPasskeys(ctx context.Context, _ *struct{}) (*body[api.List[api.Passkey]], error) {
	var list []api.Passkey
	err := s.Read(ctx, func(tx store.Tx, p Place) (err error) {
		list, err = tenancy.Passkeys(ctx, tx, p.Principal.Account)
		return err
	})
	return paged(Whole{}.page(), list, func(k api.Passkey) string { return k.ID }), err
}

func (s *Server) beginPasskey(ctx context.Context, _ *struct{}) (*body[api.PasskeyOptions], error) {
	site, err := s.site(ctx)
	if err != nil {
		return nil, err
	}
	var out body[api.PasskeyOptions]
	return &out, s.Change(ctx, func(tx store.Tx, p Place) (_ string, err error) {
		out.Body.PublicKey, err = tenancy.BeginPasskey(ctx, tx, p.act(), site)
		return "", err
	}, noReplay)
}

func (s *Server) addPasskey(ctx context.Context, in *struct{ Body api.PasskeyCreate }) (*body[api.Passkey], error) {
	site, err := s.site(ctx)
	if err != nil {
		return nil, err
	}
	var out body[api.Passkey]
	return &out, s.changeByPassword(ctx, in.Body.Password, func(tx store.Tx, p Place) (_ string, err error) {
		out.Body, err = tenancy.AddPasskey(ctx, tx, p.act(), site, in.Body)
		return out.Body.ID, err
	})
}

func (s *Server) removePasskey(ctx context.Context, in *struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}) (*struct{}, error) {
	return nil, s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		return in.ID.String(), tenancy.DeletePasskey(ctx, tx, p.act(), in.ID)
	}, noReplay)
}

func (s *Server) askPasskey(ctx context.Context, in *struct{ Body api.LoginTicket }) (*body[api.PasskeyOptions], error) {
	site, err := s.site(ctx)
	if err != nil {
		return nil, err
	}
	options, err := s.logins.AskPasskey(ctx, in.Body.Ticket, site, s.Clock.Now())
	return &body[api.PasskeyOptions]{api.PasskeyOptions{PublicKey: options}}, err
}

func (s *Server) finishByPasskey(ctx context.Context, in *struct{ Body api.LoginPasskey }) (*body[api.LoginResponse], error) {
	site, err := s.site(ctx)
	if err != nil {
		return nil, err
	}
	now := s.Clock.Now()
	session, err := s.logins.FinishByPasskey(ctx, in.Body.Ticket, site, in.Body.Credential, caller(ctx), now)
	if err != nil {
		return nil, err
	}
	return s.loggedIn(ctx, session, now)
}
