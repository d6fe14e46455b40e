// Package zone is the control plane's side of zones: it enrols their agents,
// tells them what is wanted, takes in what they report, and passes requests on
// to them, all on a listener of its own with mutual TLS.
package zone

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/internal/change"
	"souk/internal/clock"
	"souk/internal/instance"
	"souk/internal/metrics"
	"souk/internal/pki"
	"souk/internal/store"
	"souk/internal/zone/zonedb"
)

// Config says what the zones' side is built on.
type Config struct {
	Store     *store.Store
	Clock     *clock.Offset
	Feed      *change.Feed
	Instances *instance.Service
	Secrets   instance.Sealer
	Logger    *slog.Logger
	// Metrics takes in what agents tell of their instances' figures; nil: nobody does.
	Metrics *metrics.Receiver
	// Version is the control plane's own; agents are one minor version apart at most.
	Version string
	// Names that the listener's certificate carries: host names and IP addresses.
	Names []string
	// CertificateValidity of agents; 0 means 24 hours. They rotate at two thirds.
	CertificateValidity time.Duration
	// Heartbeat is said on a desired stream after so long a silence; 0 means 10 seconds.
	Heartbeat time.Duration
	// WriteWithin is how long an agent may take over one line, or to answer when
	// the connection is tried; 0 means 20 seconds.
	WriteWithin time.Duration
	// RealNow tells the machine's time; nil means time.Now. Certificates keep to it.
	RealNow func() time.Time
}

// Zones serves the agents.
type Zones struct {
	Config
	ca     *pki.CA
	broker broker

	mu     sync.Mutex
	clocks map[chan struct{}]struct{} // streams to tell when the clock is advanced
}

// authority is the name under which the agents' CA is kept.
const authority = "agents"

// New loads the agents' certificate authority, making it the first time.
func New(ctx context.Context, c Config) (*Zones, error) {
	if c.CertificateValidity == 0 {
		c.CertificateValidity = 24 * time.Hour
	}
	if c.Heartbeat == 0 {
		c.Heartbeat = 10 * time.Second
	}
	if c.WriteWithin == 0 {
		c.WriteWithin = 20 * time.Second
	}
	if c.RealNow == nil {
		c.RealNow = time.Now
	}
	z := &Zones{Config: c, broker: newBroker(), clocks: map[chan struct{}]struct{}{}}
	var err error
	z.ca, err = z.loadCA(ctx)
	return z, err
}

// CA returns the authority, as PEM, that agents verify the listener by.
func (z *Zones) CA() string { return string(z.ca.CertPEM()) }

func (z *Zones) loadCA(ctx context.Context) (*pki.CA, error) {
	var out *pki.CA
	err := z.Store.System(ctx, func(tx store.Tx) error {
		q := zonedb.New(tx)
		row, err := q.LoadAuthority(ctx, authority)
		if errors.Is(err, pgx.ErrNoRows) {
			if err := z.makeCA(ctx, q); err != nil {
				return err
			}
			row, err = q.LoadAuthority(ctx, authority) // ours, or another replica's
		}
		if err != nil {
			return err
		}
		key, err := z.Secrets.Open(ctx, "authority/"+authority, row.PrivateKey)
		if err != nil {
			return err
		}
		out, err = pki.LoadCA(pki.Pair{Cert: []byte(row.Certificate), Key: key})
		return err
	})
	return out, err
}

func (z *Zones) makeCA(ctx context.Context, q *zonedb.Queries) error {
	ca, err := pki.NewCA("Souk agents", z.RealNow())
	if err != nil {
		return err
	}
	pair, err := ca.Pair()
	if err != nil {
		return err
	}
	sealed, err := z.Secrets.Seal(ctx, "authority/"+authority, pair.Key)
	if err != nil {
		return err
	}
	return q.InsertAuthority(ctx, zonedb.InsertAuthorityParams{Name: authority, Certificate: string(pair.Cert), PrivateKey: sealed, CreatedAt: z.Clock.Now()})
}

// agent is the identity that a certificate proves, checked against the record.
type agent struct {
	zone    uuid.UUID
	epoch   int64
	version string // as it last said
}
