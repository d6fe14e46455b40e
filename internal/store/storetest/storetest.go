// Package storetest gives each test a migrated database of its own on a real
// PostgreSQL that the test binary starts once.
package storetest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"souk/internal/store"
)

// server is the one PostgreSQL of a test binary.
type server struct {
	dir string
	cmd *exec.Cmd
}

var (
	once     sync.Once
	shared   *server
	startErr error
	counter  atomic.Int64
)

const template = "souk_template"

// New returns a Store on a fresh database with all migrations applied; both
// are gone when the test ends.
func New(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), NewConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// NewConfig is New for tests that open the store themselves.
func NewConfig(t testing.TB) store.Config {
	t.Helper()
	once.Do(func() { shared, startErr = start() })
	if startErr != nil {
		t.Fatalf("these tests need PostgreSQL 15 or newer: %v", startErr)
	}
	name := fmt.Sprintf("test_%d", counter.Add(1))
	shared.exec(t, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s OWNER souk_owner", name, template))
	t.Cleanup(func() { shared.exec(t, fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", name)) })
	return shared.config(name)
}

// Superuser connects to the database of the config past row-level security, for
// tests that corrupt rows.
func Superuser(t testing.TB, c store.Config) *pgx.Conn {
	t.Helper()
	cfg, err := pgx.ParseConfig(c.Owner)
	if err != nil {
		t.Fatal(err)
	}
	cfg.User = "postgres"
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// UntilNone does one after the other what is due in a store, until none is left.
func UntilNone(t testing.TB, st *store.Store, due ...func(context.Context, *store.Store) (bool, error)) {
	t.Helper()
	for _, one := range due {
		for n := 0; ; n++ {
			more, err := one(t.Context(), st)
			if err != nil || n == 1000 {
				t.Fatalf("after %d that were due: %v", n, err)
			}
			if !more {
				break
			}
		}
	}
}

// Main runs the tests of a package and stops the server; call it from TestMain.
func Main(m *testing.M) {
	code := m.Run()
	if shared != nil {
		shared.stop()
	}
	os.Exit(code)
}

func (s *server) dsn(role, db string) string {
	return fmt.Sprintf("host=%s user=%s dbname=%s", s.dir, role, db)
}

func (s *server) config(db string) store.Config {
	return store.Config{
		Owner: s.dsn("souk_owner", db), App: s.dsn("souk_app", db), System: s.dsn("souk_system", db),
		MaxConnections: 8,
	}
}

func (s *server) exec(t testing.TB, sql string) {
	t.Helper()
	if err := s.run("postgres", sql); err != nil {
		t.Fatal(err)
	}
}

func (s *server) run(db, sql string) error {
	conn, err := pgx.Connect(context.Background(), s.dsn("postgres", db))
	if err != nil {
		return err
	}
	defer conn.Close(context.Background())
	_, err = conn.Exec(context.Background(), sql)
	return err
}

// start makes a server in memory-speed settings: it need not survive a crash.
func start() (_ *server, err error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(scratch(), "souk-pg-")
	if err != nil {
		return nil, err
	}
	attr, err := unprivileged(dir)
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", dir+"/data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = attr, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	s.cmd = exec.Command(filepath.Join(bin, "postgres"), "-D", dir+"/data", "-k", dir, "-c", "listen_addresses=",
		"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "max_wal_size=128MB", "-c", "max_connections=200", "-c", "log_min_messages=fatal")
	s.cmd.SysProcAttr, s.cmd.Dir = attr, dir
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	if err := s.prepare(); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// scratch is where the server's data goes: in memory where there is plenty of it,
// for each test makes and drops some hundreds of files. Its path is short, as a
// socket's has to be.
func scratch() string {
	const memory, enough = "/dev/shm", 3 << 30
	var s syscall.Statfs_t
	if err := syscall.Statfs(memory, &s); err != nil || s.Bavail*uint64(s.Bsize) < enough {
		return "/tmp"
	}
	return memory
}

// prepare waits for the server and makes the template database.
func (s *server) prepare() error {
	var err error
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if err = s.run("postgres", "SELECT 1"); err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	ctx := context.Background()
	if err := s.run("postgres", "CREATE DATABASE "+template); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, s.dsn("postgres", template))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if err := store.RunBootstrap(ctx, conn, store.Passwords{Owner: "o", App: "a", System: "s"}); err != nil {
		return err
	}
	return store.Migrate(ctx, s.config(template))
}

func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGQUIT)
	_ = s.cmd.Wait()
	_ = os.RemoveAll(s.dir)
}

// binaries finds the newest PostgreSQL server programs.
func binaries() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if p, err := exec.LookPath("initdb"); err == nil {
		found = append(found, p)
	}
	if len(found) == 0 {
		return "", fmt.Errorf("no initdb in /usr/lib/postgresql/*/bin nor in PATH; apt-get install postgresql-15")
	}
	slices.SortFunc(found, func(a, b string) int { return major(b) - major(a) })
	return filepath.Dir(found[0]), nil
}

func major(path string) int {
	n, _ := strconv.Atoi(strings.Split(strings.TrimPrefix(path, "/usr/lib/postgresql/"), "/")[0])
	return n
}

// unprivileged: PostgreSQL refuses to run as root, so tests that do become "postgres".
func unprivileged(dir string) (*syscall.SysProcAttr, error) {
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
	if os.Getuid() != 0 {
		return attr, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("running as root needs an account named postgres: %w", err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attr, os.Chown(dir, uid, gid)
}
