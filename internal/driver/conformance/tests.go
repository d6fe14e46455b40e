package conformance

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"souk/internal/driver"
)

func (s *suite) ensureTwice(t *testing.T) {
	want, first := s.order(t)
	second := s.ensure(t, &want)
	if first.Endpoint == nil || second.Endpoint == nil || *first.Endpoint != *second.Endpoint {
		t.Errorf("the endpoint changed from %+v to %+v", first.Endpoint, second.Endpoint)
	}
	if second.Plan != want.Plan || second.StorageGiB != want.StorageGiB {
		t.Errorf("in force are plan %+v and %d GiB", second.Plan, second.StorageGiB)
	}
	observed, err := s.Driver.Observe(t.Context(), want.ID)
	if err != nil || observed.State != driver.StateRunning || observed.Generation != want.Generation {
		t.Errorf("observed %+v, %v", observed, err)
	}
	ids, err := s.Driver.List(t.Context())
	if err != nil || !slices.Contains(ids, want.ID) {
		t.Errorf("listed %v, %v", ids, err)
	}
	want.Generation = 2 // nothing else changes
	if seen := s.ensure(t, &want); seen.Generation != 2 {
		t.Errorf("generation %d, want 2", seen.Generation)
	}
}

func (s *suite) stopAndStart(t *testing.T) {
	want, first := s.order(t)
	s.put(t, want, first, "before")
	want.Generation++
	s.stop(t, want)
	s.stop(t, want)
	s.mustNotConnect(t, want, first, want.Credentials[0])
	observed, err := s.Driver.Observe(t.Context(), want.ID)
	if err != nil || observed.State != driver.StateStopped {
		t.Fatalf("observed %+v, %v", observed, err)
	}
	want.Generation++
	again := s.ensure(t, &want)
	if again.Endpoint == nil || *again.Endpoint != *first.Endpoint {
		t.Errorf("the endpoint changed from %+v to %+v", first.Endpoint, again.Endpoint)
	}
	s.mustHave(t, want, again, want.Credentials[0], "before")

	never := s.Order()
	s.stop(t, never)
	if err := s.Driver.Remove(t.Context(), never.ID); err != nil {
		t.Error(err)
	}
}

func (s *suite) resize(t *testing.T) {
	want, first := s.order(t)
	s.put(t, want, first, "before")
	small := want.Plan
	for _, plan := range []driver.Plan{s.Larger, small} {
		want.Generation++
		want.Plan = plan
		if s.StorageStays == "" {
			want.StorageGiB += 5
		}
		seen := s.ensure(t, &want)
		if seen.Plan != plan || seen.StorageGiB != want.StorageGiB {
			t.Errorf("in force are plan %+v and %d GiB", seen.Plan, seen.StorageGiB)
		}
		if *seen.Endpoint != *first.Endpoint {
			t.Errorf("the endpoint changed to %+v", seen.Endpoint)
		}
		s.mustHave(t, want, seen, want.Credentials[0], "before")
	}
	if s.StorageStays != "" {
		s.storageStays(t, want, first)
	}
}

// storageStays asks for more storage where it cannot grow.
func (s *suite) storageStays(t *testing.T, want driver.Instance, first driver.Observation) {
	t.Helper()
	larger := want
	larger.Generation++
	larger.StorageGiB += 5
	var blocked *driver.BlockedError
	if seen, err := s.Driver.Ensure(t.Context(), larger); !errors.As(err, &blocked) || blocked.Message == "" || blocked.BlockedBy == "" {
		t.Errorf("storage that cannot grow (%s): %+v, %v", s.StorageStays, seen, err)
	}
	s.mustHave(t, want, first, want.Credentials[0], "before")
	want.Generation += 2
	s.ensure(t, &want)
}

func (s *suite) credentials(t *testing.T) {
	want, seen := s.order(t)
	s.put(t, want, seen, "before")
	old := want.Credentials[0]
	young := driver.Credential{ID: "second", Login: old.Login + "_2", Password: "another-good-password"}

	want.Generation++
	want.Credentials = []driver.Credential{old, young}
	seen = s.ensure(t, &want)
	s.mustHave(t, want, seen, old, "before")
	s.mustHave(t, want, seen, young, "before")

	want.Generation++
	want.Credentials = []driver.Credential{young}
	seen = s.ensure(t, &want)
	s.mustNotConnect(t, want, seen, old)
	s.mustHave(t, want, seen, young, "before")

	want.Generation++
	changed := driver.Credential{ID: young.ID, Login: young.Login, Password: "yet-another-password"}
	want.Credentials = []driver.Credential{changed}
	seen = s.ensure(t, &want)
	s.mustNotConnect(t, want, seen, young)
	s.mustHave(t, want, seen, changed, "before")
}

func (s *suite) networks(t *testing.T) {
	want, seen := s.order(t)
	s.put(t, want, seen, "before")
	here, shut := want.AllowedNetworks, [][]string{{s.Elsewhere}, {}}
	if s.AllOrNone != "" {
		s.someRefused(t, want, seen)
		want.Generation, shut = want.Generation+1, shut[1:]
	}
	for _, nobody := range shut {
		want.Generation++
		want.AllowedNetworks = nobody
		seen = s.ensure(t, &want)
		s.mustNotConnect(t, want, seen, want.Credentials[0])
	}
	want.Generation++
	want.AllowedNetworks = append([]string{s.Elsewhere}, here...)
	seen = s.ensure(t, &want)
	s.mustHave(t, want, seen, want.Credentials[0], "before")
}

// someRefused asks for some networks where all or none can be let in.
func (s *suite) someRefused(t *testing.T, want driver.Instance, first driver.Observation) {
	t.Helper()
	some := want
	some.Generation++
	some.AllowedNetworks = []string{s.Elsewhere}
	var blocked *driver.BlockedError
	if seen, err := s.Driver.Ensure(t.Context(), some); !errors.As(err, &blocked) || blocked.Message == "" || blocked.BlockedBy == "" {
		t.Errorf("networks that cannot be told apart (%s): %+v, %v", s.AllOrNone, seen, err)
	}
	s.mustHave(t, want, first, want.Credentials[0], "before")
}

func (s *suite) remove(t *testing.T) {
	want, seen := s.order(t)
	for range 2 {
		if err := s.Driver.Remove(t.Context(), want.ID); err != nil {
			t.Fatal(err)
		}
		s.mustBeGone(t, want.ID)
	}
	s.mustNotConnect(t, want, seen, want.Credentials[0])
	ids, err := s.Driver.List(t.Context())
	if err != nil || slices.Contains(ids, want.ID) {
		t.Errorf("listed %v, %v", ids, err)
	}
}

func (s *suite) notFound(t *testing.T) {
	id := s.Order().ID
	s.mustBeGone(t, id)
	if _, err := s.Driver.Logs(t.Context(), id, driver.LogOptions{}); !errors.Is(err, driver.ErrNotFound) {
		t.Errorf("logs: %v", err)
	}
	if err := s.Driver.Remove(t.Context(), id); err != nil {
		t.Errorf("remove: %v", err)
	}
}

func (s *suite) logs(t *testing.T) {
	want, _ := s.order(t)
	reader, err := s.Driver.Logs(t.Context(), want.ID, driver.LogOptions{Tail: 1})
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(reader)
	reader.Close()
	if err != nil || len(text) == 0 || slices.Index(text, '\n') != len(text)-1 {
		t.Errorf("one line of log: %q, %v", text, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	following, err := s.Driver.Logs(ctx, want.ID, driver.LogOptions{Tail: 5, Follow: true})
	if err != nil {
		t.Fatal(err)
	}
	defer following.Close()
	lines := bufio.NewReader(following)
	if _, err := lines.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.Copy(io.Discard, lines); err != nil {
		t.Errorf("the end of following: %v", err)
	}
}

func (s *suite) dataLost(t *testing.T) {
	want, _ := s.order(t)
	s.stop(t, want)
	s.LoseData(t, want.ID)
	for range 2 {
		if seen, err := s.Driver.Ensure(t.Context(), want); !errors.Is(err, driver.ErrDataLost) {
			t.Fatalf("ensured %+v, %v; want ErrDataLost", seen, err)
		}
	}
	never := s.Order()
	never.HeldData = true
	if _, err := s.Driver.Ensure(t.Context(), never); !errors.Is(err, driver.ErrDataLost) {
		t.Fatalf("an instance that vanished: %v; want ErrDataLost", err)
	}
	if err := s.Driver.Remove(t.Context(), never.ID); err != nil {
		t.Error(err)
	}
}

func (s *suite) concurrent(t *testing.T) {
	var wait sync.WaitGroup
	for range 3 {
		want := s.Order()
		wait.Go(func() {
			ctx := t.Context()
			seen, err := s.run(ctx, &want)
			if err != nil || seen.Endpoint == nil {
				t.Errorf("ensure: %+v, %v", seen, err)
			} else if client, err := s.Connect(ctx, want.ID, seen.Endpoint, want.Credentials[0]); err != nil {
				t.Errorf("connect: %v", err)
			} else {
				client.Close()
			}
			if err := s.Driver.Remove(ctx, want.ID); err != nil {
				t.Errorf("remove: %v", err)
			}
		})
	}
	wait.Wait()
}

// interrupted cuts calls short at random points: again and again while the
// instance is made, and while it is stopped.
func (s *suite) interrupted(t *testing.T) {
	want := s.Order()
	t.Cleanup(func() { _ = s.Driver.Remove(context.WithoutCancel(t.Context()), want.ID) })
	for limit := 2 * time.Millisecond; limit < 400*time.Millisecond; limit = limit * 2 {
		ctx, cancel := context.WithTimeout(t.Context(), limit/2+rand.N(limit))
		_, _ = s.Driver.Ensure(ctx, want)
		cancel()
	}
	seen := s.ensureAfterCut(t, &want)
	s.put(t, want, seen, "before")
	for range 4 {
		ctx, cancel := context.WithTimeout(t.Context(), rand.N(40*time.Millisecond))
		_, _ = s.Driver.Stop(ctx, want)
		cancel()
		ctx, cancel = context.WithTimeout(t.Context(), rand.N(80*time.Millisecond))
		_, _ = s.Driver.Ensure(ctx, want)
		cancel()
	}
	seen = s.ensureAfterCut(t, &want)
	s.mustHave(t, want, seen, want.Credentials[0], "before")
}

// ensureAfterCut is ensure by a caller that calls again after a temporary error, as the
// agent does: what was cut short may still be ending.
func (s *suite) ensureAfterCut(t *testing.T, want *driver.Instance) driver.Observation {
	t.Helper()
	seen, err := s.run(t.Context(), want)
	for range temporaryErrors {
		if err == nil || errors.Is(err, driver.ErrDataLost) {
			break
		}
		t.Logf("ensure: %v; again", err)
		seen, err = s.run(t.Context(), want)
	}
	if err != nil {
		t.Fatalf("ensure: %v", err)
	}
	return seen
}

// temporaryErrors is how many a call that was cut short may leave to the next ones.
const temporaryErrors = 3

func (s *suite) reopen(t *testing.T) {
	if s.Reopen == nil {
		return // the zone lives in its driver and ends with it
	}
	want, first := s.order(t)
	stopped, _ := s.order(t)
	s.stop(t, stopped)
	s.put(t, want, first, "before")
	s.Driver = s.Reopen(t)
	for id, state := range map[string]driver.State{want.ID: driver.StateRunning, stopped.ID: driver.StateStopped} {
		observed, err := s.Driver.Observe(t.Context(), id)
		if err != nil || observed.State != state || observed.Generation != want.Generation {
			t.Errorf("observed %+v, %v; want %s", observed, err, state)
		}
	}
	again := s.ensure(t, &want)
	if *again.Endpoint != *first.Endpoint {
		t.Errorf("the endpoint changed to %+v", again.Endpoint)
	}
	s.mustHave(t, want, again, want.Credentials[0], "before")
}
