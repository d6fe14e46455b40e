package postgresql

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sys/unix"

	"souk/internal/driver"
	"souk/internal/driver/process"
	"souk/internal/supervisor"
)

// zone is a zone on this machine: a supervisor, a driver, and folders.
type zone struct {
	*process.Driver
	t          *testing.T
	dir        string
	supervisor supervisor.API
	config     process.Config
}

// someRange returns a range of ports that no other run of these tests has at
// the same time: a lock, held until this process ends, says whose it is.
func someRange(t *testing.T) (from, to int) {
	t.Helper()
	const first, size, ranges = 20_000, 50, 240 // below the ports that the kernel gives to clients
	locks := filepath.Join(os.TempDir(), "souk-test-ports")
	if err := os.MkdirAll(locks, 0o700); err != nil {
		t.Fatal(err)
	}
	for n := range ranges {
		fd, err := unix.Open(filepath.Join(locks, strconv.Itoa(n)), unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		from := first + n*size
		if unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) == nil && allFree(from, size) {
			t.Cleanup(func() { unix.Close(fd) })
			return from, from + size - 1
		}
		unix.Close(fd)
	}
	t.Fatal("other tests use all ranges of ports")
	return 0, 0
}

// allFree says whether nobody listens in a range, such as what a run that was
// killed has left.
func allFree(from, size int) bool {
	for port := from; port < from+size; port++ {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			return false
		}
		l.Close()
	}
	return true
}

// newZone gives each instance a uid of its own when the test runs as root, and
// none otherwise.
func newZone(t *testing.T, change ...func(*process.Config)) *zone {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "souk-zone-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	config := supervisor.Config{Root: filepath.Join(dir, "s"), AgentUID: os.Getuid(), AgentGID: os.Getgid(), Logger: testLog(t)}
	from, to := someRange(t)
	if os.Getuid() == 0 {
		config.UIDBase, config.UIDCount = 2_100_000_000+from, 50
	}
	s, err := supervisor.New(config)
	if err != nil {
		t.Fatal(err)
	}
	z := &zone{t: t, dir: dir, supervisor: s, config: process.Config{
		Dir: filepath.Join(dir, "d"), Address: "127.0.0.1", Names: []string{"127.0.0.1", "localhost"},
		PortFrom: from, PortTo: to, Supervisor: s, Engines: []process.Engine{ProcessEngine()}, Logger: testLog(t),
	}}
	for _, f := range change {
		f(&z.config)
	}
	z.open()
	t.Cleanup(z.destroy)
	return z
}

func testLog(t *testing.T) *slog.Logger {
	level := slog.LevelError
	if testing.Verbose() {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})).With("test", t.Name())
}

func (z *zone) open() {
	z.t.Helper()
	d, err := process.New(z.config)
	if err != nil {
		z.t.Fatal(err)
	}
	z.Driver = d
}

// reopen is what a new agent does: engines and shims go on meanwhile.
func (z *zone) reopen() {
	z.t.Helper()
	if err := z.Close(); err != nil {
		z.t.Fatal(err)
	}
	z.open()
}

// destroy removes everything, whatever state the test left it in.
func (z *zone) destroy() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_ = z.Close()
	ids, err := z.supervisor.List(ctx)
	if err != nil {
		z.t.Error(err)
	}
	for _, id := range ids {
		if err := z.supervisor.Destroy(ctx, id); err != nil {
			z.t.Error(err)
		}
	}
	if s, ok := z.supervisor.(interface{ RemoveCgroups() error }); ok {
		if err := s.RemoveCgroups(); err != nil {
			z.t.Error(err)
		}
	}
	if err := os.RemoveAll(z.dir); err != nil {
		z.t.Error(err)
	}
}

// order is what is wanted of a new instance.
func order() driver.Instance {
	return driver.Instance{
		ID: uuid.NewString(), Service: "postgresql", Generation: 1,
		Plan:       driver.Plan{Name: "small", Revision: 1, CPUMillis: 1000, MemoryMiB: 512},
		StorageGiB: 10, AllowedNetworks: []string{"127.0.0.0/8"},
		Credentials: []driver.Credential{{ID: uuid.NewString(), Login: "alice", Password: "correct-horse-battery"}},
	}
}

// ensure has an instance run and marks it as one that held data.
func (z *zone) ensure(want *driver.Instance) driver.Observation {
	z.t.Helper()
	ctx, cancel := context.WithTimeout(z.t.Context(), time.Minute)
	defer cancel()
	seen, err := z.Ensure(ctx, *want)
	if err != nil {
		z.t.Fatalf("ensure: %v", err)
	}
	if seen.State != driver.StateRunning {
		z.t.Fatalf("ensured, and then it is %s: %s", seen.State, seen.Message)
	}
	want.HeldData = true
	return seen
}

// dial connects as a user does: verified TLS, by what the observation says.
func dial(ctx context.Context, at *driver.Endpoint, login, password string) (*pgx.Conn, error) {
	return dialAt(ctx, at, login, password, time.Now)
}

// dialAt is dial by a client whose clock shows another time.
func dialAt(ctx context.Context, at *driver.Endpoint, login, password string, now func() time.Time) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d dbname=%s user=%s connect_timeout=10 sslmode=verify-full", at.Host, at.Port, at.Database, login))
	if err != nil {
		return nil, err
	}
	config.Password = password
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(at.CAPEM))
	config.TLSConfig = &tls.Config{RootCAs: roots, ServerName: at.Host, Time: now}
	return pgx.ConnectConfig(ctx, config)
}

// user is dial for a log-in that must work.
func (z *zone) user(want driver.Instance, at *driver.Endpoint) *pgx.Conn {
	z.t.Helper()
	conn, err := dial(z.t.Context(), at, want.Credentials[0].Login, want.Credentials[0].Password)
	if err != nil {
		z.t.Fatal(err)
	}
	z.t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func (z *zone) exec(conn *pgx.Conn, sql string) {
	z.t.Helper()
	if _, err := conn.Exec(z.t.Context(), sql); err != nil {
		z.t.Fatalf("%s: %v", sql, err)
	}
}

func count(t *testing.T, conn *pgx.Conn, table string) (n int) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func occupy(t *testing.T, port int) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}
