package nats

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"syscall"
	"time"

	"souk/internal/driver"
	"souk/internal/driver/process"
	"souk/internal/shim"
	"souk/internal/step"
)

const service = "nats"

var (
	stepCertificate = step.New("nats/certificate")
	stepData        = step.New("nats/data")
	stepConfigure   = step.New("nats/configure")
	stepStart       = step.New("nats/start")
)

// Files of an instance, relative to its folder.
const (
	dataFolder = shim.DataFolder + "/nats"
	unfinished = shim.DataFolder + "/nats.new"           // data that is not whole yet
	marker     = "jetstream/" + account + "/souk-begins" // within the data: it was made whole once
	configFile = shim.ConfFolder + "/nats.conf"
	serverFile = shim.ConfFolder + "/server.pem" // certificate and key in one, so that they always match
)

// engine runs NATS as a process.
type engine struct{ program *process.Program }

// ProcessEngine returns how the process driver runs NATS.
func ProcessEngine() process.Engine {
	return newEngine("/usr/sbin/nats-server", "/usr/bin/nats-server", "/usr/local/bin/nats-server")
}

func newEngine(paths ...string) *engine {
	return &engine{&process.Program{Service: service, Title: "NATS 2.9 or newer", Paths: paths, Install: "apt-get install nats-server", Usable: usable}}
}

// usable reads what nats-server --version prints: "nats-server: v2.9.10".
func usable(printed string) (version, problem string) {
	_, version, _ = strings.Cut(strings.TrimSpace(printed), ": v")
	var minor int
	if n, err := fmt.Sscanf(version, "2.%d.", &minor); n != 1 || err != nil || minor < 9 {
		return version, fmt.Sprintf("the zone's machine has NATS %q, and 2.9 or newer of version 2 is needed", version)
	}
	return version, ""
}

func (e *engine) Service() string  { return service }
func (e *engine) Database() string { return "" }

func (e *engine) Versions() []driver.EngineVersion {
	return []driver.EngineVersion{e.program.Version()}
}

// StopSignal asks for an end in good order: streams are written out.
func (e *engine) StopSignal() syscall.Signal { return syscall.SIGTERM }

func (e *engine) WhenFull() string {
	return "Until then streams take no more messages; deleting and purging go on, and so does what is not kept."
}

// HasData looks for what was written when the data was made.
func (e *engine) HasData(ctx context.Context, host *process.Host) (bool, error) {
	return host.Exists(ctx, dataFolder+"/"+marker)
}

var logFormat = driver.LogFormat{
	Line:   regexp.MustCompile(`^\[\d+\] (?P<time>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d+) \[(?P<level>[A-Z]{3})\] `),
	Layout: "2006/01/02 15:04:05.999999",
	Levels: map[string]string{"TRC": "debug", "DBG": "debug", "INF": "info", "WRN": "warning", "ERR": "error", "FTL": "error"},
}

// LogFormat says how NATS writes its log.
func (e *engine) LogFormat() driver.LogFormat { return logFormat }

// Answers waits for the server to let the agent in.
func (e *engine) Answers(ctx context.Context, host *process.Host) error {
	_, err := running(ctx, host)
	return err
}

// RunningVersion asks the server.
func (e *engine) RunningVersion(ctx context.Context, host *process.Host) (string, error) {
	is, err := running(ctx, host)
	return is.Version, err
}

// Steps is the whole of a NATS instance, in order.
func (e *engine) Steps(job *process.Job) ([]process.Step, func()) {
	w := &work{Job: job, engine: e}
	return []process.Step{
		{Name: stepCertificate, Run: w.certify},
		{Name: stepData, Run: w.data},
		{Name: stepConfigure, Run: w.configure},
		{Name: stepStart, Run: w.start},
	}, func() {}
}

// work is one pass over the steps.
type work struct {
	*process.Job
	engine      *engine
	certificate []byte
	config      config
}

// certify gives the server a certificate of the zone's authority, and renews it.
func (w *work) certify(ctx context.Context) error {
	current, err := w.ReadIfThere(ctx, serverFile)
	if err != nil {
		return err
	}
	if w.certificate, err = w.Certificate(current); err != nil {
		return err
	}
	return w.WriteIfChanged(ctx, shim.File{Path: serverFile, Mode: 0o600, Data: w.certificate})
}

// data makes an empty instance's folder, under another name until it is whole.
func (w *work) data(ctx context.Context) error {
	has, err := w.engine.HasData(ctx, w.Host)
	if err != nil {
		return err
	}
	if has {
		return w.Initialised()
	}
	if err := w.Remove(ctx, unfinished); err != nil {
		return err
	}
	if err := w.Write(ctx, shim.File{Path: unfinished + "/" + marker, Mode: 0o600}); err != nil {
		return err
	}
	if err := w.Rename(ctx, unfinished, dataFolder); err != nil {
		return err
	}
	return w.Initialised()
}

// configure writes the configuration, log-ins included, outside the data.
func (w *work) configure(ctx context.Context) error {
	before, err := w.ReadIfThere(ctx, configFile)
	if err != nil {
		return err
	}
	if w.config, err = configure(w.Job, w.certificate, hashesIn(string(before))); err != nil {
		return err
	}
	return w.WriteIfChanged(ctx, shim.File{Path: configFile, Mode: 0o600, Data: []byte(w.config.text)})
}

func (w *work) command() shim.Engine {
	return shim.Engine{
		Argv: []string{w.engine.program.Path(), "-c", configFile},
		Env: []string{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC",
			fmt.Sprintf("GOMEMLIMIT=%dMiB", w.Want.Plan.MemoryMiB*4/5)},
	}
}

// start has the server run with the configuration just written: started, reloaded
// or restarted, whatever it takes. One that does not let the agent in was set up
// under another authority of the zone, and is restarted too.
func (w *work) start(ctx context.Context) error {
	if err := w.Start(ctx, w.command()); err != nil {
		return err
	}
	is, err := running(ctx, w.Host)
	if is.tags() == w.config.tags || ctx.Err() != nil {
		return err
	}
	if err == nil && is.tags().start == w.config.tags.start {
		return w.reload(ctx, is.Loaded)
	}
	if alive := w.Alive(ctx); alive != nil {
		return alive
	}
	if err := w.Restart(ctx, w.command(), w.engine.StopSignal()); err != nil {
		return fmt.Errorf("restart: %w", err)
	}
	_, err = running(ctx, w.Host)
	return err
}

// reload has the server take in its configuration and waits until it has: what it
// says of the configuration is new at once, while streams go away for a moment.
func (w *work) reload(ctx context.Context, before time.Time) error {
	if err := w.Signal(ctx, syscall.SIGHUP); err != nil {
		return err
	}
	return until(ctx, w.Host, func(is state) bool { return is.tags() == w.config.tags && is.Loaded.After(before) })
}
