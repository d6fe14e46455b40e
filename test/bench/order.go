package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/api/client"
	"souk/internal/pki"
)

// server is where a PostgreSQL can be reached, and how.
type server struct {
	host, database, user, password string
	port                           uint16
	ca                             []byte
}

// query connects with everything verified and asks for one row.
func (s server) query(ctx context.Context) error { return s.exec(ctx, "SELECT 1") }

// exec connects with everything verified and runs a statement.
func (s server) exec(ctx context.Context, statement string) error {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(s.ca) {
		return errors.New("there is no authority to verify the server by")
	}
	c, err := pgx.ParseConfig("sslmode=disable")
	if err != nil {
		return err
	}
	c.Host, c.Port, c.Database, c.User, c.Password = s.host, s.port, s.database, s.user, s.password
	c.TLSConfig, c.Fallbacks = &tls.Config{RootCAs: roots, ServerName: s.host, MinVersion: tls.VersionTLS12}, nil
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, statement)
	return err
}

// orderToQuery measures the time from an order to the first answer of the server
// over verified TLS, against a script that does the same by hand while the same
// `souk dev` runs.
func orderToQuery(ctx context.Context, e *env) ([]row, error) {
	d, err := startDev(ctx, e, filepath.Join(e.dir, "order"))
	if err != nil {
		return nil, err
	}
	defer d.stop()
	acme, err := d.acme(ctx)
	if err != nil {
		return nil, err
	}
	hand, err := newByHand(e, "hand")
	if err != nil {
		return nil, err
	}
	var ordered, made samples
	for i := range e.sizes.pairs {
		took, err := orderOne(ctx, acme, "pair-"+strconv.Itoa(i))
		if err != nil {
			return nil, err
		}
		ordered = append(ordered, took)
		if took, err = hand.makeOne(ctx, i); err != nil {
			return nil, err
		}
		made = append(made, took)
	}
	r := medianRatio(ordered, made)
	return []row{{
		what:     fmt.Sprintf("order → first query over verified TLS, process driver, median of %d pairs", e.sizes.pairs),
		measured: millis(ordered.median()), baseline: "by hand: " + millis(made.median()), ratio: times(r), goal: "≤ 1.15 ×", verdict: reached(r <= 1.15),
	}}, nil
}

// orderOne orders, waits, reveals, connects; then it deletes the instance.
func orderOne(ctx context.Context, p *client.Project, name string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	order := api.InstanceOrder{Spec: api.InstanceSpec{Service: "postgresql", Plan: "small"}}
	order.Metadata.Name = name
	return orderAndAsk(ctx, p, order)
}

// orderAndAsk is the time from an order to the server's first answer. Then it
// deletes the instance.
func orderAndAsk(ctx context.Context, p *client.Project, order api.InstanceOrder) (time.Duration, error) {
	name, began := order.Metadata.Name, time.Now()
	if _, err := p.Order(ctx, order); err != nil {
		return 0, err
	}
	if err := phase(ctx, p, name, api.PhaseReady); err != nil {
		return 0, err
	}
	s, err := reveal(ctx, p, name)
	if err != nil {
		return 0, err
	}
	if err := s.query(ctx); err != nil {
		return 0, err
	}
	took := time.Since(began)
	if _, err := p.Unprotect(ctx, name); err != nil {
		return 0, err
	}
	if _, err := p.Delete(ctx, name); err != nil {
		return 0, err
	}
	return took, phase(ctx, p, name, api.PhaseDeleted)
}

// phase watches the instance until it is in the phase.
func phase(ctx context.Context, p *client.Project, name string, want api.Phase) error {
	for event, err := range p.WatchInstance(ctx, name) {
		if err != nil {
			return fmt.Errorf("wait for %s to be %s: %w", name, want, err)
		}
		if event.Instance != nil && event.Instance.Status.Phase == want {
			return nil
		}
	}
	return fmt.Errorf("the watch of %s ended before it was %s", name, want)
}

func reveal(ctx context.Context, p *client.Project, name string) (server, error) {
	c, err := p.Credentials(ctx, name)
	if err != nil {
		return server{}, err
	}
	return server{host: c.Endpoint.Host, port: uint16(c.Endpoint.Port), database: c.Endpoint.Database, user: c.Login, password: c.Password, ca: []byte(c.Endpoint.CA)}, nil
}

// byHand is the script that does what an order leads to, and what it needs.
type byHand struct {
	env       *env
	dir       string
	ca, caKey []byte
}

func newByHand(e *env, folder string) (*byHand, error) {
	h := &byHand{env: e, dir: filepath.Join(e.dir, folder)}
	if err := e.own(h.dir); err != nil {
		return nil, err
	}
	ca, err := pki.NewCA("by hand", time.Now())
	if err != nil {
		return nil, err
	}
	pair, err := ca.Pair()
	if err != nil {
		return nil, err
	}
	h.ca, h.caKey = pair.Cert, pair.Key
	return h, errors.Join(h.write(filepath.Join(h.dir, "ca.pem"), string(pair.Cert)), h.write(filepath.Join(h.dir, "ca.key"), string(pair.Key)))
}

// write makes a file that the unprivileged account owns.
func (h *byHand) write(path, text string) error {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil || h.env.account == nil {
		return err
	}
	return os.Chown(path, int(h.env.account.Uid), int(h.env.account.Gid))
}

// script is where one lies.
func (h *byHand) script(name string) string { return filepath.Join(h.env.root, "test", "bench", name) }

// freePort is one that nothing listened on just now.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// makeOne runs the script and asks the server that it started; then it removes
// that.
func (h *byHand) makeOne(ctx context.Context, n int) (time.Duration, error) {
	port, err := freePort()
	if err != nil {
		return 0, err
	}
	folder := filepath.Join(h.dir, strconv.Itoa(n))
	s := server{host: "127.0.0.1", port: uint16(port), database: "app", user: "default_1", password: secret(), ca: h.ca}
	defer h.remove(folder)
	began := time.Now()
	if err := h.bash(ctx, h.script("by-hand.sh"), s.password, folder, strconv.Itoa(port), h.env.programs.Bin); err != nil {
		return 0, err
	}
	if err := s.query(ctx); err != nil {
		return 0, fmt.Errorf("the server made by hand: %w", err)
	}
	return time.Since(began), nil
}

func (h *byHand) bash(ctx context.Context, script, input string, args ...string) error {
	file, err := os.Open(script) // the account need not be able to enter the module's folder
	if err != nil {
		return err
	}
	defer file.Close()
	cmd := exec.CommandContext(ctx, "bash", append([]string{"/dev/fd/3"}, args...)...)
	cmd.ExtraFiles = []*os.File{file}
	cmd.Dir, cmd.Env = h.dir, []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC", "HOME=" + h.dir}
	cmd.Stdin = strings.NewReader(input + "\n")
	cmd.SysProcAttr = attributes(h.env.account)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(script), err, out.Bytes())
	}
	return nil
}

func (h *byHand) remove(folder string) {
	if text, err := os.ReadFile(filepath.Join(folder, "data", "postmaster.pid")); err == nil {
		if pid, err := strconv.Atoi(strings.SplitN(string(text), "\n", 2)[0]); err == nil {
			stopProcess(pid)
		}
	}
	_ = os.RemoveAll(folder)
}
