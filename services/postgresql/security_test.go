package postgresql

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"souk/internal/driver"
)

func TestOnlyVerifiedTLSGetsIn(t *testing.T) {
	z := newZone(t)
	want := order()
	seen := z.Bring(&want)
	plain := fmt.Sprintf("host=127.0.0.1 port=%d dbname=app user=alice password=%s sslmode=disable", seen.Endpoint.Port, want.Credentials[0].Password)
	if _, err := pgx.Connect(t.Context(), plain); err == nil || !strings.Contains(err.Error(), "no encryption") {
		t.Errorf("without TLS: %v", err)
	}
	for _, name := range []string{"127.0.0.1", "localhost"} {
		at := *seen.Endpoint
		at.Host = name
		conn, err := dial(t.Context(), &at, "alice", want.Credentials[0].Password)
		if err != nil {
			t.Errorf("as %s: %v", name, err)
			continue
		}
		conn.Close(t.Context())
	}
	if conn, err := dial(t.Context(), seen.Endpoint, superuser, ""); err == nil {
		conn.Close(t.Context())
		t.Error("the superuser came in over the network")
	}
	other := *seen.Endpoint
	other.Database = "postgres"
	if conn, err := dial(t.Context(), &other, "alice", want.Credentials[0].Password); err == nil {
		conn.Close(t.Context())
		t.Error("a user came into the server's own database")
	}
}

func TestUsersStayWithinTheirDatabase(t *testing.T) {
	z := newZone(t)
	want := order()
	conn := z.user(want, z.Bring(&want).Endpoint)
	for _, sql := range []string{
		"COPY (SELECT 1) TO PROGRAM 'cat'",
		"CREATE TABLE x (t text); COPY x FROM PROGRAM 'id'",
		"CREATE TABLE y (t text); COPY y FROM '/etc/passwd'",
		"SELECT pg_read_file('/etc/passwd')",
		"SELECT pg_ls_dir('.')",
		"SELECT lo_import('/etc/passwd')",
		"SELECT rolpassword FROM pg_authid",
		"ALTER SYSTEM SET ssl = off",
		"SET log_statement = 'all'",
		"CREATE ROLE eve LOGIN",
		"ALTER ROLE souk_admin PASSWORD 'x'",
		"SET ROLE souk_admin",
		"CREATE DATABASE other",
		"CREATE EXTENSION file_fdw",
		"CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'libc', 'getpid'",
		"GRANT app_owner TO PUBLIC",
		"SHOW data_directory",
		"SET ROLE NONE; COPY (SELECT 1) TO PROGRAM 'cat'",
	} {
		if _, err := conn.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s: allowed", sql)
		}
		z.exec(conn, "RESET ROLE")
	}
	for _, sql := range []string{
		"CREATE SCHEMA s", "CREATE TABLE s.t (i int)", "CREATE EXTENSION pg_trgm", "CREATE TABLE public.t (i int)",
		"CREATE TEMPORARY TABLE tt (i int)", "CREATE FUNCTION g() RETURNS int LANGUAGE sql AS 'SELECT 1'",
	} {
		z.exec(conn, sql)
	}
}

func TestRevokedLoginLeavesItsObjects(t *testing.T) {
	z := newZone(t)
	want := order()
	seen := z.Bring(&want)
	alice := z.user(want, seen.Endpoint)
	z.exec(alice, "CREATE TABLE usual AS SELECT 1 AS i")
	z.exec(alice, "SET ROLE NONE")
	z.exec(alice, "CREATE TEMPORARY TABLE mine (i int)")
	z.exec(alice, "RESET ROLE; GRANT CREATE ON SCHEMA public TO alice; SET ROLE NONE; CREATE TABLE own AS SELECT 2 AS i")

	want.Generation++
	want.Credentials = []driver.Credential{{ID: "b", Login: "bob", Password: "another-password"}}
	seen = z.Bring(&want)
	if err := alice.Ping(t.Context()); err == nil {
		t.Error("the session of a revoked log-in goes on")
	}
	bob := z.user(want, seen.Endpoint)
	for _, table := range []string{"usual", "own"} {
		if n := count(t, bob, table); n != 1 {
			t.Errorf("%s has %d rows", table, n)
		}
		z.exec(bob, "DROP TABLE "+table)
	}
	if conn, err := dial(t.Context(), seen.Endpoint, "alice", "correct-horse-battery"); err == nil {
		conn.Close(t.Context())
		t.Error("a revoked log-in came in")
	}
}

func TestPasswordThatAUserChangedIsPutRight(t *testing.T) {
	z := newZone(t)
	want := order()
	seen := z.Bring(&want)
	z.exec(z.user(want, seen.Endpoint), "SET ROLE NONE; ALTER ROLE alice PASSWORD 'changed-by-hand'")
	z.Reopen() // a new agent goes over everything once
	z.Bring(&want)
	z.user(want, seen.Endpoint)
}

func TestLoginNamesThatAreRefused(t *testing.T) {
	for _, name := range []string{"", "Alice", "pg_monitor", "souk_admin", "app_owner", "postgres", "public", "none", "a b", `a"b`, "a;drop role x", strings.Repeat("a", 64), "1a", "ä"} {
		if validLogin(name) == nil {
			t.Errorf("%q was taken", name)
		}
	}
	for _, name := range []string{"a", "alice_2", strings.Repeat("a", 63)} {
		if err := validLogin(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestInstancesCannotReachOneAnother(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: without it all instances share one account, and the zone says so")
	}
	z := newZone(t)
	first, second := order(), order()
	z.Bring(&first)
	z.Bring(&second)
	mine, err := z.Supervisor.Find(t.Context(), first.ID)
	if err != nil {
		t.Fatal(err)
	}
	other, err := z.Supervisor.Find(t.Context(), second.ID)
	if err != nil {
		t.Fatal(err)
	}
	if mine.UID == other.UID || mine.UID == 0 {
		t.Fatalf("uids %d and %d", mine.UID, other.UID)
	}
	for _, path := range []string{"data", "data/pg/PG_VERSION", "conf/server.pem", "run", "log/engine.log"} {
		if try(t, mine.UID, "cat", filepath.Join(other.Folder, path)) {
			t.Errorf("one instance reads another's %s", path)
		}
	}
	for _, path := range []string{"data/pg/PG_VERSION", "conf/server.pem"} {
		if !try(t, other.UID, "cat", filepath.Join(other.Folder, path)) {
			t.Errorf("an instance cannot read its own %s", path)
		}
	}
	if try(t, mine.UID, "cat", filepath.Join(z.Config.Dir, "ca.pem")) {
		t.Error("an instance reads the zone authority's key")
	}
	if try(t, mine.UID, "mv", filepath.Join(mine.Folder, "log"), filepath.Join(mine.Folder, "gone")) {
		t.Error("an instance replaces its own folders")
	}
	if pid := z.Status(first.ID).PID; uidOf(t, pid) != mine.UID {
		t.Errorf("the engine runs under uid %d, want %d", uidOf(t, pid), mine.UID)
	}
}

// try runs a command under a uid and says whether it worked.
func try(t *testing.T, uid int, name string, args ...string) bool {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	return cmd.Run() == nil
}

func uidOf(t *testing.T, pid int) int {
	t.Helper()
	info, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
	if err != nil {
		t.Fatal(err)
	}
	return int(info.Sys().(*syscall.Stat_t).Uid)
}

func TestSuperuserSessionsIgnoreWhatUsersSet(t *testing.T) {
	z := newZone(t)
	want := order()
	seen := z.Bring(&want)
	conn := z.user(want, seen.Endpoint)
	z.exec(conn, "ALTER DATABASE app SET search_path = evil, pg_catalog")
	z.exec(conn, "ALTER DATABASE app SET default_transaction_read_only = on")
	z.exec(conn, "ALTER DATABASE app SET role = app_owner")
	z.exec(conn, "ALTER DATABASE app SET session_authorization = app_owner")
	z.exec(conn, "ALTER DATABASE app SET local_preload_libraries = missing")
	z.exec(conn, "ALTER DATABASE app SET idle_session_timeout = 1")
	z.exec(conn, "ALTER DATABASE app SET idle_in_transaction_session_timeout = 1")
	z.exec(conn, "ALTER DATABASE app SET client_encoding = latin1")
	z.exec(conn, "ALTER DATABASE app SET standard_conforming_strings = off")
	z.exec(conn, "CREATE SCHEMA evil")
	z.exec(conn, "CREATE FUNCTION evil.pg_terminate_backend(int, bigint) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''caught''; END'")
	want.Generation++
	want.Credentials = []driver.Credential{{ID: "b", Login: "bob", Password: "another-password"}}
	z.Bring(&want)
	if _, err := dial(t.Context(), seen.Endpoint, "alice", "correct-horse-battery"); !refusedPassword(err) {
		t.Errorf("a revoked log-in: %v", err)
	}
	if _, err := dial(t.Context(), seen.Endpoint, "bob", "another-password"); refusedPassword(err) {
		t.Error(err)
	}
}

// refusedPassword tells a log-in that is refused from one that gets in and then
// trips over what the database is set to.
func refusedPassword(err error) bool {
	var refusal *pgconn.PgError
	return errors.As(err, &refusal) && refusal.Code == "28P01"
}
