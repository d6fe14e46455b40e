package redis

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"souk/internal/driver"
	"souk/internal/driver/process"
	"souk/internal/shim"
	"souk/internal/step"
)

const (
	service = "redis"
	// oldest is the oldest major version that can be run: from it on the data is
	// a folder with a manifest, and ports can change while the server runs.
	oldest = 7
)

var (
	stepCertificate = step.New("redis/certificate")
	stepData        = step.New("redis/data")
	stepConfigure   = step.New("redis/configure")
	stepStart       = step.New("redis/start")
	stepSettings    = step.New("redis/settings")
	stepAccess      = step.New("redis/access")
)

// engine runs Redis as a process.
type engine struct{ program *process.Program }

// ProcessEngine returns how the process driver runs Redis.
func ProcessEngine() process.Engine {
	return newEngine("/usr/bin/redis-server", "/usr/local/bin/redis-server")
}

func newEngine(paths ...string) *engine {
	return &engine{&process.Program{Service: service, Title: fmt.Sprintf("Redis %d or newer", oldest), Paths: paths, Install: "apt-get install redis-server", Usable: usable}}
}

// usable reads what redis-server --version prints: "Redis server v=7.0.15 sha=...".
func usable(printed string) (version, problem string) {
	for field := range strings.FieldsSeq(printed) {
		if text, ok := strings.CutPrefix(field, "v="); ok {
			version = text
		}
	}
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err != nil || n < oldest {
		return version, fmt.Sprintf("the zone's machine has Redis %q, and %d or newer is needed", version, oldest)
	}
	return version, ""
}

func (e *engine) Service() string  { return service }
func (e *engine) Database() string { return "" }

func (e *engine) Versions() []driver.EngineVersion {
	return []driver.EngineVersion{e.program.Version()}
}

// StopSignal asks for an end in good order: what was written is flushed.
func (e *engine) StopSignal() syscall.Signal { return syscall.SIGTERM }

func (e *engine) WhenFull() string {
	return "Until then writes are refused; DEL, UNLINK, EXPIRE and FLUSHDB go on. BGREWRITEAOF then frees what deleted data occupies on disk."
}

var logFormat = driver.LogFormat{
	Line:   regexp.MustCompile(`^\d+:[A-Z] (?P<time>\d{2} \w{3} \d{4} \d\d:\d\d:\d\d\.\d+) (?P<level>[-.*#]) `),
	Layout: "02 Jan 2006 15:04:05.999",
	Levels: map[string]string{".": "debug", "-": "debug", "*": "info", "#": "warning"},
}

// LogFormat says how Redis writes its log.
func (e *engine) LogFormat() driver.LogFormat { return logFormat }

// Answers waits for the server to take commands.
func (e *engine) Answers(ctx context.Context, host *process.Host) error {
	s, err := connect(ctx, host)
	if err != nil {
		return err
	}
	return s.Close()
}

// RunningVersion asks the server.
func (e *engine) RunningVersion(ctx context.Context, host *process.Host) (string, error) {
	s, err := connect(ctx, host)
	if err != nil {
		return "", err
	}
	defer s.Close()
	return s.info("server", "redis_version")
}

// Steps is the whole of a Redis instance, in order.
func (e *engine) Steps(job *process.Job) ([]process.Step, func()) {
	w := &work{Job: job, engine: e}
	return []process.Step{
		{Name: stepCertificate, Run: w.certify},
		{Name: stepData, Run: w.data},
		{Name: stepConfigure, Run: w.configure},
		{Name: stepStart, Run: w.start},
		{Name: stepSettings, Run: w.settle},
		{Name: stepAccess, Run: w.access},
	}, w.close
}

// work is one pass over the steps.
type work struct {
	*process.Job
	engine *engine
	config config
	admin  *session
}

// certify gives the server a certificate of the zone's authority, and renews it.
func (w *work) certify(ctx context.Context) error {
	current, err := w.ReadIfThere(ctx, serverFile)
	if err != nil {
		return err
	}
	certificate, err := w.Certificate(current)
	if err != nil {
		return err
	}
	return w.WriteIfChanged(ctx, shim.File{Path: serverFile, Mode: 0o600, Data: certificate})
}

// configure writes the configuration and the log-ins, outside the data.
func (w *work) configure(ctx context.Context) error {
	var err error
	if w.config, err = configure(w.Job); err != nil {
		return err
	}
	return w.WriteIfChanged(ctx,
		shim.File{Path: configFile, Mode: 0o600, Data: []byte(w.config.text())},
		shim.File{Path: usersFile, Mode: 0o600, Data: []byte(w.config.users)},
	)
}

func (w *work) command() shim.Engine {
	return shim.Engine{
		Argv: []string{w.engine.program.Path(), configFile},
		Env:  []string{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC"},
	}
}

// start has the server run. One that does not know the agent, because the zone's
// authority is another, is started again with the log-ins just written.
func (w *work) start(ctx context.Context) error {
	if err := w.Start(ctx, w.command()); err != nil {
		return err
	}
	err := w.reconnect(ctx)
	if errors.Is(err, errUnknown) {
		return w.startAgain(ctx)
	}
	return err
}

func (w *work) startAgain(ctx context.Context) error {
	w.close()
	if err := w.Restart(ctx, w.command(), w.engine.StopSignal()); err != nil {
		return fmt.Errorf("restart: %w", err)
	}
	return w.reconnect(ctx)
}

// settle brings all settings into force, none of which takes a restart, and has
// the server give up memory that the plan does not have.
func (w *work) settle(ctx context.Context) error {
	if err := w.admin.fits(w.Want.Plan, w.config.live["maxmemory-policy"]); err != nil {
		return err
	}
	if err := w.admin.set(w.config.live); err != nil {
		return err
	}
	if w.config.live["tls-port"] == "0" {
		if err := w.admin.endSessions(); err != nil {
			return err
		}
	}
	if w.ReadOnly {
		w.admin.compact()
	}
	used, err := w.admin.memory("used_memory_rss")
	if err != nil || used < w.Want.Plan.MemoryMiB<<20 {
		return err
	}
	return w.startAgain(ctx)
}

// fits refuses a plan whose memory the data does not fit into, unless the server
// may drop any of it.
func (s *session) fits(plan driver.Plan, policy string) error {
	used, err := s.memory("used_memory")
	if err != nil {
		return err
	}
	room := memoryFor(plan.MemoryMiB)
	if used <= room || strings.HasPrefix(policy, "allkeys-") {
		return nil
	}
	return &driver.BlockedError{
		Message:   fmt.Sprintf("The data takes %d MiB of memory, and the plan has room for %d MiB: delete data, or choose a larger plan.", used>>20, room>>20),
		BlockedBy: "you",
	}
}
