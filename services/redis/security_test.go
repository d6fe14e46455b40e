package redis

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	"souk/internal/driver"
	"souk/internal/driver/process"
	"souk/internal/driver/process/processtest"
)

func TestOnlyVerifiedTLSGetsIn(t *testing.T) {
	z := processtest.New(t, ProcessEngine())
	want := order()
	seen := z.Bring(&want)
	plain, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(seen.Endpoint.Port)), 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	fmt.Fprintf(plain, "PING\r\n")
	_ = plain.SetReadDeadline(time.Now().Add(5 * time.Second))
	answer := make([]byte, 64)
	if n, _ := plain.Read(answer); bytes.Contains(answer[:n], []byte("PONG")) || bytes.HasPrefix(answer[:n], []byte("-NOAUTH")) {
		t.Errorf("without TLS: %q", answer[:n])
	}
	for _, name := range []string{"127.0.0.1", "localhost"} {
		at := *seen.Endpoint
		at.Host = name
		conn, err := dial(t.Context(), &at, "alice", want.Credentials[0].Password)
		if err != nil {
			t.Errorf("as %s: %v", name, err)
			continue
		}
		conn.Close()
	}
	for login, password := range map[string]string{"": "", "default": "", administrator: "", "alice": "a-wrong-password"} {
		if conn, err := dial(t.Context(), seen.Endpoint, login, password); err == nil {
			conn.Close()
			t.Errorf("%q came in with %q", login, password)
		}
	}
}

func TestUsersDoNotAdminister(t *testing.T) {
	z := processtest.New(t, ProcessEngine())
	want := order()
	conn := user(t, want, z.Bring(&want).Endpoint)
	for _, command := range []string{
		"CONFIG GET *", "CONFIG SET dir /tmp", "CONFIG REWRITE", "DEBUG SLEEP 0", "SHUTDOWN NOSAVE", "REPLICAOF 127.0.0.1 1", "SLAVEOF NO ONE",
		"FAILOVER", "PSYNC ? -1", "SYNC", "REPLCONF ack 1", "MODULE LIST", "MODULE LOAD /x.so", "ACL LIST", "ACL SETUSER eve on", "ACL GETUSER alice", "ACL LOG",
		"SAVE", "BGSAVE", "MONITOR", "CLIENT PAUSE 1000", "CLIENT UNPAUSE", "CLIENT NO-EVICT on", "MIGRATE 127.0.0.1 1 k 0 1000", "CLUSTER INFO", "PFDEBUG GETREG k", "RESTORE-ASKING k 0 x",
		"EVAL redis.call('CONFIG','GET','*') 0", "EVAL os.execute('id') 0", "EVAL io.open('/etc/passwd') 0",
	} {
		words := strings.Fields(command)
		args := redis.Args{}.AddFlat(words[1:])
		if reply, err := conn.Do(words[0], args...); err == nil {
			t.Errorf("%s: allowed: %.80v", command, reply)
		}
	}
	for _, command := range []string{
		"SET k v", "KEYS *", "SCAN 0", "DUMP k", "SORT l", "INFO", "ROLE", "SLOWLOG GET", "LATENCY LATEST", "CLIENT LIST", "CLIENT SETNAME me", "ACL WHOAMI",
		"EVAL return{redis.call('GET','k')} 0", "PUBLISH c m", "XADD s * f v", "SELECT 15", "SWAPDB 0 1", "OBJECT ENCODING k", "MEMORY USAGE k", "FLUSHDB", "FLUSHALL", "BGREWRITEAOF",
	} {
		words := strings.Fields(command)
		do(t, conn, words[0], redis.Args{}.AddFlat(words[1:])...)
	}
}

func TestRevokedLoginLosesItsSessions(t *testing.T) {
	z := processtest.New(t, ProcessEngine())
	want := order()
	seen := z.Bring(&want)
	alice := user(t, want, seen.Endpoint)
	do(t, alice, "SET", "k", "v")
	want.Generation++
	want.Credentials = []driver.Credential{want.Credentials[0], {ID: "b", Login: "bob", Password: "another-password"}}
	seen = z.Bring(&want)
	do(t, alice, "GET", "k") // another log-in disturbs nobody
	want.Generation++
	want.Credentials = want.Credentials[1:]
	seen = z.Bring(&want)
	if _, err := alice.Do("PING"); err == nil {
		t.Error("the session of a revoked log-in goes on")
	}
	if conn, err := dial(t.Context(), seen.Endpoint, "alice", "correct-horse-battery"); err == nil {
		conn.Close()
		t.Error("a revoked log-in came in")
	}
	bob := user(t, want, seen.Endpoint)
	if v, err := redis.String(bob.Do("GET", "k")); err != nil || v != "v" {
		t.Errorf("what alice wrote: %q, %v", v, err)
	}
	want.Generation++
	want.AllowedNetworks = []string{}
	z.Bring(&want)
	if _, err := bob.Do("PING"); err == nil {
		t.Error("nobody may connect, and a session goes on")
	}
}

func TestLoginNamesThatAreRefused(t *testing.T) {
	for _, name := range []string{"", "Alice", "default", "souk_admin", "a b", "a\non", "a>x", strings.Repeat("a", 64), "1a", "ä"} {
		if validLogin(name) == nil {
			t.Errorf("%q was taken", name)
		}
	}
	for _, name := range []string{"a", "alice_2", "default_1", strings.Repeat("a", 63)} {
		if err := validLogin(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// A server that was set up under another authority of the zone does not know the
// agent, and is started again so that it does.
func TestAgentWithAnotherSecretIsLetIn(t *testing.T) {
	z := processtest.New(t, ProcessEngine())
	want := order()
	seen := z.Bring(&want)
	do(t, user(t, want, seen.Endpoint), "SET", "k", "v")
	if err := os.Remove(filepath.Join(z.Config.Dir, "ca.pem")); err != nil {
		t.Fatal(err)
	}
	z.Reopen()
	seen = z.Bring(&want)
	if v, err := redis.String(user(t, want, seen.Endpoint).Do("GET", "k")); err != nil || v != "v" {
		t.Errorf("%q, %v", v, err)
	}
}

func TestNothingSecretIsWritten(t *testing.T) {
	var host *process.Host
	spy := spying{newEngine("/usr/bin/redis-server"), &host}
	z := processtest.New(t, spy)
	want := order()
	seen := z.Bring(&want)
	do(t, user(t, want, seen.Endpoint), "SET", "k", "v")
	if conn, err := dial(t.Context(), seen.Endpoint, "alice", "a-wrong-password"); err == nil {
		conn.Close()
		t.Error("a wrong password was taken")
	}
	secrets := []string{want.Credentials[0].Password, "a-wrong-password", host.Secret(administrator)}
	hidden := func(text []byte, where string) {
		for _, secret := range secrets {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("a password is in %s", where)
			}
		}
	}
	pid := strconv.Itoa(z.Status(want.ID).PID)
	for _, name := range []string{"cmdline", "environ"} {
		text, err := os.ReadFile(filepath.Join("/proc", pid, name))
		if err != nil {
			t.Fatal(err)
		}
		hidden(text, name)
	}
	err := filepath.WalkDir(z.Dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		hidden(text, path)
		if info, err := entry.Info(); err == nil && strings.Contains(path, "/conf/") && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	admin, err := connect(t.Context(), host)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	reply, err := admin.Do("SLOWLOG", "GET", 1000)
	if err != nil {
		t.Fatal(err)
	}
	hidden(fmt.Appendf(nil, "%s", reply), "the slow log")
}

// spying keeps the host that the engine was given.
type spying struct {
	*engine
	host **process.Host
}

func (s spying) Steps(job *process.Job) ([]process.Step, func()) {
	*s.host = job.Host
	return s.engine.Steps(job)
}

func TestInstancesCannotReachOneAnother(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: without it all instances share one account, and the zone says so")
	}
	z := processtest.New(t, ProcessEngine())
	first, second := order(), order()
	z.Bring(&first)
	z.Bring(&second)
	mine, err := z.Supervisor.Find(t.Context(), first.ID)
	if err != nil {
		t.Fatal(err)
	}
	other := z.Folder(second.ID)
	for _, path := range []string{dataFolder + "/" + appendOnly + "/" + manifest, usersFile, serverFile, "run/" + socket, "log/engine.log"} {
		command := exec.CommandContext(t.Context(), "setpriv", "--reuid", strconv.Itoa(mine.UID), "--regid", strconv.Itoa(mine.UID), "--clear-groups", "test", "-r", filepath.Join(other, path))
		if command.Run() == nil {
			t.Errorf("one instance reads another's %s", path)
		}
	}
}
