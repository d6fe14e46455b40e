// Package httpapi is Souk's HTTP API: each operation with the action it needs,
// and the one way in which a request is authenticated, authorized, limited to
// what its asker may see, repeated safely and written to the audit log.
package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"souk/internal/alert"
	"souk/internal/budget"
	"souk/internal/catalog"
	"souk/internal/change"
	"souk/internal/clock"
	"souk/internal/envelope"
	"souk/internal/instance"
	"souk/internal/invoice"
	"souk/internal/mail"
	"souk/internal/maintenance"
	"souk/internal/metrics"
	"souk/internal/ratelimit"
	"souk/internal/reconcile"
	"souk/internal/signing"
	"souk/internal/sso"
	"souk/internal/store"
	"souk/internal/tenancy"
	"souk/internal/zone"
)

// Config says what the API is built on.
type Config struct {
	Store   *store.Store
	Clock   clock.Clock
	Real    func() time.Time   // the machine's time; nil: time.Now
	Secrets *envelope.Envelope // what seals secrets of people
	Logger  *slog.Logger       // nil: slog.Default()
	Version string
	// What the operations are carried out by.
	Instances *instance.Service
	Catalog   *catalog.Catalog
	Zones     *zone.Zones
	Feed      *change.Feed
	Metrics   metrics.Store // nil: none are kept
	AgentURL  string        // of the listener that agents dial
	// AgentImage is the container image that agents in Kubernetes run; may be "".
	AgentImage string
	PublicURL  string // where people open the portal; "": as the request at hand was addressed
	Budgets    *budget.Service
	Mail       *mail.Outbox
	// CaughtMail is what development catches; nil where mail is sent.
	CaughtMail *mail.Catcher
	SSO        *sso.Service
	Alerts     *alert.Service
	Books      *reconcile.Service
	Signing    *signing.Service
	// InvoiceExtras add lines to drafts of invoices, as they do to invoices.
	InvoiceExtras []invoice.Extra
	// Maintenance keeps planned work.
	Maintenance *maintenance.Service
	// Peers are the base URLs of all replicas, where there may be several; nil: there
	// is this one.
	Peers func(context.Context) ([]string, error)
	// Dev allows what only development may do, such as moving the clock.
	Dev bool
	// MaxBody bounds a request's body in bytes; 0 means 1 MiB.
	MaxBody int64
	// ReadTimeout is how long a body may take to arrive; 0 means 30 seconds.
	ReadTimeout time.Duration
	// Streams limits the watches and logs that one principal follows at the same
	// time; 0 means 100.
	Streams int
	// PerToken and PerAddress limit the requests with one token, and those
	// without a valid one from one address. Zero means the defaults.
	PerToken, PerAddress ratelimit.Rate
	// PerWriter limits the requests from one address that have mail sent by
	// nobody that is known. Zero means the default.
	PerWriter ratelimit.Rate
	// TrustedProxies are believed what they say in X-Forwarded-For.
	TrustedProxies []netip.Prefix
	// Observe is told of each request that was answered, streams excepted: its
	// operation ("" if it is none of the API's), status and duration. nil: nobody is.
	Observe func(operation string, status int, took time.Duration)
	// SlowRequest is how long a request may take before it is logged; 0 means a second.
	SlowRequest time.Duration
}

// Server serves the API.
type Server struct {
	Config
	mux         *http.ServeMux
	api         huma.API
	operations  []Operation
	largeBodies map[string]int64 // bounds of bodies, by path, where they are larger than MaxBody
	perToken    *ratelimit.Limiter
	perAddress  *ratelimit.Limiter
	perWriter   *ratelimit.Limiter
	streams     streams
	logins      *tenancy.Logins
	totp        *tenancy.TOTP
	accounts    *tenancy.Accounts
	document    func() []byte
	missing     http.Handler
	stopping    atomic.Bool
}

// New builds the API.
func New(c Config) *Server {
	c.Logger = cmp.Or(c.Logger, slog.Default())
	if c.Real == nil {
		c.Real = time.Now
	}
	c.MaxBody = cmp.Or(c.MaxBody, 1<<20)
	c.ReadTimeout = cmp.Or(c.ReadTimeout, 30*time.Second)
	c.Streams = cmp.Or(c.Streams, 100)
	c.SlowRequest = cmp.Or(c.SlowRequest, time.Second)
	c.PerToken = cmp.Or(c.PerToken, ratelimit.Rate{PerSecond: 50, Burst: 200})
	c.PerAddress = cmp.Or(c.PerAddress, ratelimit.Rate{PerSecond: 10, Burst: 60})
	c.PerWriter = cmp.Or(c.PerWriter, ratelimit.Rate{PerSecond: 20.0 / 3600, Burst: 20})
	s := &Server{
		Config: c, mux: http.NewServeMux(), largeBodies: map[string]int64{},
		perToken: ratelimit.New(c.PerToken), perAddress: ratelimit.New(c.PerAddress), perWriter: ratelimit.New(c.PerWriter),
		streams: streams{most: c.Streams, open: map[string]int{}},
	}
	s.totp = &tenancy.TOTP{Secrets: c.Secrets, Mails: c.Mail, Real: c.Real}
	s.logins = tenancy.NewLogins(c.Store, s.totp)
	s.accounts = tenancy.NewAccounts(s.logins, c.Mail)
	s.api = humago.New(s.mux, humaConfig())
	s.document = sync.OnceValue(func() []byte { return mustDocument(s.api) })
	s.mux.HandleFunc("GET /api/openapi.json", s.serveDocument)
	s.mux.HandleFunc("GET /healthz", s.serveHealth)
	s.mux.HandleFunc("GET /readyz", s.serveReady)
	s.register()
	return s
}

// register adds all operations, one function a file.
func (s *Server) register() {
	s.registerMeta()
	s.registerSigning()
	s.registerCatalog()
	s.registerConformance()
	s.registerReadiness()
	s.registerInstances()
	s.registerCosts()
	s.registerBudgets()
	s.registerBindings()
	s.registerBackups()
	s.registerBuckets()
	s.registerDrills()
	s.registerAvailability()
	s.registerPayments()
	s.registerAgreements()
	s.registerInvoices()
	s.registerCredits()
	s.registerExplanations()
	s.registerUsage()
	s.registerDunning()
	s.registerWriteOffs()
	s.registerSessions()
	s.registerSignUp()
	s.registerPasswords()
	s.registerAccount()
	s.registerDevices()
	s.registerTOTP()
	s.registerPasskeys()
	s.registerSSO()
	s.registerOrganizations()
	s.registerProjects()
	s.registerMembers()
	s.registerInvitations()
	s.registerTokens()
	s.registerAlerts()
	s.registerAudit()
	s.registerDevMail()
}

// API is for registering operations; use register rather than huma.Register.
func (s *Server) API() huma.API { return s.api }

// Mux is for mounting what is not part of the API, such as the portal.
func (s *Server) Mux() *http.ServeMux { return s.mux }

// ServeMissing sets what answers where nothing is mounted, outside the API.
func (s *Server) ServeMissing(h http.Handler) { s.missing = h }

// Stop says that the server will end soon: it is not ready any more, and asks its
// clients to take their next request elsewhere. It answers all the same.
func (s *Server) Stop() { s.stopping.Store(true) }

// Handler serves the API and whatever else is mounted.
func (s *Server) Handler() http.Handler {
	return s.withRequestID(s.withLog(s.withRecovery(s.withHeaders(s.withLimits(s.withProblems(s.mux))))))
}

// HTTPServer returns a server for the handler with time limits that keep slow
// clients from holding connections. Answers are limited per request, so that
// streams can go on.
func (s *Server) HTTPServer(address string) *http.Server {
	return &http.Server{
		Addr: address, Handler: s.Handler(),
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(s.Logger.Handler(), slog.LevelDebug),
	}
}

// apiVersion is that of the document, not of the program.
const apiVersion = "1"

func humaConfig() huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Souk", Version: apiVersion,
				Description: "Order, change and end managed services. Every request but the public ones carries a token as `Authorization: Bearer TOKEN`. Errors are problem documents (RFC 9457). Changing requests may carry an `Idempotency-Key` and are then carried out once.",
				License:     &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			},
			Components: &huma.Components{
				Schemas:         huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}},
			},
		},
		// "json" stands for all types that end in +json, such as merge patches.
		Formats:       map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat: "application/json",
	}
}

// Document returns the OpenAPI document. All operations have to be registered.
func (s *Server) Document() []byte { return s.document() }

func mustDocument(api huma.API) []byte {
	raw, err := json.MarshalIndent(api.OpenAPI(), "", "  ")
	if err != nil {
		panic(err) // of our own types: found by any test
	}
	return append(raw, '\n')
}
