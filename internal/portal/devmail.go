package portal

import (
	"io"
	"net/http"
	"regexp"
	"strings"

	"souk/api"
)

// devMailRoutes show what souk dev caught in place of sending it, to whoever
// asks. They are there in souk dev only.
func (p *Portal) devMailRoutes() []Route {
	if !p.Caught {
		return nil
	}
	return []Route{
		{"GET /dev/mail", Anybody, p.caughtMails},
		{"GET /dev/mail/{id}", Anybody, p.caughtMail},
		{"GET /dev/mail/{id}/html", Anybody, p.caughtHTML},
	}
}

const caughtShown = 100

func (p *Portal) caughtMails(w http.ResponseWriter, r *http.Request, v *visit) error {
	mails, err := v.client.CaughtMail(r.Context(), caughtShown)
	if err != nil {
		return err
	}
	return show(w, r, v, caughtMailsPage(v, mails))
}

func (v *visit) caughtMail(r *http.Request) (api.CaughtMail, error) {
	mails, err := v.client.CaughtMail(r.Context(), 0)
	if err != nil {
		return api.CaughtMail{}, err
	}
	for _, m := range mails {
		if m.ID == r.PathValue("id") {
			return m, nil
		}
	}
	return api.CaughtMail{}, &problem{Status: http.StatusNotFound}
}

func (p *Portal) caughtMail(w http.ResponseWriter, r *http.Request, v *visit) error {
	m, err := v.caughtMail(r)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Security-Policy", h.Get("Content-Security-Policy")+"; frame-src 'self'")
	return show(w, r, v, caughtMailPage(v, m))
}

// caughtHTML is the mail as mail programs show it: within a frame of the page
// above, with styles of its own and without scripts, forms or our cookies.
func (p *Portal) caughtHTML(w http.ResponseWriter, r *http.Request, v *visit) error {
	m, err := v.caughtMail(r)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Security-Policy", "sandbox allow-top-navigation-by-user-activation; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'")
	h.Set("X-Frame-Options", "SAMEORIGIN")
	h.Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, strings.Replace(m.HTML, "<head>", `<head><base target="_top">`, 1)) // fails only when the reader has gone
	return nil
}

var webAddresses = regexp.MustCompile(`https?://\S+`)

// piece is a part of a text; link says that it is an address.
type piece struct {
	text string
	link bool
}

// linked cuts a text where addresses begin and end.
func linked(text string) []piece {
	var pieces []piece
	from := 0
	for _, at := range webAddresses.FindAllStringIndex(text, -1) {
		pieces = append(pieces, piece{text[from:at[0]], false}, piece{text[at[0]:at[1]], true})
		from = at[1]
	}
	return append(pieces, piece{text[from:], false})
}
