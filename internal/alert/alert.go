// Package alert tells organizations what is the matter with their instances, and the
// operator whose error budgets burn: it evaluates the alerts that service packages
// declare, keeps what fires in the record, and tells each channel of it, in order and
// at least once.
package alert

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"souk/internal/alert/alertdb"
	"souk/internal/clock"
	"souk/internal/envelope"
	"souk/internal/mail"
	"souk/internal/metrics"
	"souk/internal/outbound"
	"souk/internal/servicepkg"
	"souk/internal/sla"
	"souk/internal/store"
)

// Config says what a Service works with.
type Config struct {
	Store    *store.Store
	Clock    clock.Clock
	Real     func() time.Time // the machine's time, which figures and receivers have; nil: time.Now
	Secrets  *envelope.Envelope
	Mail     *mail.Outbox
	Metrics  metrics.Store // nil: none are kept, and alerts about figures do not fire
	Packages map[string]servicepkg.Package
	SLA      *sla.Service   // finds error budgets that burn
	Reach    outbound.Rules // where channels may lead
	// PublicURL is the base of links in messages, "https://souk.example".
	PublicURL string
	Logger    *slog.Logger // nil: slog.Default()
}

// Service carries out alerting.
type Service struct {
	Config
	client *http.Client
}

// New returns a Service; Run makes it evaluate and deliver.
func New(c Config) *Service {
	c.Logger = cmp.Or(c.Logger, slog.Default())
	if c.Real == nil {
		c.Real = time.Now
	}
	return &Service{Config: c, client: c.Reach.Client()}
}

const (
	// every is how often alerts are evaluated.
	every = 30 * time.Second
	// look is how often it is looked whether there is something to do.
	look = time.Second
	// atOnce is how many messages a replica sends at the same time, so that receivers
	// that hang do not hold up those of others.
	atOnce = 8
)

// Run evaluates and delivers until ctx ends. Every replica does: one evaluates at a
// time, and each message is taken by one.
func (s *Service) Run(ctx context.Context) {
	var all sync.WaitGroup
	all.Go(func() {
		s.repeat(ctx, "evaluate alerts", func(ctx context.Context) (bool, error) { return false, s.EvaluateDue(ctx) })
	})
	for range atOnce {
		all.Go(func() { s.repeat(ctx, "deliver alerts", s.DeliverDue) })
	}
	all.Wait()
}

func (s *Service) repeat(ctx context.Context, what string, f func(context.Context) (more bool, err error)) {
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		more, err := f(ctx)
		if err != nil && ctx.Err() == nil {
			s.Logger.Warn("could not "+what+"; it is tried again", "error", err)
		}
		if err == nil && more {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// kept is how long alerts that are over, and the log of deliveries, are kept.
const kept = 30 * 24 * time.Hour

// Sweep forgets what was over long ago, at most limit rows of each kind, and returns
// how many those were.
func Sweep(ctx context.Context, tx store.Tx, now time.Time, limit int) (int64, error) {
	q := alertdb.New(tx)
	alerts, err := q.SweepAlerts(ctx, alertdb.SweepAlertsParams{Before: now.Add(-kept), Limit: int32(limit)})
	if err != nil {
		return 0, err
	}
	deliveries, err := q.SweepDeliveries(ctx, alertdb.SweepDeliveriesParams{Before: now.Add(-kept), Limit: int32(limit)})
	if err != nil {
		return 0, err
	}
	burns, err := q.SweepBurns(ctx, alertdb.SweepBurnsParams{Before: now.Add(-kept), Limit: int32(limit)})
	if err != nil {
		return 0, err
	}
	notices, err := q.SweepBurnNotices(ctx, alertdb.SweepBurnNoticesParams{Before: now.Add(-kept), Limit: int32(limit)})
	return max(alerts, deliveries, burns, notices), err
}
