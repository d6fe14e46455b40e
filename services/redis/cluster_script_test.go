package redis

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/google/uuid"

	"souk/internal/driver/kubernetes"
	"souk/internal/pki"
	"souk/test/objectstore"
)

// TestScriptsOfPodsTakeAndRestoreASnapshot has real servers and restic do outside of a
// cluster what they do in pods.
func TestScriptsOfPodsTakeAndRestoreASnapshot(t *testing.T) {
	if why := newEngine("").NoBackups(); why != "" {
		t.Skip(why)
	}
	t.Parallel()
	store, root := objectstore.New(t), t.TempDir()
	ca, err := pki.NewCA("test", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	pair, err := ca.IssueServer([]string{"127.0.0.1"}, time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := ln.Addr().(*net.TCPAddr).Port
	ln.Close()
	write(t, root+"/tls/tls.crt", string(pair.Cert))
	write(t, root+"/tls/tls.key", string(pair.Key))
	write(t, root+"/server/ca.crt", string(ca.CertPEM()))
	write(t, root+"/conf/users.acl", userLines(map[string][]string{
		"default": {"on", "nopass", "~*", "&*", "+@all"}, backupLogin: rules("a-password", backupRights),
	}))
	write(t, root+"/conf/redis.conf", fmt.Sprintf("port 0\ntls-port %d\ntls-auth-clients no\ntls-cert-file %[2]s/tls/tls.crt\ntls-key-file %[2]s/tls/tls.key\nunixsocket %[2]s/redis.sock\naclfile %[2]s/conf/users.acl\n"+
		"appendonly yes\nappenddirname %[3]s\nsave \"\"\nrepl-diskless-sync-delay 0\ndir %[2]s/data/redis\n", port, root, appendOnly))
	repo, id := &kubernetes.Repository{InstanceID: uuid.NewString()}, uuid.NewString()
	for name, content := range resticFiles(store.Place, repo, id, "the-key") {
		write(t, root+"/backup/"+name, string(content))
	}
	here := func(script string) string {
		pairs := []string{"/dev/termination-log", root + "/said"}
		for _, folder := range []string{"data", "conf", "backup", "server", "spool", "run"} {
			pairs = append(pairs, " /"+folder, " "+root+"/"+folder, "</"+folder, "<"+root+"/"+folder, "=/"+folder, "="+root+"/"+folder)
		}
		return strings.NewReplacer(pairs...).Replace(script)
	}
	run := func(script string, env ...string) (string, error) {
		for _, folder := range []string{"/data", "/run/redis", "/spool"} {
			if err := os.MkdirAll(root+folder, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.CommandContext(t.Context(), "sh", "-c", here(script))
		cmd.Env = append([]string{"PATH=/usr/bin:/bin"}, env...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	serve := func() redis.Conn {
		server := strings.Replace(string(startScript), "exec redis-server /conf/redis.conf", "redis-server /conf/redis.conf --daemonize yes", 1)
		if out, err := run(server); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for {
			conn, err := redis.DialContext(t.Context(), "unix", root+"/redis.sock")
			if err == nil {
				_, err = conn.Do("PING")
			}
			if err == nil {
				return conn
			}
			if t.Context().Err() != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	end := func(conn redis.Conn) {
		_, _ = conn.Do("SHUTDOWN")
		if err := os.RemoveAll(root + "/data"); err != nil {
			t.Fatal(err)
		}
	}
	back := func(password string) (said string, err error) {
		out, err := run(backupScript, "SERVER=127.0.0.1", fmt.Sprintf("PORT=%d", port), "LOGIN="+backupLogin, "REDISCLI_AUTH="+password,
			"REGION="+store.Place.Region, "TMPDIR="+root+"/spool", "AWS_SHARED_CREDENTIALS_FILE="+root+"/backup/account")
		text, _ := os.ReadFile(root + "/said")
		t.Logf("%s%s", out, text)
		return string(text), err
	}
	conn := serve()
	do(t, conn, "SET", "n", 1)
	do(t, conn, "RPUSH", "list", "a", "b")
	if said, err := back("a-guess"); err == nil || !strings.HasPrefix(said, "server: ") {
		t.Errorf("without the log-in: %q, %v", said, err)
	}
	if said, err := back("a-password"); err != nil || said == "" {
		t.Fatalf("taken: %q, %v", said, err)
	}
	if text, _ := redis.String(conn.Do("INFO", "replication")); strings.Contains(text, "slave0:") {
		t.Errorf("the server counts a replica: %s", text)
	}
	end(conn)
	for name, content := range resticFiles(store.Place, repo, id, "the-key") {
		write(t, root+"/conf/restore."+name, string(content))
	}
	write(t, root+"/conf/restore.sh", here(string(restoreScript)))
	conn = serve()
	if n, err := redis.Int(conn.Do("DBSIZE")); err != nil || n != 2 {
		t.Errorf("%d keys were restored, %v", n, err)
	}
	end(conn)
	store.Spoil(filepath.Join(repo.InstanceID, "redis", id), "/data/")
	out, err := run(string(startScript))
	text, _ := os.ReadFile(root + "/said")
	said, failed := strings.CutPrefix(string(text), notRestored)
	if is := unrestored(said); err == nil || !failed || !is.Permanent || !strings.Contains(is.Message, "damaged") || strings.Contains(out, "s3:") {
		t.Errorf("of a damaged one: %v, %s, %s", err, out, text)
	}
	if _, err := os.Stat(root + "/data/redis"); err == nil {
		t.Error("the server was left data of a backup that is damaged")
	}
}
