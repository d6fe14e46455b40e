package redis

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gomodule/redigo/redis"

	"souk/internal/driver"
)

// administrator is the agent's own log-in. It comes through the socket; its
// password is on no disk.
const administrator = "souk_admin"

// rights of users' log-ins: all keys, channels and commands but those that
// administer the server, reach other machines or its files, or show what others
// send (CONFIG, DEBUG, SHUTDOWN, REPLICAOF, FAILOVER, MIGRATE, MODULE, ACL, SAVE,
// BGSAVE, MONITOR, CLIENT PAUSE ...). Redis counts more as dangerous; of that the
// last line gives back what people use every day, look after their own server
// with, or need to give storage back.
var rights = []string{
	"~*", "&*", "+@all", "-@admin", "-@dangerous",
	"+keys", "+sort", "+sort_ro", "+flushdb", "+flushall", "+swapdb", "+restore",
	"+info", "+role", "+lastsave", "+slowlog", "+latency", "+client|list", "+client|kill", "+bgrewriteaof",
}

// rules are a log-in's, its password only as a hash: they are random enough.
func rules(password string, rights []string) []string {
	sum := sha256.Sum256([]byte(password))
	return append([]string{"on", "#" + hex.EncodeToString(sum[:])}, rights...)
}

// logins are the rules of all log-ins that are wanted, by name. The default user,
// which clients are without a log-in, can do nothing.
func logins(credentials []driver.Credential, secret func(purpose string) string) (map[string][]string, error) {
	all := map[string][]string{
		"default":     {"off", "nocommands"},
		administrator: rules(secret(administrator), []string{"~*", "&*", "+@all"}),
		probeLogin:    rules(secret(probeLogin), probeRights),
	}
	for _, c := range credentials {
		if err := validLogin(c.Login); err != nil {
			return nil, err
		}
		all[c.Login] = rules(c.Password, rights)
	}
	return all, nil
}

// userLines writes log-ins as the server's file has them.
func userLines(all map[string][]string) string {
	var lines []string
	for name, rules := range all {
		lines = append(lines, "user "+name+" "+strings.Join(rules, " ")+"\n")
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// access makes the log-ins of the running server what they should be.
func (w *work) access(context.Context) error {
	wanted, err := logins(w.Want.Credentials, w.Secret)
	if err != nil {
		return err
	}
	return w.admin.letIn(wanted)
}

// letIn makes the server's log-ins those that are wanted, by name. One that is
// removed loses its sessions with it.
func (s *session) letIn(wanted map[string][]string) error {
	present, err := redis.Strings(s.Do("ACL", "USERS"))
	if err != nil {
		return err
	}
	for _, name := range present {
		if _, ok := wanted[name]; ok {
			continue
		}
		if _, err := s.Do("ACL", "DELUSER", name); err != nil {
			return fmt.Errorf("revoke a log-in: %w", err)
		}
	}
	for name, rules := range wanted {
		args := redis.Args{"SETUSER", name, "reset"}.AddFlat(rules) // staged, then in force at once
		if _, err := s.Do("ACL", args...); err != nil {
			return fmt.Errorf("set up a log-in: %w", err)
		}
	}
	return nil
}

var loginName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// validLogin refuses names that the server or Souk needs itself.
func validLogin(name string) error {
	if name == "default" || strings.HasPrefix(name, "souk_") || !loginName.MatchString(name) {
		return refused(fmt.Sprintf("The log-in name %.70q cannot be used: it must begin with a letter and hold only a-z, 0-9 and _, 63 at most, and some names are reserved.", name))
	}
	return nil
}
