package instance_test

import (
	"context"
	"testing"
	"time"

	"souk/api"
	"souk/internal/driver"
	"souk/internal/instance"
	"souk/internal/instance/instancetest"
	"souk/internal/store"
)

// binding makes a command of an operation on a binding.
func binding(w *instancetest.World, op, name, b string) command {
	return func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error) {
		var err error
		switch op {
		case "create":
			_, err = w.CreateBinding(ctx, tx, p, name, b)
		case "rotate":
			_, err = w.RotateBinding(ctx, tx, p, name, b, nil)
		case "rotate at once":
			none := int64(0)
			_, err = w.RotateBinding(ctx, tx, p, name, b, &none)
		case "revoke":
			err = w.RevokeBinding(ctx, tx, p, name, b)
		case "reveal":
			_, err = w.Reveal(ctx, tx, p, name, b)
		}
		return instance.View{}, err
	}
}

func reveal(t *testing.T, w *instancetest.World, name, b string) (c api.Credentials) {
	t.Helper()
	err := w.As(t, w.Acme, func(tx store.Tx) (err error) {
		c, err = w.Reveal(t.Context(), tx, w.Acme, name, b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestBadBindingsAreRefusedAndChangeNothing(t *testing.T) {
	w := instancetest.New(t)
	w.Order(t, "new")
	w.Ready(t, "db1")
	w.Must(t, binding(w, "create", "db1", "app"))
	for _, c := range []struct{ what, op, instance, binding, code, field string }{
		{"no name", "create", "db1", "", "invalid", "body.name"},
		{"a name with spaces", "create", "db1", "my app", "invalid", "body.name"},
		{"SQL for a name", "create", "db1", "x'; DROP ROLE y; --", "invalid", "body.name"},
		{"a name that engines keep for themselves", "create", "db1", "pg-reader", "invalid", "body.name"},
		{"a name that Souk keeps for itself", "create", "db1", "souk-admin", "invalid", "body.name"},
		{"a name taken", "create", "db1", "app", "name-taken", ""},
		{"an instance that does not exist", "create", "db2", "x", "not-found", ""},
		{"rotate what does not exist", "rotate", "db1", "nope", "not-found", ""},
		{"rotate SQL", "rotate", "db1", "' OR ''='", "not-found", ""},
		{"revoke what does not exist", "revoke", "db1", "nope", "not-found", ""},
		{"revoke the default", "revoke", "db1", "default", "default-binding", ""},
		{"reveal what does not exist", "reveal", "db1", "nope", "not-found", ""},
		{"reveal before there is an address", "reveal", "new", "default", "not-ready", ""},
	} {
		t.Run(c.what, func(t *testing.T) { mustRefuse(t, w, c.code, c.field, binding(w, c.op, c.instance, c.binding)) })
	}
}

func TestFiftyBindingsAreTheMost(t *testing.T) {
	w := instancetest.New(t)
	w.Order(t, "db1")
	for i := range 49 {
		w.Must(t, binding(w, "create", "db1", "b"+string(rune('a'+i/26))+string(rune('a'+i%26))))
	}
	mustRefuse(t, w, "too-many-bindings", "", binding(w, "create", "db1", "x"))
	w.Must(t, binding(w, "revoke", "db1", "baa"))
	w.Must(t, binding(w, "create", "db1", "baa")) // a revoked name is free
}

// A rotation's old log-in goes on for the overlap and ends by the clock; no name
// of a log-in is ever used twice.
func TestRotationOverlapsAndEndsByTheClock(t *testing.T) {
	w := instancetest.New(t)
	w.Ready(t, "db1")
	before := reveal(t, w, "db1", "default")
	w.Must(t, binding(w, "rotate", "db1", "default"))
	after := reveal(t, w, "db1", "default")
	if before.Login == after.Login || before.Password == after.Password {
		t.Error("nothing was rotated")
	}
	if n := w.Count(t, "credentials WHERE revoked_at IS NULL"); n != 2 {
		t.Errorf("%d log-ins are good during the overlap", n)
	}
	w.Machine.Advance(time.Hour - time.Microsecond)
	end := func() bool {
		done, err := w.EndCredentialsDue(t.Context(), w.Store)
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	if end() {
		t.Error("the old log-in ended early")
	}
	w.Machine.Advance(time.Microsecond)
	if !end() || end() {
		t.Error("the old log-in has to end when its time has come, once")
	}
	if n := w.Count(t, "credentials WHERE revoked_at IS NULL AND login = $1", after.Login); n != 1 {
		t.Error("the new log-in is gone")
	}
	if n := w.Count(t, "commands"); n != 3 {
		t.Errorf("%d commands, want order, rotation and end", n)
	}
	w.Must(t, binding(w, "rotate at once", "db1", "default"))
	if n := w.Count(t, "credentials WHERE revoked_at IS NULL AND login = 'default_3'"); n != 1 {
		t.Error("rotating without overlap did not leave the newest log-in alone")
	}
	if n := w.Count(t, "audit_events WHERE action = 'credential.reveal' AND details->>'login' IN ('default_1', 'default_2')"); n != 2 {
		t.Errorf("%d reveals are on record", n)
	}
	if n := w.Count(t, "audit_events a WHERE a::text LIKE '%' || $1 || '%'", after.Password); n != 0 {
		t.Error("a password is in the audit log")
	}
}

// The end of an old log-in does not disturb a deleted instance: it stays
// Deleted, and the log-in is gone when it is brought back.
func TestOldLoginEndsWhileDeleted(t *testing.T) {
	w := instancetest.New(t)
	v := w.Ready(t, "db1")
	w.Must(t, binding(w, "rotate", "db1", "default"))
	w.Act(t, "db1", w.Delete)
	w.Report(t, v.ID, driver.StateStopped)
	w.Machine.Advance(2 * time.Hour)
	if done, err := w.EndCredentialsDue(t.Context(), w.Store); !done || err != nil {
		t.Fatal(done, err)
	}
	if d := w.View(t, v.ID); d.Phase != "Deleted" {
		t.Errorf("it became %s", d.Phase)
	}
	if n := w.Count(t, "credentials WHERE revoked_at IS NULL"); n != 1 {
		t.Errorf("%d log-ins are good", n)
	}
}
