package dev

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"souk/internal/dev/lifeline"
)

// The test binary is also a small souk: the launcher under test, and the three
// programs that it starts.
func TestMain(m *testing.M) {
	parts := map[string]func(args []string) error{"dev": fakeDev, "serve": fakeServe, "agent": fakeAgent, "supervise": fakeSupervisor}
	if len(os.Args) > 1 {
		if part := parts[os.Args[1]]; part != nil {
			if err := part(os.Args[2:]); err != nil {
				fmt.Fprintln(os.Stderr, "Error:", err)
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

// fakeConfig is what the fake control plane is told.
type fakeConfig struct{ Listen, DSN, Keyring string }

func fakeDev(args []string) error {
	return Run(context.Background(), Options{
		DataDir: args[0], Listen: args[1], Out: os.Stdout,
		pace: pace{first: 20 * time.Millisecond, most: 100 * time.Millisecond, healthy: time.Minute},
		Hooks: Hooks{
			ControlConfig: func(l Layout) ([]byte, error) {
				return json.Marshal(fakeConfig{l.Listen, l.Record.App, l.Keyring})
			},
			AgentConfig:    func(l Layout) ([]byte, error) { return []byte("{}"), nil },
			SupervisorArgs: func(l Layout) []string { return []string{"supervise", l.Path("instances")} },
			Enrolled: func(l Layout) bool {
				_, err := os.Stat(filepath.Join(l.DataDir, "agent", "identity"))
				return err == nil
			},
			Enrol: func(_ context.Context, l Layout) error {
				_, err := l.GiveAgent("token", []byte("once"))
				return err
			},
			Ready: func(_ context.Context, l Layout) error {
				return l.GiveUser("cli.yaml", []byte("server: "+l.URL), 0o600)
			},
			StopEngines: func(_ context.Context, l Layout) error {
				pid, err := os.ReadFile(filepath.Join(l.DataDir, "instances", "engine"))
				if errors.Is(err, os.ErrNotExist) {
					return nil
				}
				if n, err := strconv.Atoi(string(pid)); err == nil && n > 0 {
					_ = syscall.Kill(n, syscall.SIGKILL)
				}
				return os.Remove(filepath.Join(l.DataDir, "instances", "engine"))
			},
		},
	})
}

func stopContext() (context.Context, error) {
	ctx, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	return lifeline.Context(ctx)
}

// fakeServe answers /readyz when its database lets it in, and opens its keyring.
func fakeServe(args []string) error {
	if text := os.Getenv("SOUK_FAKE_SERVE_DIES"); text != "" {
		return errors.New(text)
	}
	ctx, err := stopContext()
	if err != nil {
		return err
	}
	text, err := os.ReadFile(args[1])
	if err != nil {
		return err
	}
	var c fakeConfig
	if err := json.Unmarshal(text, &c); err != nil {
		return err
	}
	if _, err := os.ReadFile(c.Keyring); err != nil {
		return err
	}
	server := http.Server{Addr: c.Listen, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := pgx.Connect(r.Context(), c.DSN)
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		conn.Close(r.Context())
	})}
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// fakeAgent enrols when it has to.
func fakeAgent(args []string) error {
	ctx, err := stopContext()
	if err != nil {
		return err
	}
	dir := filepath.Dir(args[1])
	if _, err := os.Stat(filepath.Join(dir, "identity")); err != nil {
		if _, err := os.ReadFile(filepath.Join(dir, "token")); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "identity"), nil, 0o600); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return nil
}

// fakeSupervisor keeps one engine, which outlives it.
func fakeSupervisor(args []string) error {
	ctx, err := stopContext()
	if err != nil {
		return err
	}
	note := filepath.Join(args[0], "engine")
	if _, err := os.Stat(note); err != nil {
		engine := exec.Command("sleep", "1000")
		engine.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := engine.Start(); err != nil {
			return err
		}
		if err := os.WriteFile(note, []byte(strconv.Itoa(engine.Process.Pid)), 0o600); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return nil
}

// alive reports whether the process runs (a zombie does not).
func alive(pid int) bool { return identity(pid) != "" }

// uidOf returns the account that a process runs as.
func uidOf(t *testing.T, pid int) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "\nUid:\t")
	return strings.Fields(after)[1]
}
