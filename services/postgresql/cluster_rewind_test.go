//go:build e2e

package postgresql

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes/clustertest"
)

func (p *place) rewind(want *driver.Instance, number int64, backup string, at time.Time) driver.Observation {
	p.t.Helper()
	return clustertest.Rewound(p.t, p, &clusterEngine{}, want, number, backup, at)
}

// holds says whether an instance has so many Clusters, and the volumes of them.
func (p *place) holds(want *driver.Instance, n int) bool {
	p.t.Helper()
	return clustertest.NewPerson(p.t).Holds(&clusterEngine{}, want, n)
}

// moment is a time between what was changed before and what is changed after.
func (p *place) moment(conn *pgx.Conn) (at time.Time) {
	p.t.Helper()
	if err := conn.QueryRow(p.t.Context(), "SELECT clock_timestamp() FROM pg_sleep(0.01)").Scan(&at); err != nil {
		p.t.Fatal(err)
	}
	p.exec(conn, "SELECT pg_sleep(0.01)")
	return at
}

// TestClusterRestoredInPlace restores an instance in place to a point in time and back,
// and along what came after; clients find it where it was, and nothing else is left.
func TestClusterRestoredInPlace(t *testing.T) {
	t.Parallel()
	p, _ := newBackupPlace(t, "in-place")
	want := keeping(p.order())
	at := p.running(want).Endpoint
	users := p.user(want, at)
	p.exec(users, "CREATE TABLE numbers (n int); INSERT INTO numbers SELECT generate_series(1, 100)")
	first := p.backup(want)
	p.exec(users, "INSERT INTO numbers SELECT generate_series(101, 200)")
	good := p.moment(users)
	p.exec(users, "DELETE FROM numbers WHERE n > 50")
	safety := p.backup(want)
	p.exec(users, "INSERT INTO numbers VALUES (51)") // put away when what there was is stopped
	last := p.moment(users)

	check := func(seen driver.Observation, rows int) {
		t.Helper()
		if *seen.Endpoint != *at || seen.Rewound.Problem != "" {
			t.Errorf("%+v, %+v", seen.Rewound, seen.Endpoint)
		}
		if seen.Interruption == nil || seen.Interruption.Generation != want.Generation {
			t.Errorf("the interruption is told as %+v", seen.Interruption)
		}
		if got := p.rows(want, at); got != rows {
			t.Errorf("%d rows, want %d", got, rows)
		}
	}
	check(p.rewind(want, 1, first.ID, good), 200)
	if got := len(p.report(want).Backups); got != 2 {
		t.Errorf("%d backups are listed", got)
	}
	p.exec(p.user(want, at), "INSERT INTO numbers VALUES (1000)")
	after := p.backup(want)
	conn := p.user(want, at)
	p.exec(conn, "INSERT INTO numbers VALUES (1001)")
	later := p.moment(conn)
	p.exec(conn, "DELETE FROM numbers")
	check(p.rewind(want, 2, safety.ID, time.Time{}), 50) // as it was before the first
	check(p.rewind(want, 3, after.ID, later), 202)       // and along what came after it
	check(p.rewind(want, 4, safety.ID, last), 51)        // the last change before the first

	if _, err := p.Stop(t.Context(), *want); err != nil {
		t.Fatal(err)
	}
	want.Generation++
	if again := p.running(want); *again.Endpoint != *at || p.rows(want, at) != 51 {
		t.Errorf("after a stop it is at %+v", again.Endpoint)
	}
	p.backup(want)
	for _, test := range []struct {
		backup driver.BackupOrder
		at     time.Time
		rows   int
	}{{after, later, 202}, {first, time.Time{}, 100}} {
		copied := p.restoredFrom(want, test.backup.ID, test.at)
		if got := p.rows(copied, p.running(copied).Endpoint); got != test.rows {
			t.Errorf("a copy has %d rows, want %d", got, test.rows)
		}
	}
	backups := p.report(want).Backups
	if len(backups) != 4 {
		t.Errorf("%d backups are listed", len(backups))
	}
	if err := p.Remove(t.Context(), want.ID); err != nil {
		t.Fatal(err)
	}
	if left := clustertest.NewPerson(t).VolumesOf(want.ID); left != 0 {
		t.Errorf("%d volumes are left", left)
	}
	for i, b := range backups {
		if err := p.ExpireBackup(t.Context(), want.BackupSource(), b.ID, i == len(backups)-1); err != nil {
			t.Fatal(err)
		}
	}
	if left := p.report(want).Backups; len(left) != 0 {
		t.Errorf("there are %+v", left)
	}
}

// TestClusterRestoredInPlaceToNoAvail has the data from before serve on, or come back,
// where what was backed up cannot be restored, and says why.
func TestClusterRestoredInPlaceToNoAvail(t *testing.T) {
	t.Parallel()
	p, store := newBackupPlace(t, "in-place-bad")
	want := keeping(p.order())
	at := p.running(want).Endpoint
	users := p.user(want, at)
	p.exec(users, "CREATE TABLE numbers (n int); INSERT INTO numbers SELECT generate_series(1, 100)")
	taken := p.backup(want)
	p.exec(users, "INSERT INTO numbers SELECT generate_series(101, 200)")
	serves := func(seen driver.Observation) {
		t.Helper()
		if got := p.rows(want, at); got != 200 || seen.Rewound.Problem == "" || *seen.Endpoint != *at {
			t.Errorf("%d rows after %+v", got, seen.Rewound)
		}
		p.exec(p.user(want, at), "INSERT INTO numbers VALUES (0); DELETE FROM numbers WHERE n = 0")
	}
	serves(p.rewind(want, 1, uuid.NewString(), time.Time{})) // there is no such backup
	if seen := p.rewind(want, 2, taken.ID, time.Now().Add(time.Hour)); seen.Rewound.Problem != "" || p.rows(want, at) != 200 {
		t.Errorf("after the last change: %+v", seen.Rewound) // all changes belong to it
	}

	store.Stop()
	want.Rewind = &driver.Rewind{Number: 3, Restore: driver.Restore{From: want.BackupSource(), BackupID: taken.ID}}
	if blocked := p.blocked(want); blocked.Permanent {
		t.Errorf("with the place for backups away: %v", blocked)
	}
	if n := p.rows(want, at); n != 200 {
		t.Errorf("%d rows while the place is away", n)
	}
	store.Start()

	store.Spoil(want.ID, "data.tar")
	serves(p.rewind(want, 3, taken.ID, time.Time{}))
	if left := p.report(want).Backups; len(left) != 1 {
		t.Errorf("there are %+v", left)
	}
	want.Rewind = &driver.Rewind{Number: 4, Restore: driver.Restore{From: want.BackupSource(), BackupID: taken.ID}}
	want.Generation++
	p.until(want, func(driver.Observation, error) bool { return p.holds(want, 2) })
	stopped, err := p.Stop(t.Context(), *want) // while it is restored
	if err != nil || stopped.Rewound == nil || !strings.Contains(stopped.Rewound.Problem, "stopped") || !p.holds(want, 1) {
		t.Errorf("stopped: %+v, %v", stopped.Rewound, err)
	}
	if p.running(want); p.rows(want, at) != 200 {
		t.Error("rows are gone")
	}
}

// TestClusterRestoredInPlaceAndLost: what a restore in place has made, here with
// guaranteed availability, is data like any other: where it is gone nothing else takes its
// place.
func TestClusterRestoredInPlaceAndLost(t *testing.T) {
	t.Parallel()
	p, _ := newBackupPlace(t, "in-place-lost")
	want := keeping(p.order())
	want.ServiceLevel = guaranteed
	p.running(want)
	taken := p.backup(want)
	if seen := p.rewind(want, 1, taken.ID, time.Time{}); seen.Rewound.Problem != "" || len(seen.Members) != 3 {
		t.Errorf("%+v, %+v", seen.Rewound, seen.Members)
	}
	p.damage(clusters, want, "db-r1", "")
	ctx, cancel := context.WithTimeout(t.Context(), long)
	defer cancel()
	for lost := 0; lost < 3; {
		_, err := p.Ensure(ctx, *want)
		if errors.Is(err, driver.ErrDataLost) {
			lost++
		} else if lost > 0 || ctx.Err() != nil {
			t.Fatalf("it was lost, and then %v", err)
		}
		time.Sleep(200 * time.Millisecond)
	}
}
