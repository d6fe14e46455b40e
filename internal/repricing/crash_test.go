//go:build crashtest

package repricing

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
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

// envTeller makes the test binary a control plane that tells of what is due: it holds where
// the record is, and when it is.
const envTeller = "SOUK_TEST_TELLER"

func init() { child = teller }

type tellerConfig struct {
	Record  store.Config
	Now     time.Time
	Keyring string
}

func teller() (asked bool, err error) {
	text := os.Getenv(envTeller)
	if text == "" {
		return false, nil
	}
	var c tellerConfig
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return true, err
	}
	ctx := context.Background()
	st, err := store.Open(ctx, c.Record)
	if err != nil {
		return true, err
	}
	keyring, err := envelope.Load(c.Keyring)
	if err != nil {
		return true, err
	}
	s := &Service{Clock: &clock.Offset{Real: func() time.Time { return c.Now }}, Mail: &mail.Outbox{Secrets: envelope.New(keyring), PublicURL: souk}}
	for more := true; more; {
		if more, err = s.TellDue(ctx, st); err != nil {
			return true, err
		}
	}
	return true, nil
}

// A control plane is killed after it has told one organization, and the next one goes on
// with the other: each mail is written once.
func TestKilledAfterEachStep(t *testing.T) {
	w := newWorld(t)
	w.publish("now", func(p []api.ListPrice) []api.ListPrice { p[3].Amount = "0.25"; return p })
	keyring, marker := filepath.Join(t.TempDir(), "keyring"), filepath.Join(t.TempDir(), "marker")
	if _, err := envelope.Create(keyring); err != nil {
		t.Fatal(err)
	}
	run := func() error {
		config, _ := json.Marshal(tellerConfig{w.Config, w.Clock.Now(), keyring})
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), envTeller+"="+string(config), step.EnvCrashAfter+"="+stepTold.String(), step.EnvCrashMarker+"="+marker)
		out, err := cmd.CombinedOutput()
		t.Logf("%s", out)
		return err
	}
	exit, killed := run().(*exec.ExitError)
	if !killed || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("it was not killed: %v", exit)
	}
	if n := w.Count(t, "price_notices WHERE told_at IS NOT NULL"); n != 1 {
		t.Errorf("%d organizations were told before", n)
	}
	if err := run(); err != nil {
		t.Fatal(err)
	}
	if n, people := w.Count(t, "mails"), w.Count(t, "(SELECT DISTINCT recipient FROM mails) r"); n != 3 || people != 3 {
		t.Errorf("%d mails to %d people", n, people)
	}
}
