package postgresql

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"souk/internal/driver"
	"souk/internal/driver/process"
	"souk/internal/shim"
	"souk/internal/step"
)

const service = "postgresql"

var (
	stepCertificate = step.New("postgresql/certificate")
	stepInitdb      = step.New("postgresql/initdb")
	stepConfigure   = step.New("postgresql/configure")
	stepStart       = step.New("postgresql/start")
	stepRecovered   = step.New("postgresql/recovered")
	stepRoles       = step.New("postgresql/roles")
	stepAccess      = step.New("postgresql/access")
	stepBackups     = step.New("postgresql/backups")
	stepProbe       = step.New("postgresql/probe")
)

// engine runs PostgreSQL as a process.
type engine struct{ installed *installation }

// ProcessEngine returns how the process driver runs PostgreSQL.
func ProcessEngine() process.Engine {
	return newEngine("/usr/lib/postgresql/*/bin")
}

func newEngine(pattern string) *engine {
	return &engine{installed: &installation{pattern: pattern}}
}

func (e *engine) Service() string  { return service }
func (e *engine) Database() string { return database }

func (e *engine) Versions() []driver.EngineVersion {
	return []driver.EngineVersion{e.installed.version()}
}

// StopSignal asks for a fast shutdown: sessions are ended, data is written out.
func (e *engine) StopSignal() syscall.Signal { return syscall.SIGINT }

func (e *engine) WhenFull() string {
	return "Until then new transactions are read-only; to delete data, begin with SET default_transaction_read_only = off, and use TRUNCATE, DROP or VACUUM FULL, which free storage at once."
}

// HasData looks for the files without which there is no cluster.
func (e *engine) HasData(ctx context.Context, host *process.Host) (bool, error) {
	for _, file := range []string{"PG_VERSION", "global/pg_control"} {
		if has, err := host.Exists(ctx, clusterFolder+"/"+file); err != nil || !has {
			return false, err
		}
	}
	return true, nil
}

// logFormat is that of log_line_prefix.
var logFormat = driver.LogFormat{
	Line:   regexp.MustCompile(`^(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+) UTC \[\d+\](?: \S*)? (?P<level>[A-Z]+):  `),
	Layout: "2006-01-02 15:04:05.999",
	Levels: map[string]string{"DEBUG": "debug", "LOG": "info", "INFO": "info", "NOTICE": "info", "WARNING": "warning", "ERROR": "error", "FATAL": "error", "PANIC": "error"},
}

// LogFormat says how PostgreSQL writes its log.
func (e *engine) LogFormat() driver.LogFormat { return logFormat }

// Answers waits for the server to take a session.
func (e *engine) Answers(ctx context.Context, host *process.Host) error {
	conn, err := connect(ctx, host, "postgres")
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// RunningVersion asks the server: "15.18 (Debian 15.18-0+deb12u1)".
func (e *engine) RunningVersion(ctx context.Context, host *process.Host) (string, error) {
	conn, err := connect(ctx, host, "postgres")
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	var said string
	err = conn.QueryRow(ctx, "SHOW server_version").Scan(&said)
	version, _, _ := strings.Cut(said, " ")
	return version, err
}

// Steps is the whole of a PostgreSQL instance, in order.
func (e *engine) Steps(job *process.Job) ([]process.Step, func()) {
	w := &work{Job: job, engine: e}
	roles := func(ctx context.Context) error { return w.running().roles(ctx) }
	access := func(ctx context.Context) error { return w.running().access(ctx) }
	return []process.Step{
		{Name: stepCertificate, Run: w.certify},
		{Name: stepInitdb, Run: w.initdb},
		{Name: stepConfigure, Run: w.configure},
		{Name: stepStart, Run: w.start},
		{Name: stepRecovered, Run: w.recovered},
		{Name: stepRoles, Run: roles},
		{Name: stepAccess, Run: access},
		{Name: stepBackups, Run: w.allowBackups},
		{Name: stepProbe, Run: w.probing},
	}, w.close
}

// work is one pass over the steps.
type work struct {
	*process.Job
	engine      *engine
	certificate []byte
	config      config
	admin       *session
}

// running is the server that the pass's session is in.
func (w *work) running() *server {
	enter := func(ctx context.Context, database string) (*session, error) { return connect(ctx, w.Host, database) }
	return &server{admin: w.admin, enter: enter, credentials: w.Want.Credentials}
}

// certify gives the server a certificate of the zone's authority, and renews it.
func (w *work) certify(ctx context.Context) error {
	current, err := w.ReadIfThere(ctx, serverFile)
	if err != nil {
		return err
	}
	w.certificate, err = w.Certificate(current)
	if err != nil {
		return err
	}
	return w.WriteIfChanged(ctx, shim.File{Path: serverFile, Mode: 0o600, Data: w.certificate})
}

// initdb makes the cluster, under another name until it is whole: of a backup
// where one is to be restored. It has page checksums and a superuser without a
// password, who comes through the socket.
func (w *work) initdb(ctx context.Context) error {
	has, err := w.engine.HasData(ctx, w.Host)
	if err != nil {
		return err
	}
	if has {
		return w.Initialised()
	}
	if w.Want.Restore != nil {
		err = w.restore(ctx)
	} else {
		err = w.initialise(ctx)
	}
	if err != nil {
		return err
	}
	if err := w.Rename(ctx, unfinished, clusterFolder); err != nil {
		return err
	}
	return w.Initialised()
}

func (w *work) initialise(ctx context.Context) error {
	if err := w.Remove(ctx, unfinished); err != nil {
		return err
	}
	_, err := w.Run(ctx, shim.Command{
		Argv: []string{
			w.program("initdb"), "--pgdata=" + unfinished, "--username=" + superuser, "--auth=reject",
			"--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums", "--no-instructions",
		},
		Env: environment(),
	})
	return err
}

func (w *work) program(name string) string {
	return filepath.Join(w.engine.installed.folder(), name)
}

func environment() []string {
	return []string{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC"}
}

// configure writes the configuration, outside the cluster.
func (w *work) configure(ctx context.Context) error {
	var err error
	if w.config, err = configure(w.Job, w.certificate); err != nil {
		return err
	}
	files := []shim.File{
		{Path: configFile, Mode: 0o600, Data: []byte(w.config.main)},
		{Path: accessFile, Mode: 0o600, Data: []byte(w.config.access)},
		{Path: identFile, Mode: 0o600, Data: []byte(w.config.ident)},
	}
	backups, err := w.backupFiles()
	if err != nil {
		return err
	}
	return w.WriteIfChanged(ctx, append(files, backups...)...)
}

// program that the shim keeps running. The fingerprint on its command line says
// later which settings it was started with.
func (w *work) command() shim.Engine {
	return shim.Engine{
		Argv: []string{
			w.program("postgres"), "-D", clusterFolder,
			"-c", "config_file=" + configFile, "-c", "hba_file=" + accessFile, "-c", "ident_file=" + identFile,
			"-c", "souk.started_with=" + w.config.start,
		},
		Env: environment(),
		PIDFiles: []string{
			clusterFolder + "/postmaster.pid",
			fmt.Sprintf("%s/.s.PGSQL.%d.lock", shim.RunFolder, w.Port),
		},
	}
}

// start has the server run with the configuration just written: started,
// reloaded or restarted, whatever it takes.
func (w *work) start(ctx context.Context) error {
	if err := w.Start(ctx, w.command()); err != nil {
		return err
	}
	if err := w.reconnectRecovering(ctx); err != nil {
		return err
	}
	started, loaded, err := w.admin.settings(ctx)
	if err != nil {
		return err
	}
	if started != w.config.start {
		w.close()
		if err := w.Restart(ctx, w.command(), w.engine.StopSignal()); err != nil {
			return fmt.Errorf("restart: %w", err)
		}
		return w.reconnect(ctx)
	}
	if loaded != w.config.all {
		return w.reload(ctx)
	}
	return nil
}
