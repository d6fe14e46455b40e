package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"souk/internal/pki"
)

// backedUpByHand is a server made by the script, filled, and an object store that
// pgBackRest keeps its backups in.
type backedUpByHand struct {
	*byHand
	server server
	store  *exec.Cmd
	source string // the server's folder
	config string // of pgBackRest
	share  share  // that backups are held to
}

func newBackedUpByHand(ctx context.Context, e *env) (_ *backedUpByHand, err error) {
	h := &backedUpByHand{}
	if h.byHand, err = newByHand(e, "hand-backup"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	h.source, h.config = filepath.Join(h.dir, "source"), filepath.Join(h.dir, "pgbackrest.conf")
	store, err := h.startStore(ctx)
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	settings := filepath.Join(h.dir, "archive.conf")
	err = errors.Join(
		h.write(h.config, h.configuration(store, port)),
		h.write(settings, "archive_mode = on\narchive_timeout = 60\narchive_command = 'pgbackrest --config="+h.config+" --stanza=db archive-push \"%p\"'\n"),
	)
	if err != nil {
		return nil, err
	}
	h.server = server{host: "127.0.0.1", port: uint16(port), database: "app", user: "default_1", password: secret(), ca: h.ca}
	if err := h.bash(ctx, h.script("by-hand.sh"), h.server.password, h.source, strconv.Itoa(port), e.programs.Bin, settings); err != nil {
		return nil, err
	}
	if err := h.pgbackrest(ctx, "", "stanza-create"); err != nil {
		return nil, err
	}
	if err := h.server.fill(ctx, e.sizes.backupMiB); err != nil {
		return nil, err
	}
	_, err = h.backUp(ctx)
	return h, err
}

// configuration says to pgBackRest what Souk's does.
func (h *backedUpByHand) configuration(store, port int) string {
	return strings.Join([]string{
		"[global]", "repo1-type=s3", "repo1-path=/source", "repo1-s3-bucket=backups", "repo1-s3-endpoint=localhost", "repo1-s3-region=us-east-1",
		"repo1-s3-key=bench", "repo1-s3-key-secret=bench-bench-bench", "repo1-s3-uri-style=path", "repo1-storage-port=" + strconv.Itoa(store),
		"repo1-storage-ca-file=" + filepath.Join(h.dir, "ca.pem"), "repo1-cipher-type=aes-256-cbc", "repo1-cipher-pass=" + secret(),
		"repo1-bundle=y", "compress-type=zst", "compress-level=3", "start-fast=y", "expire-auto=n", "log-level-console=warn", "log-level-stderr=off", "log-level-file=off",
		"lock-path=" + filepath.Join(h.dir, "lock"), "spool-path=" + filepath.Join(h.dir, "lock"),
		"[db]", "pg1-path=" + filepath.Join(h.source, "data"), "pg1-socket-path=" + filepath.Join(h.source, "run"), "pg1-port=" + strconv.Itoa(port), "pg1-user=admin", "pg1-database=postgres", "",
	}, "\n")
}

// startStore starts an object store as souk dev does, and returns its port.
func (h *backedUpByHand) startStore(ctx context.Context) (int, error) {
	port, err := freePort()
	if err != nil {
		return 0, err
	}
	ca, err := pki.LoadCA(pki.Pair{Cert: h.ca, Key: h.caKey})
	if err != nil {
		return 0, err
	}
	pair, err := ca.IssueServer([]string{"localhost", "127.0.0.1"}, time.Now(), 24*time.Hour)
	if err != nil {
		return 0, err
	}
	folder := filepath.Join(h.dir, "store")
	for _, part := range []string{"", "data", "meta", "data/backups"} {
		if err := h.env.own(filepath.Join(folder, part)); err != nil {
			return 0, err
		}
	}
	cert, key := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	if err := errors.Join(h.write(cert, string(pair.Cert)), h.write(key, string(pair.Key))); err != nil {
		return 0, err
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	h.store = exec.Command(h.env.storeProgram(), "--port", address, "--quiet", "--disable-acl", "--cert", cert, "--key", key,
		"posix", "--sidecar", filepath.Join(folder, "meta"), filepath.Join(folder, "data"))
	h.store.Dir, h.store.Env = folder, []string{"PATH=/usr/bin:/bin", "HOME=" + folder, "ROOT_ACCESS_KEY=bench", "ROOT_SECRET_KEY=bench-bench-bench"}
	h.store.SysProcAttr = attributes(h.env.account)
	h.store.SysProcAttr.Pdeathsig = syscall.SIGTERM
	if err := h.store.Start(); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			return port, conn.Close()
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return 0, fmt.Errorf("the object store does not listen: %w", err)
		}
	}
}

// backUp is one call of the tool.
func (h *backedUpByHand) backUp(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	err := h.pgbackrest(ctx, h.share, "--type=full", "backup")
	return time.Since(began), err
}

// restore runs the script and asks the server that it started; then it removes that.
func (h *backedUpByHand) restore(ctx context.Context, n int) (time.Duration, error) {
	port, err := freePort()
	if err != nil {
		return 0, err
	}
	folder := filepath.Join(h.dir, "restored-"+strconv.Itoa(n))
	defer h.remove(folder)
	began := time.Now()
	if err := h.bash(ctx, h.script("by-hand-restore.sh"), "", folder, strconv.Itoa(port), h.env.programs.Bin, h.source, h.config); err != nil {
		return 0, err
	}
	restored := h.server
	restored.port = uint16(port)
	if err := restored.query(ctx); err != nil {
		return 0, fmt.Errorf("the server restored by hand: %w", err)
	}
	return time.Since(began), nil
}

func (h *backedUpByHand) pgbackrest(ctx context.Context, within share, args ...string) error {
	cmd := exec.CommandContext(ctx, "pgbackrest", append([]string{"--config=" + h.config, "--stanza=db"}, args...)...)
	cmd.Dir, cmd.Env = h.dir, []string{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC", "HOME=" + h.dir}
	cmd.SysProcAttr = attributes(h.env.account)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := errors.Join(within.hold(cmd.Process.Pid), cmd.Wait()); err != nil {
		return fmt.Errorf("pgbackrest %s: %w: %s", strings.Join(args, " "), err, out.Bytes())
	}
	return nil
}

// close stops and removes the server; the folder goes with the run's.
func (h *backedUpByHand) close() {
	h.remove(h.source)
	if h.store != nil && h.store.Process != nil {
		_ = h.store.Process.Signal(os.Interrupt)
		_ = h.store.Wait()
	}
}
