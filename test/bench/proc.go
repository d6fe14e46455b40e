package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// pss returns a process's memory: its own, and its share of what is shared.
func pss(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) > 1 && fields[0] == "Pss:" {
			kib, err := strconv.ParseInt(fields[1], 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("process %d does not tell its memory", pid)
}

// process is what /proc tells of one.
type process struct {
	pid, parent int
	ticks       int64 // of processor time
	ended       int64 // the same of its children that have ended
	name        string
}

// clockTick is the kernel's unit of processor time for programs, on all of Linux.
const clockTick = 100 // a second

func readProcess(pid int) (process, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, err
	}
	p := process{pid: pid}
	rest := text[bytes.LastIndexByte(text, ')')+1:] // the name may hold anything
	fields := strings.Fields(string(rest))
	if len(fields) < 15 {
		return p, fmt.Errorf("process %d is told of in an unknown way", pid)
	}
	p.parent, _ = strconv.Atoi(fields[1])
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	p.ticks = user + system
	user, _ = strconv.ParseInt(fields[13], 10, 64)
	system, _ = strconv.ParseInt(fields[14], 10, 64)
	p.ended = user + system
	command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	p.name = describe(strings.Split(strings.TrimRight(string(command), "\x00"), "\x00"))
	return p, err
}

// describe names a process by its program and what it was told to be.
func describe(argv []string) string {
	name := filepath.Base(argv[0])
	if strings.HasPrefix(argv[0], "postgres:") {
		return "postgres"
	}
	if name == "souk" && len(argv) > 1 {
		return "souk " + argv[1]
	}
	return name
}

// family returns the process and all that descend from it, or were started in
// its mount namespace where that is one of its own.
func family(root int) ([]process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	space := func(pid int) string { s, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", pid)); return s }
	own := space(root)
	if own == space(os.Getpid()) {
		own = ""
	}
	var all []process
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if p, err := readProcess(pid); err == nil { // else it has just ended
			all = append(all, p)
		}
	}
	members := map[int]bool{root: true}
	for grown := true; grown; {
		grown = false
		for _, p := range all {
			if !members[p.pid] && (members[p.parent] || own != "" && space(p.pid) == own) {
				members[p.pid], grown = true, true
			}
		}
	}
	return slices.DeleteFunc(all, func(p process) bool { return !members[p.pid] }), nil
}

func attributes(account *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: account}
}

// stopProcess has a PostgreSQL that is no child of this program shut down fast,
// and waits for its end.
func stopProcess(pid int) {
	for range 500 {
		if syscall.Kill(pid, syscall.SIGINT) != nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}
