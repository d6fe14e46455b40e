package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sigs.k8s.io/yaml"
)

// Config is an agent's configuration, a YAML file.
type Config struct {
	// Server is the URL of the control plane's listener for agents, "https://...".
	Server string `json:"server"`
	// DataDir is a folder of the agent's own; it is made, and closed to others.
	DataDir string `json:"dataDir"`
	// ServerCAFile holds the authority, as PEM, that the server is verified by
	// while the agent enrols; later the one that came with its identity counts.
	ServerCAFile string `json:"serverCAFile"`
	// EnrolTokenFile holds the one-time token; "-" reads it from standard
	// input. When empty, the environment variable SOUK_ENROL_TOKEN_FILE names
	// the file.
	EnrolTokenFile string `json:"enrolTokenFile,omitempty"`
	// Concurrency is how many instances are worked on at one time; 8 when 0.
	Concurrency int `json:"concurrency,omitempty"`
	// MaxRequests is how many requests into the zone are answered at one time;
	// 64 when 0.
	MaxRequests int `json:"maxRequests,omitempty"`
	// Driver is the driver's own section.
	Driver json.RawMessage `json:"driver,omitempty"`
	// Metrics is about instances' figures.
	Metrics MetricsConfig `json:"metrics,omitzero"`
	// Timeouts need no change in production.
	Timeouts Timeouts `json:"timeouts,omitzero"`
}

// MetricsConfig says how the figures of instances are collected.
type MetricsConfig struct {
	// Off collects none.
	Off bool `json:"off,omitempty"`
	// Interval in which each instance is asked, spread over all of them (15s).
	Interval Duration `json:"interval,omitzero"`
	// BufferMiB is how much is kept on disk while the control plane is away; the
	// oldest is given up then (256).
	BufferMiB int64 `json:"bufferMiB,omitempty"`
}

// Timeouts are the agent's times, in real time. Those that are 0 get the
// default in brackets.
type Timeouts struct {
	Request      Duration `json:"request,omitzero"`      // one request to the control plane (30s)
	Silence      Duration `json:"silence,omitzero"`      // without a heartbeat, until the connection is given up (35s)
	Ping         Duration `json:"ping,omitzero"`         // without a frame, until the connection is tried (15s)
	Drain        Duration `json:"drain,omitzero"`        // for requests on a connection that was renewed (1m)
	ReconnectMin Duration `json:"reconnectMin,omitzero"` // first pause after a broken connection; doubles (500ms)
	ReconnectMax Duration `json:"reconnectMax,omitzero"` // (30s)
	RetryMin     Duration `json:"retryMin,omitzero"`     // first pause after an instance failed; doubles (1s)
	RetryMax     Duration `json:"retryMax,omitzero"`     // (5m)
	Progress     Duration `json:"progress,omitzero"`     // until what progresses by itself is looked at again (2s)
	Resync       Duration `json:"resync,omitzero"`       // in which each instance is looked at once (10m)
	DriverCall   Duration `json:"driverCall,omitzero"`   // one call of the driver (15m)
	Shutdown     Duration `json:"shutdown,omitzero"`     // for work under way when the agent is stopped (10s)
	Check        Duration `json:"check,omitzero"`        // between looks at the certificate and at what the zone can do (1m)
	FirstBackup  Duration `json:"firstBackup,omitzero"`  // within which an instance that runs for the first time is backed up (1m)
	DrillLead    Duration `json:"drillLead,omitzero"`    // for which a restore drill writes canaries before it restores, at most (2m)
	Count        Duration `json:"count,omitzero"`        // in which each instance's counters that are billed by are read once (1m)
	CacheKeyAge  Duration `json:"cacheKeyAge,omitzero"`  // after which the cache gets a new key at a start (2160h)
}

// Duration is a time.Duration written as "90s" or "10m".
type Duration time.Duration

// MarshalText writes the duration.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads a duration that is not negative.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil || parsed < 0 {
		return fmt.Errorf("%q is not a time such as 30s or 10m", text)
	}
	*d = Duration(parsed)
	return nil
}

// ParseConfig reads a configuration file; a key that does not exist is an error.
func ParseConfig(text []byte) (Config, error) {
	var config Config
	if err := yaml.UnmarshalStrict(text, &config); err != nil {
		return Config{}, fmt.Errorf("read the agent's configuration: %w", err)
	}
	return config, config.check()
}

func (c Config) check() error {
	switch {
	case c.Server == "":
		return errors.New("the agent's configuration has no server: give the URL of the control plane's listener for agents")
	case c.DataDir == "":
		return errors.New("the agent's configuration has no dataDir: give a folder of the agent's own")
	case c.Metrics.BufferMiB < 0, c.Metrics.Interval != 0 && (time.Duration(c.Metrics.Interval) < time.Second || time.Duration(c.Metrics.Interval) > time.Minute):
		return errors.New("the agent's configuration: metrics.interval is 1s at least and 1m at most, and metrics.bufferMiB not negative")
	case c.Concurrency < 0, c.MaxRequests < 0:
		return errors.New("the agent's configuration: concurrency and maxRequests cannot be negative")
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.Concurrency == 0 {
		c.Concurrency = 8
	}
	if c.MaxRequests == 0 {
		c.MaxRequests = 64
	}
	if c.Metrics.Interval == 0 {
		c.Metrics.Interval = Duration(15 * time.Second)
	}
	if c.Metrics.BufferMiB == 0 {
		c.Metrics.BufferMiB = 256
	}
	t := &c.Timeouts
	for _, d := range []struct {
		value    *Duration
		standard time.Duration
	}{
		{&t.Request, 30 * time.Second},
		{&t.Silence, 35 * time.Second},
		{&t.Ping, 15 * time.Second},
		{&t.Drain, time.Minute},
		{&t.ReconnectMin, 500 * time.Millisecond},
		{&t.ReconnectMax, 30 * time.Second},
		{&t.RetryMin, time.Second},
		{&t.RetryMax, 5 * time.Minute},
		{&t.Progress, 2 * time.Second},
		{&t.Resync, 10 * time.Minute},
		{&t.DriverCall, 15 * time.Minute},
		{&t.Shutdown, 10 * time.Second},
		{&t.Check, time.Minute},
		{&t.FirstBackup, time.Minute},
		{&t.DrillLead, 2 * time.Minute},
		{&t.Count, time.Minute},
		{&t.CacheKeyAge, 90 * 24 * time.Hour},
	} {
		if *d.value == 0 {
			*d.value = Duration(d.standard)
		}
	}
	return c
}
