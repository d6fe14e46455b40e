// Package objectstore runs the object store of souk dev for tests.
package objectstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"crypto/tls"
	"crypto/x509"

	"souk/internal/driver"
	"souk/internal/pki"
)

// Store is a running object store.
type Store struct {
	Place *driver.BackupPlace
	// Data is the folder that the bucket's objects lie in, as files.
	Data string

	t       *testing.T
	program string
	args    []string
	running *exec.Cmd
}

// Program returns the object store's program, built once for each version of it.
func Program(t testing.TB) string {
	t.Helper()
	program, err := Build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// Build is Program for what is no test.
func Build(ctx context.Context) (string, error) {
	souk, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	module := filepath.Join(filepath.Dir(strings.TrimSpace(string(souk))), "deploy", "objectstore")
	sums, err := os.ReadFile(filepath.Join(module, "go.sum"))
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(sums)
	folder := filepath.Join(cache, "souk", "objectstore-"+hex.EncodeToString(sum[:6]))
	program := filepath.Join(folder, "souk-objectstore")
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	made := program + strconv.Itoa(os.Getpid())
	build := exec.CommandContext(ctx, "go", "build", "-C", module, "-trimpath", "-ldflags", "-s -w", "-o", made, "github.com/versity/versitygw/cmd/versitygw")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the object store: %w: %s", err, out)
	}
	return program, os.Rename(made, program)
}

// New starts an object store that ends with the test.
func New(t *testing.T) *Store {
	t.Helper()
	return At(t, "127.0.0.1", "localhost")
}

// At starts one that listens on an address of this machine, and is known by a name.
func At(t *testing.T, address, name string) *Store {
	t.Helper()
	dir := t.TempDir()
	s := &Store{t: t, program: Program(t), Data: filepath.Join(dir, "data", "backups")}
	for _, folder := range []string{s.Data, filepath.Join(dir, "meta")} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	ca, err := pki.NewCA("test object store", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	pair, err := ca.IssueServer([]string{name, address}, time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, text := range map[string][]byte{cert: pair.Cert, key: pair.Key} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	port := freePort(t, address)
	s.Place = &driver.BackupPlace{Endpoint: name, Port: port, Bucket: "backups", Region: "us-east-1", AccessKey: "souk", SecretKey: "a-secret-for-tests", CAPEM: string(ca.CertPEM())}
	s.args = []string{"--port", net.JoinHostPort(address, strconv.Itoa(port)), "--quiet", "--disable-acl", "--cert", cert, "--key", key,
		"posix", "--sidecar", filepath.Join(dir, "meta"), filepath.Dir(s.Data)}
	s.Start()
	t.Cleanup(s.Stop)
	return s
}

func freePort(t *testing.T, address string) int {
	l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// Start has the object store run, and waits until it answers.
func (s *Store) Start() {
	s.t.Helper()
	s.running = exec.Command(s.program, s.args...)
	s.running.Env = []string{"PATH=/usr/bin:/bin", "ROOT_ACCESS_KEY=" + s.Place.AccessKey, "ROOT_SECRET_KEY=" + s.Place.SecretKey}
	var said strings.Builder
	s.running.Stdout, s.running.Stderr = &said, &said
	if err := s.running.Start(); err != nil {
		s.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(s.Place.CAPEM))
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	url := "https://" + net.JoinHostPort(s.Place.Endpoint, strconv.Itoa(s.Place.Port)) + "/"
	for deadline := time.Now().Add(20 * time.Second); ; {
		answer, err := client.Get(url)
		if err == nil {
			answer.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the object store does not answer: %v\n%s", err, said.String())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Stop ends the object store; its data stays.
func (s *Store) Stop() {
	if s.running == nil {
		return
	}
	_ = s.running.Process.Signal(syscall.SIGKILL)
	_ = s.running.Wait()
	s.running = nil
}

// Spoil changes bytes in all objects below a key whose path from there on contains a text.
func (s *Store) Spoil(below, part string) {
	s.t.Helper()
	spoiled, folder := 0, filepath.Join(s.Data, below)
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.Contains(strings.TrimPrefix(path, folder), part) {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for i := len(text) / 2; i < len(text)/2+4096 && i < len(text); i++ {
			text[i] ^= 0xff
		}
		spoiled++
		return os.WriteFile(path, text, 0o600)
	})
	if err != nil || spoiled == 0 {
		s.t.Fatalf("%d objects spoiled: %v", spoiled, err)
	}
}
