package dev

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
)

// accounts gives each child that needs no privilege one of its own, as root;
// otherwise all are whoever runs the launcher.
func (l *Layout) accounts(base uint32, named bool) error {
	if !l.Privileged {
		me := Account{uint32(os.Geteuid()), uint32(os.Getegid())}
		l.postgres, l.Control, l.Agent, l.objects = me, me, me, me
		return nil
	}
	l.postgres, l.Control, l.Agent = Account{base + 1, base + 1}, Account{base + 2, base + 2}, Account{base + 3, base + 3}
	l.objects = Account{base + 4, base + 4}
	if named {
		return nil
	}
	// PostgreSQL insists on an account with a name, which cannot be made up here.
	u, err := user.Lookup("postgres")
	if err != nil {
		return fmt.Errorf("this root may not mount (CAP_SYS_ADMIN is missing) and there is no account named postgres to run PostgreSQL as: run souk dev as an ordinary user, or give it that capability")
	}
	uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
	gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
	if errUID != nil || errGID != nil {
		return fmt.Errorf("the account postgres has no numbers")
	}
	l.postgres = Account{uint32(uid), uint32(gid)}
	return nil
}

// nameAccounts returns the machine's passwd and group files with the accounts
// of this launch added. Nothing of it is written to the machine's own files.
func (l Layout) nameAccounts(passwd, group []byte) (newPasswd, newGroup []byte, err error) {
	taken := owners(passwd)
	var p, g bytes.Buffer
	p.Write(withNewline(passwd))
	g.Write(withNewline(group))
	add := func(a Account, name, home string) {
		if who, is := taken[a.UID]; is && err == nil {
			err = fmt.Errorf("the account number %d, which souk dev would use for %s, is %s's on this machine: choose others with SOUK_UID_BASE (four numbers after it are used)", a.UID, name, who)
		}
		fmt.Fprintf(&p, "%s:x:%d:%d::%s:/usr/sbin/nologin\n", name, a.UID, a.GID, home)
		fmt.Fprintf(&g, "%s:x:%d:\n", name, a.GID)
	}
	add(l.postgres, "souk-postgres", "/nonexistent")
	add(l.Control, "souk-control", "/nonexistent")
	add(l.Agent, "souk-agent", "/nonexistent")
	add(l.objects, "souk-objects", "/nonexistent")
	for i := range l.InstanceUIDs.Count {
		uid := l.InstanceUIDs.First + i
		add(Account{uid, uid}, fmt.Sprintf("souk-%d", uid), "/nonexistent")
	}
	return p.Bytes(), g.Bytes(), err
}

func owners(passwd []byte) map[uint32]string {
	taken := map[uint32]string{}
	for lines := bufio.NewScanner(bytes.NewReader(passwd)); lines.Scan(); {
		fields := strings.Split(lines.Text(), ":")
		if len(fields) < 4 || strings.HasPrefix(fields[0], "souk-") {
			continue // one of ours, seen from a launcher inside a launcher
		}
		if uid, err := strconv.ParseUint(fields[2], 10, 32); err == nil {
			taken[uint32(uid)] = fields[0]
		}
	}
	return taken
}

func withNewline(text []byte) []byte {
	if len(text) == 0 || text[len(text)-1] == '\n' {
		return text
	}
	return append(bytes.Clone(text), '\n')
}

// settle decides where the data folder is for the children, and as whom they run.
func (l *Layout) settle(base uint32, namespace bool) error {
	if err := l.accounts(base, namespace); err != nil {
		return err
	}
	if err := l.prepare(); err != nil {
		return err
	}
	var err error
	switch {
	case namespace:
		err = l.settleInNamespace()
	default:
		l.Home, err = l.folders.shorten()
	}
	if err != nil || !l.Privileged {
		return err
	}
	for _, who := range []Account{l.postgres, l.Control, l.Agent, l.objects} {
		if dir := blocker(l.Home, who); dir != "" {
			return fmt.Errorf("the folder %s cannot be entered by the accounts that souk dev runs its parts as (%d), and this root may not bind the data folder elsewhere (CAP_SYS_ADMIN is missing): choose a data folder outside of it with --data-dir or SOUK_DATA_DIR, or run `chmod o+x %s`", dir, who.UID, dir)
		}
	}
	return nil
}

func (l *Layout) settleInNamespace() error {
	passwd, err := os.ReadFile("/etc/passwd")
	if err != nil {
		return fmt.Errorf("read the machine's accounts: %w", err)
	}
	group, err := os.ReadFile("/etc/group")
	if err != nil {
		return fmt.Errorf("read the machine's groups: %w", err)
	}
	if passwd, group, err = l.nameAccounts(passwd, group); err != nil {
		return err
	}
	me := Account{}
	for name, text := range map[string][]byte{"passwd": passwd, "group": group} {
		if err := writeFile(l.folders.path("run", name), text, me, 0o644); err != nil {
			return err
		}
	}
	l.Home, l.homeIsNew, err = l.folders.bind(l.folders.path("run", "passwd"), l.folders.path("run", "group"))
	return err
}
