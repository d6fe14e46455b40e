package dev

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// keepInherited keeps the files that whoever started the launcher left open from
// its children: they run as other accounts, instances among them.
func keepInherited() error {
	const folder = "/proc/self/fd"
	entries, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("look for inherited files: %w", err)
	}
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}

// spawner starts processes from one thread that never ends: a child that asked
// the kernel for a signal at its parent's death gets it at the death of the
// thread that started it.
type spawner struct{ requests chan spawn }

type spawn struct {
	cmd  *exec.Cmd
	done chan error
}

func newSpawner() *spawner {
	s := &spawner{requests: make(chan spawn)}
	go func() {
		runtime.LockOSThread()
		for r := range s.requests {
			r.done <- r.cmd.Start()
		}
	}()
	return s
}

func (s *spawner) start(cmd *exec.Cmd) error {
	r := spawn{cmd, make(chan error, 1)}
	s.requests <- r
	return <-r.done
}

// program returns the path by which children run this very program, whatever
// has become of its file since, and wherever that lies. Where the file's mode
// keeps other accounts out, a copy in the data folder serves.
func (l Layout) program() (string, error) {
	const self = "/proc/self/exe"
	info, err := os.Stat(self)
	if err != nil || !l.Privileged || info.Mode().Perm()&0o001 != 0 {
		return self, err
	}
	text, err := os.ReadFile(self)
	if err != nil {
		return "", err
	}
	return l.Path("run", "souk"), writeFile(l.folders.path("run", "souk"), text, Account{}, 0o755)
}
