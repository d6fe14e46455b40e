//go:build crashtest

// Package steptest kills processes that do what is due in a control plane's record after
// each of their steps, and has the next one go on.
package steptest

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

	"souk/internal/clock"
	"souk/internal/envelope"
	"souk/internal/mail"
	"souk/internal/step"
	"souk/internal/store"
)

// envProcess makes the test binary such a process: it holds an order.
const envProcess = "SOUK_TEST_STEPS"

// order is what a process is told: how to reach the record, when it is, and the file of
// the keys.
type order struct {
	Record store.Config
	Now    time.Time
	Keys   string
}

// World is what a process has around it.
type World struct {
	Store   *store.Store
	Clock   clock.Clock // stands still
	Secrets *envelope.Envelope
	Mail    *mail.Outbox
}

// UntilNone does one after the other what is due, until none is left.
func (w World) UntilNone(ctx context.Context, due ...func(context.Context, *store.Store) (bool, error)) error {
	for _, one := range due {
		for {
			if more, err := one(ctx, w.Store); err != nil {
				return err
			} else if !more {
				break
			}
		}
	}
	return nil
}

// Process says what the processes that EachStep starts of this test binary do. Call it
// from an init function: in such a process it does that, and ends.
func Process(do func(context.Context, World) error) {
	text := os.Getenv(envProcess)
	if text == "" {
		return
	}
	if err := carryOut(context.Background(), text, do); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func carryOut(ctx context.Context, text string, do func(context.Context, World) error) error {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	st, err := store.Open(ctx, o.Record)
	if err != nil {
		return err
	}
	defer st.Close()
	keys, err := envelope.Load(o.Keys)
	if err != nil {
		return err
	}
	now, secrets := &clock.Manual{}, envelope.New(keys)
	now.Set(o.Now)
	return do(ctx, World{Store: st, Clock: now, Secrets: secrets, Mail: &mail.Outbox{Secrets: secrets, PublicURL: "https://souk.example"}})
}

// Pass has done what is due at a time: by a process that is killed if it comes to the step,
// and after it, once the checks have looked at what it left, by one that has to end by
// itself.
type Pass func(record store.Config, now time.Time, checks ...func())

// EachStep runs a test for each step whose name begins with the prefix, and returns how
// many there are. At least one process of each test has to be killed.
func EachStep(t *testing.T, prefix string, test func(t *testing.T, pass Pass)) (n int) {
	for _, name := range step.All() {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		n++
		t.Run(strings.ReplaceAll(name, "/", " "), func(t *testing.T) {
			keys, killed := filepath.Join(t.TempDir(), "keys"), false
			if _, err := envelope.Create(keys); err != nil {
				t.Fatal(err)
			}
			test(t, func(record store.Config, now time.Time, checks ...func()) {
				t.Helper()
				o, marker := order{record, now, keys}, filepath.Join(t.TempDir(), "marker")
				if !run(t, o, name, marker) {
					return
				}
				killed = true
				for _, check := range checks {
					check()
				}
				if run(t, o, name, marker) {
					t.Fatal("the next process was killed too")
				}
			})
			if !killed {
				t.Error("no process came to the step")
			}
		})
	}
	if n == 0 {
		t.Errorf("no step begins with %s", prefix)
	}
	return n
}

// run starts a process that is killed after a step unless the marker is there, and says
// whether it was; otherwise it has to succeed.
func run(t *testing.T, o order, after, marker string) (killed bool) {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envProcess+"="+string(text), step.EnvCrashAfter+"="+after, step.EnvCrashMarker+"="+marker)
	out, err := cmd.CombinedOutput()
	if err == nil {
		return false
	}
	exit, ok := err.(*exec.ExitError)
	if !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("%v: %s", err, out)
	}
	return true
}
