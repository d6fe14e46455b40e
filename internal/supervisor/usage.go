package supervisor

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Usage is what all processes of an instance take together; nil where the machine
// cannot tell.
type Usage struct {
	CPU         *time.Duration `json:"cpu,omitempty"`         // for which they have run, since the instance's cgroup was made
	MemoryBytes *int64         `json:"memoryBytes,omitempty"` // without cached files that are not in use
}

// Usage implements API.
func (s *Supervisor) Usage(_ context.Context, id string) (Usage, error) {
	if err := ValidID(id); err != nil {
		return Usage{}, err
	}
	if _, ok := s.records.get(id); !ok {
		return Usage{}, ErrNotFound
	}
	return s.cgroups.usage(id), nil
}

func (noCgroups) usage(string) Usage { return Usage{} }

func (c cgroupsV1) usage(id string) (u Usage) {
	if folder, ok := c.folders[accounting]; ok {
		u.CPU = counted(filepath.Join(folder, id))
	}
	u.MemoryBytes = memoryIn(filepath.Join(c.folders["memory"], id), "memory.usage_in_bytes", "total_inactive_file")
	return u
}

// counted is the time that the processes of an accounting group have run; nil where
// there are none, as those of an instance that was started before it was counted.
func counted(folder string) *time.Duration {
	processes, err := os.ReadFile(filepath.Join(folder, "cgroup.procs"))
	n, numberErr := readNumber(folder, "cpuacct.usage")
	if err != nil || numberErr != nil || len(processes) == 0 {
		return nil
	}
	took := time.Duration(n)
	return &took
}

func (c cgroupsV2) usage(id string) (u Usage) {
	folder := filepath.Join(c.folder, id)
	if n, err := readField(folder, "cpu.stat", "usage_usec"); err == nil {
		took := time.Duration(n) * time.Microsecond
		u.CPU = &took
	}
	u.MemoryBytes = memoryIn(folder, "memory.current", "inactive_file")
	return u
}

// memoryIn is the memory that a cgroup holds, without what the kernel would give
// up first.
func memoryIn(folder, total, idle string) *int64 {
	held, err := readNumber(folder, total)
	if err != nil {
		return nil
	}
	cached, err := readField(folder, "memory.stat", idle)
	if err != nil {
		return nil
	}
	held = max(held-cached, 0)
	return &held
}

func readNumber(folder, file string) (int64, error) {
	text, err := os.ReadFile(filepath.Join(folder, file))
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
}

// readField reads one line, "NAME NUMBER", of a file of many.
func readField(folder, file, name string) (int64, error) {
	in, err := os.Open(filepath.Join(folder, file))
	if err != nil {
		return 0, err
	}
	defer in.Close()
	for lines := bufio.NewScanner(in); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			return strconv.ParseInt(value, 10, 64)
		}
	}
	return 0, fmt.Errorf("%s has no %s", file, name)
}
