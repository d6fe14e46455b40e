// Package portal serves the pages that people see. It is a client of the HTTP
// API, in the same process: what a person may do, what is checked, limited and
// written to the audit log is decided there and nowhere else. Pages work without
// JavaScript; what is there of it makes them livelier.
package portal

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"souk/api"
	"souk/api/client"
	"souk/internal/portal/cookie"
	"souk/internal/portal/lang"
)

// Config says what the pages are made from.
type Config struct {
	API    http.Handler     // the API; the portal may be mounted in the same handler
	Secure bool             // the public address is https
	Dev    bool             // souk dev: demonstration log-ins are spoken of
	Caught bool             // mail is caught, and shown to everybody
	Now    func() time.Time // Souk's clock
	Logger *slog.Logger
}

// Portal serves the pages.
type Portal struct {
	Config
	session cookie.Session
	signOn  cookie.Session // of a single sign-on that is under way
	ticket  cookie.Session // of half a log-in
	routes  []Route
}

// Access is who may ask for a page; what it shows them the API decides.
type Access string

// The kinds of access.
const (
	Anybody  Access = "anybody"
	SignedIn Access = "signed-in"
)

// Route is one page or form.
type Route struct {
	Pattern string // of http.ServeMux
	Access  Access
	serve   handler
}

// handler answers a visit. An error becomes a page that says so.
type handler func(w http.ResponseWriter, r *http.Request, v *visit) error

// New returns a Portal; Mount makes it reachable.
func New(c Config) *Portal {
	p := &Portal{Config: c, session: cookie.Session{Secure: c.Secure}, signOn: cookie.Session{Secure: c.Secure, Of: "sso"}, ticket: cookie.Session{Secure: c.Secure, Of: "login"}}
	p.routes = append(p.routes, p.publicRoutes()...)
	p.routes = append(p.routes, p.maturityRoutes()...)
	p.routes = append(p.routes, p.sessionRoutes()...)
	p.routes = append(p.routes, p.signUpRoutes()...)
	p.routes = append(p.routes, p.passwordRoutes()...)
	p.routes = append(p.routes, p.invitationRoutes()...)
	p.routes = append(p.routes, p.devMailRoutes()...)
	p.routes = append(p.routes, p.accountRoutes()...)
	p.routes = append(p.routes, p.passkeyRoutes()...)
	p.routes = append(p.routes, p.deviceRoutes()...)
	p.routes = append(p.routes, p.instanceRoutes()...)
	p.routes = append(p.routes, p.orderRoutes()...)
	p.routes = append(p.routes, p.organizationRoutes()...)
	p.routes = append(p.routes, p.budgetRoutes()...)
	p.routes = append(p.routes, p.instancePageRoutes()...)
	p.routes = append(p.routes, p.invoiceRoutes()...)
	p.routes = append(p.routes, p.explainRoutes()...)
	p.routes = append(p.routes, p.alertRoutes()...)
	p.routes = append(p.routes, p.bucketRoutes()...)
	p.routes = append(p.routes, p.signOnRoutes()...)
	p.routes = append(p.routes, p.ssoRoutes()...)
	p.routes = append(p.routes, p.operatorRoutes()...)
	p.routes = append(p.routes, p.billingRoutes()...)
	p.routes = append(p.routes, p.agreementRoutes()...)
	p.routes = append(p.routes, p.allInvoiceRoutes()...)
	p.routes = append(p.routes, p.reconciliationRoutes()...)
	p.routes = append(p.routes, p.paymentRoutes()...)
	p.routes = append(p.routes, p.dunningRoutes()...)
	p.routes = append(p.routes, p.creditRoutes()...)
	p.routes = append(p.routes, p.writeOffRoutes()...)
	p.routes = append(p.routes, p.helpRoutes()...)
	return p
}

// Routes lists all pages and forms.
func (p *Portal) Routes() []Route { return p.routes }

// Mount adds the pages and their assets to the mux.
func (p *Portal) Mount(mux *http.ServeMux) {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.fail(w, r, p.visit(r), &client.Error{Status: http.StatusForbidden, Code: "cross-origin"})
	}))
	for _, route := range p.routes {
		mux.Handle(route.Pattern, guard.Handler(p.page(route)))
	}
	mux.Handle("GET /assets/", http.HandlerFunc(serveAsset))
}

func (p *Portal) page(route Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w)
		v := p.visit(r)
		err := p.serve(w, r, v, route)
		if err != nil {
			p.fail(w, r, v, err)
		}
	})
}

func (p *Portal) serve(w http.ResponseWriter, r *http.Request, v *visit, route Route) error {
	if r.Method == http.MethodPost {
		limit := int64(1 << 18)
		if r.URL.Path == BankUpload {
			limit = MostUploaded
		}
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		if err := r.ParseForm(); err != nil {
			return &client.Error{Status: http.StatusBadRequest, Code: "bad-form"}
		}
	}
	if v.secret != "" {
		who, err := v.client.Whoami(r.Context())
		switch {
		case err == nil:
			v.who = &who
		case client.IsStatus(err, http.StatusUnauthorized):
			p.session.Clear(w) // it has ended, or never was one
		default:
			return err
		}
	}
	if route.Access == SignedIn && v.who == nil {
		return &client.Error{Status: http.StatusUnauthorized}
	}
	if answered, err := p.look(w, r, v); answered || err != nil {
		return err
	}
	if route.Access == SignedIn && v.org != "" && !slices.Contains(v.organizations(), v.org) {
		v.org = "" // the same as where there is none of this name
		return &client.Error{Status: http.StatusNotFound}
	}
	return route.serve(w, r, v)
}

// fail answers with a page that says what is wrong, or leads to the log-in.
func (p *Portal) fail(w http.ResponseWriter, r *http.Request, v *visit, err error) {
	if r.Context().Err() != nil {
		return // nobody reads it
	}
	var refused *client.Error
	if !errors.As(err, &refused) {
		p.Logger.ErrorContext(r.Context(), "a page cannot be made", "path", r.URL.Path, "error", err)
		refused = &client.Error{Status: http.StatusServiceUnavailable}
	}
	if refused.Status == http.StatusUnauthorized {
		back := r.URL.RequestURI()
		if r.Method != http.MethodGet {
			back = "/"
		}
		redirect(w, r, "/login?return="+url.QueryEscape(back))
		return
	}
	secure(w)
	render(w, r, v, refused.Status, errorPage(v, refused))
}

// visit is one request, as pages see it.
type visit struct {
	*lang.Text
	client *client.Client
	secret string // of the session, or ""
	who    *api.Whoami
	path   string
	query  url.Values
	theme  string
	dev    bool
	caught bool
	now    time.Time
	// Organization and zone of the pages within one; "" and UTC elsewhere.
	org  string
	zone *time.Location
	note string // what was just done
	// looking is set while somebody of the operator's looks as an organization does.
	looking *api.View
}

func (p *Portal) visit(r *http.Request) *visit {
	v := &visit{
		Text: lang.For(choice(r, "souk-lang"), r.Header.Get("Accept-Language")), secret: p.session.Secret(r),
		path: r.URL.Path, query: r.URL.Query(), theme: choice(r, "souk-theme"), dev: p.Dev, caught: p.Caught, now: p.Now(), zone: time.UTC, org: r.PathValue("org"),
	}
	v.client = p.clientFor(r, v.secret)
	if key := v.query.Get("done"); lang.Known("done." + key) {
		v.note = v.T("done." + key)
	}
	return v
}

// choice reads a setting that the browser keeps; what is not a plain word is none.
func choice(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil || len(c.Value) > 8 {
		return ""
	}
	return c.Value
}

// organization returns the visited one's part of the API.
func (v *visit) organization() *client.Organization { return v.client.Organization(v.org) }

// settle reads what pages within an organization show of it.
func (v *visit) settle(ctx context.Context) (api.Organization, error) {
	o, err := v.organization().Get(ctx)
	if err != nil {
		return o, err
	}
	if zone, err := time.LoadLocation(o.TimeZone); err == nil {
		v.zone = zone
	}
	return o, nil
}

// secure lets a page have our own style and script and nothing else.
func secure(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
}

// redirect sends the browser on with a GET, also when htmx asked.
func redirect(w http.ResponseWriter, r *http.Request, to string) {
	if r.Header.Get("HX-Request") == "true" {
		w.Header().Set("HX-Redirect", to)
		w.WriteHeader(http.StatusOK)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}
