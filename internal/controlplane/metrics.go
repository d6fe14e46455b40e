package controlplane

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"souk/internal/metrics"
)

// MetricsConfig says where the figures of instances are kept: in a store of the
// operator's, or where one process is the whole control plane, in that. Empty: they
// are not kept.
type MetricsConfig struct {
	// RemoteWriteURL takes remote write 1.0 as Prometheus sends it, and has to take
	// samples that are up to 24 hours old.
	RemoteWriteURL string `json:"remoteWriteURL,omitempty"`
	// QueryURL is what "/api/v1/query" is appended to.
	QueryURL string `json:"queryURL,omitempty"`
	// TokenFile holds a bearer token for both; it may be replaced at any time.
	TokenFile string `json:"tokenFile,omitempty"`
	// Headers are sent with each request, such as X-Scope-OrgID.
	Headers map[string]string `json:"headers,omitempty"`
	// Folder is where this process keeps them itself; no other replica may run.
	Folder string `json:"folder,omitempty"`
	// RetentionDays of what is in Folder (30), and how large it may become (10).
	RetentionDays int   `json:"retentionDays,omitempty"`
	MaxGiB        int64 `json:"maxGiB,omitempty"`
}

func (c Config) checkMetrics() error {
	m := c.Metrics
	switch {
	case (m.RemoteWriteURL == "") != (m.QueryURL == ""):
		return errors.New("the configuration: metrics needs both remoteWriteURL and queryURL, or folder")
	case m.RemoteWriteURL != "" && m.Folder != "":
		return errors.New("the configuration: metrics has both an external store and a folder; take one of them away")
	case m.Folder != "" && c.Peers != "":
		return errors.New("the configuration: metrics.folder is for one process that is the whole control plane, and peers says that there are several: keep metrics in an external store (metrics.remoteWriteURL and metrics.queryURL)")
	case m.RetentionDays < 0 || m.MaxGiB < 0:
		return errors.New("the configuration: metrics.retentionDays and metrics.maxGiB cannot be negative")
	}
	for _, text := range []string{m.RemoteWriteURL, m.QueryURL} {
		if u, err := url.Parse(text); text != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil) {
			return errors.New("the configuration: metrics.remoteWriteURL and metrics.queryURL are addresses that begin with https:// or http://, with no password in them (metrics.tokenFile)")
		}
	}
	return nil
}

// openMetrics opens the store that the configuration names; nil: none.
func (cp *ControlPlane) openMetrics(ctx context.Context) error {
	m := cp.config.Metrics
	switch {
	case m.RemoteWriteURL != "":
		cp.metrics = metrics.NewRemote(metrics.RemoteConfig{WriteURL: m.RemoteWriteURL, QueryURL: m.QueryURL, TokenFile: m.TokenFile, Headers: m.Headers})
	case m.Folder != "":
		alone, err := takeSolePlace(ctx, cp.store.SystemPool())
		if err != nil {
			return err
		}
		cp.alone = alone
		local, err := metrics.OpenLocal(metrics.LocalConfig{Folder: m.Folder, Retention: time.Duration(m.RetentionDays) * 24 * time.Hour, MaxBytes: m.MaxGiB << 30, Logger: cp.log})
		if err != nil {
			return err
		}
		cp.metrics, cp.local = local, local
	default:
		cp.log.Warn("the configuration names no store for metrics: figures of instances are not kept, and nobody can look at them")
	}
	return nil
}

// closeMetrics writes out what is in memory, and lets another process take over.
func (cp *ControlPlane) closeMetrics() {
	if cp.local != nil {
		if err := cp.local.Close(); err != nil {
			cp.log.Error("the metrics store was not closed in good order", "error", err)
		}
	}
	if cp.alone != nil {
		cp.alone.leave()
	}
}

// solePlace is held by the one process that keeps metrics itself, in the record:
// others would each have a part of them only.
type solePlace struct {
	pool *pgxpool.Pool
	conn *pgx.Conn
}

const (
	solePlaceLock = 0x736f756b6d657472
	takeWithin    = 20 * time.Second // the process before may be stopping
	takeEvery     = 250 * time.Millisecond
	lookEvery     = 10 * time.Second
)

var errNotAlone = errors.New("another souk serve on the same record keeps metrics in a folder of its own (metrics.folder); only one process can. Stop that one, or keep metrics in an external store (metrics.remoteWriteURL and metrics.queryURL)")

// takeSolePlace waits a little for the place to be left.
func takeSolePlace(ctx context.Context, pool *pgxpool.Pool) (*solePlace, error) {
	p := &solePlace{pool: pool}
	for until := time.Now().Add(takeWithin); ; {
		err := p.take(ctx)
		if !errors.Is(err, errNotAlone) || time.Now().After(until) {
			return p, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(takeEvery):
		}
	}
}

// take takes the place on a connection of its own: errNotAlone when another has it.
func (p *solePlace) take(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, p.pool.Config().ConnConfig)
	if err != nil {
		return fmt.Errorf("cannot reach the record: %w", err)
	}
	var taken bool
	if err = conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", int64(solePlaceLock)).Scan(&taken); err == nil && !taken {
		err = errNotAlone
	}
	if err != nil {
		conn.Close(context.WithoutCancel(ctx))
		return err
	}
	p.conn = conn
	return nil
}

// keep holds the place until ctx ends; an error says that another has taken it while
// the record could not be reached.
func (p *solePlace) keep(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		look, cancel := context.WithTimeout(ctx, lookEvery)
		err := p.conn.Ping(look)
		if err != nil {
			p.leave()
			err = p.take(look)
		}
		cancel()
		if errors.Is(err, errNotAlone) {
			return err
		}
	}
}

// leave lets another process take the place. It is idempotent.
func (p *solePlace) leave() {
	short, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = p.conn.Close(short) // the record notices in any case
}

// receiver takes in what agents send; nil where nothing is kept.
func (cp *ControlPlane) receiver() *metrics.Receiver {
	if cp.metrics == nil {
		return nil
	}
	return &metrics.Receiver{Store: cp.metrics, Now: time.Now}
}
