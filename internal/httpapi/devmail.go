package httpapi

import (
	"context"
	"net/http"

	"souk/api"
	"souk/internal/authz"
	"souk/internal/problem"
)

func (s *Server) registerDevMail() {
	register(s, Operation{
		Method: http.MethodGet, Path: "/api/v1/dev/mail", ID: "dev-mail-list", Tag: "meta", Action: authz.Public,
		Summary: "Mail that souk dev caught in place of sending it, newest first", Description: "There only in souk dev without a mail server.",
	}, s.listCaughtMail)
}

func (s *Server) listCaughtMail(ctx context.Context, in *struct{ Page }) (*body[api.List[api.CaughtMail]], error) {
	if !s.Dev || s.CaughtMail == nil {
		return nil, &problem.Error{Status: http.StatusNotFound, Code: "not-found", Detail: "No mail is caught here: it is sent."}
	}
	before, err := in.Page.afterID()
	if err != nil {
		return nil, err
	}
	list, err := s.CaughtMail.Caught(ctx, before, in.Page.Limit+1)
	return paged(in.Page, list, func(m api.CaughtMail) string { return m.ID }), err
}
