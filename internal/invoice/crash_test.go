//go:build crashtest

package invoice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"souk/api"
	"souk/internal/clock"
	"souk/internal/envelope"
	"souk/internal/mail"
	"souk/internal/step"
	"souk/internal/store"
)

// envCloser makes the test binary a process that closes what is due: it holds how to
// reach the record, the keys and the time.
const envCloser = "SOUK_TEST_CLOSER"

type closer struct {
	Record store.Config
	Now    time.Time
	Keys   string
}

func init() {
	text := os.Getenv(envCloser)
	if text == "" {
		return
	}
	var c closer
	err := json.Unmarshal([]byte(text), &c)
	if err == nil {
		err = c.close(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func (c closer) close(ctx context.Context) error {
	st, err := store.Open(ctx, c.Record)
	if err != nil {
		return err
	}
	defer st.Close()
	keyring, err := envelope.Load(c.Keys)
	if err != nil {
		return err
	}
	at := &clock.Manual{}
	at.Set(c.Now)
	months := &Service{Clock: at, Mail: &mail.Outbox{Secrets: envelope.New(keyring), PublicURL: "https://souk.example"}}
	for {
		if more, err := months.CloseDue(ctx, st); err != nil || !more {
			return err
		}
	}
}

// A process that is killed after any step leaves the rest to the next one, which neither
// loses nor doubles anything.
func TestKilledAfterEachStep(t *testing.T) {
	steps := slices.DeleteFunc(step.All(), func(name string) bool { return !strings.HasPrefix(name, "invoice/") })
	if len(steps) != 1+len(stages) {
		t.Fatalf("these steps are registered: %v", steps)
	}
	for _, name := range steps {
		t.Run(strings.ReplaceAll(name, "/", " "), func(t *testing.T) {
			w := newWorld(t)
			w.address(w.Acme.Organization, func(p *api.BillingProfile) {})
			w.Ready(t, "db1")
			w.until(w.nextMonth().Add(25 * time.Hour))
			keys := filepath.Join(t.TempDir(), "keys")
			if _, err := envelope.Create(keys); err != nil {
				t.Fatal(err)
			}
			config, err := json.Marshal(closer{w.Config, w.Clock.Now(), keys})
			if err != nil {
				t.Fatal(err)
			}
			pass := func() syscall.WaitStatus {
				cmd := exec.Command(os.Args[0])
				cmd.Env = append(os.Environ(), envCloser+"="+string(config), step.EnvCrashAfter+"="+name, step.EnvCrashMarker+"="+filepath.Join(filepath.Dir(keys), "killed"))
				out, err := cmd.CombinedOutput()
				var exit *exec.ExitError
				if err != nil && !errors.As(err, &exit) {
					t.Fatal(err)
				}
				if len(out) > 0 {
					t.Log(string(out))
				}
				return cmd.ProcessState.Sys().(syscall.WaitStatus)
			}
			if status := pass(); status.Signal() != syscall.SIGKILL {
				t.Fatalf("it ended with %v", status)
			}
			if status := pass(); status.ExitStatus() != 0 {
				t.Fatalf("the next one ended with %v", status)
			}
			d := w.documents(w.Acme.Organization)
			if len(d) != 1 || !strings.HasSuffix(d[0].Number, "-000001") {
				t.Fatalf("closed %v", w.closed(w.Acme.Organization))
			}
			w.filesOf(d[0].Number)
			if n := w.Count(t, "mails WHERE topic = $1", "invoice "+d[0].Number); n != 1 {
				t.Errorf("%d mails", n)
			}
			w.balanced()
		})
	}
}
