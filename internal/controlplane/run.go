package controlplane

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"souk/internal/alert"
	"souk/internal/budget"
	"souk/internal/catalog"
	"souk/internal/change"
	"souk/internal/clock"
	"souk/internal/credit"
	"souk/internal/drain"
	"souk/internal/envelope"
	"souk/internal/httpapi"
	"souk/internal/instance"
	"souk/internal/invoice"
	"souk/internal/mail"
	"souk/internal/maintenance"
	"souk/internal/maturity"
	"souk/internal/metrics"
	"souk/internal/outbound"
	"souk/internal/payment"
	"souk/internal/portal"
	"souk/internal/reconcile"
	"souk/internal/repricing"
	"souk/internal/servicepkg"
	"souk/internal/signing"
	"souk/internal/sla"
	"souk/internal/sso"
	"souk/internal/store"
	"souk/internal/zone"
)

// ControlPlane is one replica.
type ControlPlane struct {
	config    Config
	log       *slog.Logger
	store     *store.Store
	clock     *clock.Offset
	feed      *change.Feed
	instances *instance.Service
	zones     *zone.Zones
	api       *httpapi.Server
	measures  *measures
	alerts    *alert.Service
	upkeep    *maintenance.Service
	budgets   *budget.Service
	reports   *sla.Service
	payments  *payment.Service
	months    *invoice.Service
	observer  *maturity.Observer
	books     *reconcile.Service
	prices    *repricing.Service
	mails     *mail.Worker   // nil: there is no mail server
	metrics   metrics.Store  // nil: none are kept
	local     *metrics.Local // nil: they are kept elsewhere, or not at all
	alone     *solePlace     // held with local
}

// Run serves until ctx ends and some time after (Config.StopDelaySeconds), then
// lets requests under way finish.
func Run(ctx context.Context, c Config, packages map[string]servicepkg.Package, version string, log *slog.Logger) error {
	cp, err := open(ctx, c, packages, version, log)
	if err != nil {
		return err
	}
	defer cp.store.Close()
	defer cp.closeMetrics()
	return cp.run(ctx)
}

func open(ctx context.Context, c Config, packages map[string]servicepkg.Package, version string, log *slog.Logger) (*ControlPlane, error) {
	keyring, err := envelope.Load(c.Keyring)
	if err != nil {
		return nil, err
	}
	st, err := store.Open(ctx, c.Record)
	if err != nil {
		return nil, err
	}
	cp := &ControlPlane{config: c, log: log, store: st, clock: &clock.Offset{}, feed: change.New(st.SystemPool(), log), measures: newMeasures(st)}
	if err := cp.assemble(ctx, packages, envelope.New(keyring), version); err != nil {
		cp.closeMetrics()
		st.Close()
		return nil, err
	}
	return cp, nil
}

func (cp *ControlPlane) assemble(ctx context.Context, packages map[string]servicepkg.Package, secrets *envelope.Envelope, version string) error {
	if err := zone.LoadClock(ctx, cp.store, cp.clock); err != nil {
		return err
	}
	if err := cp.seed(ctx, packages); err != nil {
		return fmt.Errorf("cannot lay down the demonstration data: %w", err)
	}
	books := catalog.New()
	evidence := &signing.Service{Store: cp.store, Clock: cp.clock, Secrets: secrets}
	cp.instances = &instance.Service{Clock: cp.clock, Catalog: books, Secrets: secrets, Packages: packages, Evidence: evidence}
	if err := cp.openMetrics(ctx); err != nil {
		return err
	}
	received := cp.receiver()
	var err error
	cp.zones, err = zone.New(ctx, zone.Config{Metrics: received, Store: cp.store, Clock: cp.clock, Feed: cp.feed, Instances: cp.instances, Secrets: secrets, Logger: cp.log, Version: version, Names: cp.config.AgentNames,
		CertificateValidity: time.Duration(cp.config.AgentCertificateSeconds) * time.Second})
	if err != nil {
		return err
	}
	if received != nil {
		received.Owners = cp.zones.Owners
	}
	caught, err := cp.openMail(secrets)
	if err != nil {
		return err
	}
	outbox := &mail.Outbox{Secrets: secrets, PublicURL: cp.config.publicURL(), Closed: cp.mails == nil}
	cp.payments = &payment.Service{Clock: cp.clock, Mail: outbox, Instances: cp.instances}
	cp.reports = &sla.Service{Clock: cp.clock, Catalog: books, Mail: outbox}
	cp.months = &invoice.Service{Clock: cp.clock, Mail: outbox, Logger: cp.log, Extras: []invoice.Extra{(&credit.Service{SLA: cp.reports}).Lines}}
	cp.alerts = alert.New(alert.Config{Store: cp.store, Clock: cp.clock, Secrets: secrets, Mail: outbox, Metrics: cp.metrics, Packages: packages, SLA: cp.reports, PublicURL: cp.config.publicURL(), Logger: cp.log,
		Reach: outbound.Rules{Networks: cp.config.Alerts.AllowedNetworks, Dev: cp.config.Demo != nil}})
	cp.books = &reconcile.Service{Clock: cp.clock, Tell: cp.alerts.TellOfBooks, Close: cp.untilNone(cp.months.CloseDue)}
	cp.prices = &repricing.Service{Clock: cp.clock, Mail: outbox}
	cp.observer = &maturity.Observer{Store: cp.store, Clock: cp.clock, Catalog: books}
	cp.instances.Budgets, cp.instances.Standing = budget.Guard{Clock: cp.clock}, payment.Guard{}
	cp.budgets = &budget.Service{Clock: cp.clock, Instances: cp.instances, Mail: outbox, Tell: cp.alerts.TellOfBudget}
	cp.upkeep = &maintenance.Service{Store: cp.store, Clock: cp.clock, Instances: cp.instances, Mail: outbox}
	cp.api = httpapi.New(httpapi.Config{Store: cp.store, Clock: cp.clock, Secrets: secrets, Logger: cp.log, Version: version, Dev: cp.config.Demo != nil,
		Instances: cp.instances, Catalog: books, Zones: cp.zones, Feed: cp.feed, AgentURL: cp.config.AgentURL, AgentImage: cp.config.AgentImage, PublicURL: cp.config.PublicURL,
		Signing: evidence, InvoiceExtras: cp.months.Extras,
		Mail: outbox, Alerts: cp.alerts, Books: cp.books, Maintenance: cp.upkeep, Budgets: cp.budgets, CaughtMail: caught, SSO: cp.openSSO(secrets), TrustedProxies: cp.config.TrustedProxies, Peers: cp.config.peers(), Observe: cp.measures.request, Metrics: cp.metrics})
	pages := portal.New(portal.Config{API: cp.api.Handler(), Secure: strings.HasPrefix(cp.config.publicURL(), "https://"), Dev: cp.config.Demo != nil, Caught: caught != nil, Now: cp.clock.Now, Logger: cp.log})
	pages.Mount(cp.api.Mux())
	cp.api.AllowBody(portal.BankUpload, portal.MostUploaded)
	cp.api.ServeMissing(pages.Missing())
	return nil
}

func (cp *ControlPlane) openSSO(secrets *envelope.Envelope) *sso.Service {
	return sso.New(sso.Config{Store: cp.store, Secrets: secrets, Logger: cp.log, Networks: cp.config.SSO.AllowedNetworks, Dev: cp.config.Demo != nil})
}

// openMail chooses who takes mails: the mail server, the catcher of development,
// or nobody.
func (cp *ControlPlane) openMail(secrets *envelope.Envelope) (*mail.Catcher, error) {
	cp.mails = &mail.Worker{Store: cp.store, Clock: cp.clock, Secrets: secrets, Logger: cp.log}
	switch {
	case cp.config.sendsMail():
		server, err := mail.NewSMTP(*cp.config.Mail)
		cp.mails.Sender = server
		return nil, err
	case cp.config.Demo != nil:
		caught := &mail.Catcher{Store: cp.store, Clock: cp.clock}
		cp.mails.Sender = caught
		return caught, nil
	}
	cp.log.Warn("the configuration names no mail server: no mail is sent, so nobody can sign up, be invited or reset a password")
	cp.mails = nil
	return nil, nil
}

func (cp *ControlPlane) run(ctx context.Context) error {
	front, err := net.Listen("tcp", cp.config.Listen)
	if err != nil {
		return fmt.Errorf("cannot listen for the portal and the API on %s: %w", cp.config.Listen, err)
	}
	agents, err := net.Listen("tcp", cp.config.AgentListen)
	if err != nil {
		front.Close()
		return fmt.Errorf("cannot listen for agents on %s: %w", cp.config.AgentListen, err)
	}
	g, ctx := errgroup.WithContext(ctx)
	serving := cp.leave(ctx)
	g.Go(func() error { cp.feed.Run(serving); return nil })
	g.Go(func() error { return cp.zones.Serve(serving, agents) })
	g.Go(func() error { return cp.serveFront(serving, front) })
	g.Go(func() error { cp.keepTime(ctx); return nil })
	g.Go(func() error { cp.keepBackups(ctx); return nil })
	g.Go(func() error { cp.keepInvoicing(ctx); return nil })
	g.Go(func() error { cp.keepAccounts(ctx); return nil })
	g.Go(func() error { cp.keepObserving(ctx); return nil })
	g.Go(func() error { cp.keepReconciling(ctx); return nil })
	g.Go(func() error { return cp.serveAdmin(serving) })
	if cp.alone != nil {
		g.Go(func() error { return cp.alone.keep(ctx) })
	}
	g.Go(func() error { cp.alerts.Run(ctx); return nil })
	if cp.mails != nil {
		g.Go(func() error { cp.mails.Run(ctx); return nil })
	}
	cp.log.Info("serving", "listen", front.Addr().String(), "agents", agents.Addr().String())
	return g.Wait()
}

// leave returns a context that ends some time after ctx: so long the replica says
// that it is not ready, and serves all the same.
func (cp *ControlPlane) leave(ctx context.Context) context.Context {
	serving, end := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() {
		cp.api.Stop()
		time.AfterFunc(time.Duration(cp.config.StopDelaySeconds)*time.Second, end)
	})
	return serving
}

// finish is how long requests under way may take when the replica stops.
const finish = 15 * time.Second

// serveFront serves the portal and the API until ctx ends. Streams end then, and
// their clients resume elsewhere; all other requests are finished.
func (cp *ControlPlane) serveFront(ctx context.Context, l net.Listener) error {
	srv := cp.api.HTTPServer(cp.config.Listen)
	srv.BaseContext = func(net.Listener) context.Context { return drain.Base(ctx) }
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		short, cancel := context.WithTimeout(context.WithoutCancel(ctx), finish)
		defer cancel()
		if srv.Shutdown(short) != nil {
			srv.Close()
		}
	}()
	err := srv.Serve(l)
	if !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	<-stopped
	return nil
}
