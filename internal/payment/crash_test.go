//go:build crashtest

package payment_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"souk/internal/catalog"
	"souk/internal/clock"
	"souk/internal/envelope"
	"souk/internal/instance"
	"souk/internal/mail"
	"souk/internal/payment"
	"souk/internal/servicepkg"
	"souk/internal/step"
	"souk/internal/store"
	"souk/services/postgresql"
)

// envDunner makes the test binary a control plane that does what is due: it holds where
// the record is, and when it is.
const envDunner = "SOUK_TEST_DUNNER"

func init() { child = dunner }

type dunnerConfig struct {
	Record  store.Config
	Now     time.Time
	Keyring string
}

func dunner() (asked bool, err error) {
	text := os.Getenv(envDunner)
	if text == "" {
		return false, nil
	}
	var c dunnerConfig
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
	now, secrets := &clock.Offset{Real: func() time.Time { return c.Now }}, envelope.New(keyring)
	s := &payment.Service{Clock: now, Mail: &mail.Outbox{Secrets: secrets, PublicURL: "https://souk.example"},
		Instances: &instance.Service{Clock: now, Catalog: catalog.New(), Secrets: secrets, Packages: map[string]servicepkg.Package{"postgresql": postgresql.Package()}}}
	if err := s.Dun(ctx, st); err != nil {
		return true, err
	}
	for _, due := range []func(context.Context, *store.Store) (bool, error){s.SuspendDue, s.ResumeDue} {
		for more := true; more; {
			if more, err = due(ctx, st); err != nil {
				return true, err
			}
		}
	}
	return true, nil
}

// A control plane is killed after each step of dunning, and the next one goes on: each
// mail is sent once, and each instance suspended and resumed.
func TestKilledAfterEachStep(t *testing.T) {
	for _, name := range step.All() {
		if !strings.HasPrefix(name, "payment/") {
			continue
		}
		t.Run(strings.ReplaceAll(name, "/", " "), func(t *testing.T) {
			d := newDebtor(t)
			keyring := filepath.Join(t.TempDir(), "keyring")
			if _, err := envelope.Create(keyring); err != nil {
				t.Fatal(err)
			}
			killed := 0
			day := func() {
				marker := filepath.Join(t.TempDir(), "marker")
				for tries := 0; ; tries++ {
					config, _ := json.Marshal(dunnerConfig{d.Config, d.Clock.Now(), keyring})
					cmd := exec.Command(os.Args[0])
					cmd.Env = append(os.Environ(), envDunner+"="+string(config), step.EnvCrashAfter+"="+name, step.EnvCrashMarker+"="+marker)
					out, err := cmd.CombinedOutput()
					if err == nil {
						return
					}
					exit, ok := err.(*exec.ExitError)
					if !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL || tries > 0 {
						t.Fatalf("%v: %s", err, out)
					}
					killed++
				}
			}
			for _, days := range []int{10, 10, 3, 7} {
				d.Clock.Advance(time.Duration(days) * 24 * time.Hour)
				day()
			}
			d.expectMails(4)
			if got := d.suspended(); got != "dunning, dunning" {
				t.Errorf("suspended for %q", got)
			}
			d.pays("all", "100.00")
			day()
			d.expectMails(4)
			if got := d.suspended(); got != ", " {
				t.Errorf("suspended for %q", got)
			}
			if killed == 0 {
				t.Error("nothing was killed")
			}
		})
	}
}

// expectMails counts what is to be sent: each of a topic of its own.
func (d *debtor) expectMails(want int) {
	d.Helper()
	d.System(d.T, func(ctx context.Context, tx store.Tx) error {
		var n, topics int
		err := tx.QueryRow(ctx, `SELECT count(*), count(DISTINCT topic) FROM mails`).Scan(&n, &topics)
		if err == nil && (n != want || topics != want) {
			err = fmt.Errorf("%d mails of %d topics, want %d", n, topics, want)
		}
		return err
	})
}
