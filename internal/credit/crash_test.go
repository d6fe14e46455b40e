//go:build crashtest

package credit_test

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

	"souk/internal/agentapi"
	"souk/internal/catalog"
	"souk/internal/clock"
	"souk/internal/credit"
	"souk/internal/envelope"
	"souk/internal/invoice"
	"souk/internal/mail"
	"souk/internal/sla"
	"souk/internal/step"
	"souk/internal/store"
)

// envCloser makes the test binary a process that closes what is due: it holds how to
// reach the record, the keys and the time.
const envCloser = "SOUK_TEST_CREDIT_CLOSER"

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
	reports := &sla.Service{Clock: at, Catalog: catalog.New()}
	months := &invoice.Service{Clock: at, Mail: &mail.Outbox{Secrets: envelope.New(keyring), PublicURL: "https://souk.example"}, Extras: []invoice.Extra{(&credit.Service{SLA: reports}).Lines}}
	for {
		if more, err := months.CloseDue(ctx, st); err != nil || !more {
			return err
		}
	}
}

// A process that is killed after any step of a close with a service credit leaves the
// rest to the next one: the credit is on one invoice, once, as it was worked out first.
func TestCreditKilledAfterEachStep(t *testing.T) {
	steps := slices.DeleteFunc(step.All(), func(name string) bool { return !strings.HasPrefix(name, "invoice/") })
	if len(steps) < 5 {
		t.Fatalf("these steps are registered: %v", steps)
	}
	for _, name := range steps {
		t.Run(strings.ReplaceAll(name, "/", " "), func(t *testing.T) {
			w := newWorld(t)
			w.usual()
			w.measured(agentapi.SLIUp, 9*time.Hour)
			w.measured(agentapi.SLIDown, time.Hour)
			end := w.over()
			w.until(end.Add(25 * time.Hour))
			w.report()
			w.until(end.Add(73 * time.Hour))
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
			d := w.invoices()
			if len(d) != 1 || len(credits(d[0])) != 1 || w.Count(t, "service_credits") != 1 {
				t.Fatalf("%+v", d)
			}
			w.books("2026-03", 1)
			if n := w.Count(t, "mails WHERE topic = $1", "invoice "+d[0].Number); n != 1 {
				t.Errorf("%d mails", n)
			}
		})
	}
}
