package devpg

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"souk/internal/store"
)

func TestChoose(t *testing.T) {
	v := func(major int, version string) Programs { return Programs{Bin: "bin", Major: major, Version: version} }
	for _, c := range []struct {
		name      string
		made      string // content of PG_VERSION; empty: no cluster
		installed []Programs
		want      int
		err       string
	}{
		{"the newest for a new folder", "", []Programs{v(17, "17.2"), v(15, "15.18")}, 17, ""},
		{"the one that made the folder, though a newer is there", "15\n", []Programs{v(17, "17.2"), v(15, "15.18")}, 15, ""},
		{"none installed", "", nil, 0, "no PostgreSQL server is installed here: install one, on Debian with `apt-get install postgresql-15`"},
		{"only an old one", "", []Programs{v(13, "13.9")}, 0, "installed here is PostgreSQL 13.9"},
		{"made by a newer major", "16", []Programs{v(15, "15.18")}, 0, "apt-get install postgresql-16"},
		{"made by a major that never was supported", "13", []Programs{v(13, "13.9"), v(15, "15.18")}, 0, "Souk needs PostgreSQL 15 or newer"},
		{"a damaged folder", "x", []Programs{v(15, "15.18")}, 0, `PG_VERSION holds "x"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := t.TempDir()
			if c.made != "" {
				if err := os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte(c.made), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := Choose(data, c.installed)
			if c.err == "" && (err != nil || got.Major != c.want) {
				t.Errorf("got %v, %v; want major %d", got, err, c.want)
			}
			if c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("got %v, want %q", err, c.err)
			}
		})
	}
}

// cluster is a new one that the installed programs have made.
func cluster(t *testing.T) Cluster {
	t.Helper()
	dir, err := os.MkdirTemp("", "devpg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	programs, err := Choose(dir, Installed(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	c := Cluster{Programs: programs, Data: filepath.Join(dir, "data"), Socket: dir, Password: "it's \\secret"}
	if os.Getuid() == 0 {
		c.Account = &syscall.Credential{Uid: 65534, Gid: 65534} // nobody
		if err := os.Chown(dir, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

func start(t *testing.T, c Cluster) *exec.Cmd {
	t.Helper()
	cmd := c.Command()
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGQUIT)
		_ = cmd.Wait()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := c.Await(ctx, func(error) {}); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func TestClusterHoldsTheRecord(t *testing.T) {
	c := cluster(t)
	start(t, c)
	passwords := store.Passwords{Owner: "o'1", App: `a\2`, System: "s 3"}
	for range 2 { // preparing again changes nothing
		if err := c.Prepare(t.Context(), passwords); err != nil {
			t.Fatal(err)
		}
	}
	s, err := store.Open(t.Context(), c.Config(passwords))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for setting, want := range map[string]string{"data_checksums": "on", "listen_addresses": "", "password_encryption": "scram-sha-256", "fsync": "on"} {
		var got string
		if err := s.SystemPool().QueryRow(t.Context(), "SELECT current_setting($1)", setting).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, %v; want %q", setting, got, err, want)
		}
	}
	if conn, err := pgx.Connect(t.Context(), c.DSN("souk_app", "guess")); err == nil {
		conn.Close(t.Context())
		t.Error("a wrong password gets in")
	}
}

func TestWrongSuperuserPasswordIsSaidAtOnce(t *testing.T) {
	c := cluster(t)
	start(t, c)
	c.Password = "another"
	if err := c.Await(t.Context(), func(error) {}); err == nil || !strings.Contains(err.Error(), "does not let Souk in") {
		t.Errorf("got %v", err)
	}
}

func TestFolderOfTheSocketGoneIsSaidAtOnce(t *testing.T) {
	c := cluster(t)
	start(t, c)
	if err := os.RemoveAll(c.Socket); err != nil {
		t.Fatal(err)
	}
	if err := c.Await(t.Context(), func(error) {}); err == nil || !strings.Contains(err.Error(), "socket has gone: start again") {
		t.Errorf("got %v", err)
	}
}

func TestInitFinishesWhatWasKilled(t *testing.T) {
	c := cluster(t)
	before, err := os.Stat(c.Data)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after, _ := os.Stat(c.Data); !os.SameFile(before, after) {
		t.Error("a whole cluster was made anew")
	}
	// Killed half-way: what is there has another name.
	if err := os.Rename(c.Data, c.Data+".new"); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(c.Data + ".new/PG_VERSION"); err != nil {
		t.Fatal(err)
	}
	if err := c.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	start(t, c)
}

func TestLeftoverServerIsStopped(t *testing.T) {
	for _, c := range []struct {
		name string
		kill bool // the master alone, leaving its children
	}{{"a whole one", false}, {"one whose master was killed", true}} {
		t.Run(c.name, func(t *testing.T) {
			cl := cluster(t)
			cmd := start(t, cl)
			conn, err := pgx.Connect(t.Context(), cl.dsn(Superuser, cl.Password, "postgres"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(context.Background())
			go conn.Exec(context.Background(), "SELECT pg_sleep(60)") // a busy child does not notice that its master is gone
			if c.kill {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			ended := make(chan struct{})
			go func() { _ = cmd.Wait(); close(ended) }() // a zombie would count as running
			began := time.Now()
			n, err := StopLeftover(t.Context(), cl.Data)
			if err != nil || n == 0 && !c.kill {
				t.Fatalf("stopped %d, %v", n, err)
			}
			<-ended
			if took := time.Since(began); took > Patience {
				t.Errorf("took %v", took)
			}
			if n, err := StopLeftover(t.Context(), cl.Data); n != 0 || err != nil {
				t.Errorf("once more: found %d, %v", n, err)
			}
			start(t, cl)
		})
	}
}

func TestNoLeftoverInAnAbsentFolder(t *testing.T) {
	if n, err := StopLeftover(t.Context(), filepath.Join(t.TempDir(), "none")); n != 0 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
}

func TestOwnGivesTheClusterToItsAccount(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, which gives files away")
	}
	c := cluster(t)
	c.Account = &syscall.Credential{Uid: 60101, Gid: 60101}
	if err := c.Own(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "PG_VERSION", "base/1/PG_VERSION"} {
		info, err := os.Lstat(filepath.Join(c.Data, name))
		if err != nil {
			t.Fatal(err)
		}
		if uid := info.Sys().(*syscall.Stat_t).Uid; uid != 60101 {
			t.Errorf("%q belongs to %d", name, uid)
		}
	}
}

func TestSocketPathTooLong(t *testing.T) {
	c := Cluster{Data: filepath.Join(t.TempDir(), "data"), Socket: "/" + strings.Repeat("x", 100)}
	if err := c.Init(t.Context()); err == nil || !strings.Contains(err.Error(), "shorter path") {
		t.Errorf("got %v", err)
	}
}

func TestMajorErrorCanBeToldApart(t *testing.T) {
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte("16"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Choose(data, nil)
	var major *MajorError
	if !errors.As(err, &major) || major.Made != 16 {
		t.Errorf("got %v", err)
	}
}
