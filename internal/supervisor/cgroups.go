package supervisor

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"souk/internal/agent/durable"
)

// controllers are what an instance is limited by.
var controllers = []string{"memory", "cpu", "pids"}

// accounting counts CPU time where the cpu controller does not (cgroup v1).
const accounting = "cpuacct"

// cpuPeriod is the span, in microseconds, over which CPU time is rationed.
const cpuPeriod = 100_000

// cgroups holds one cgroup an instance, below the supervisor's own: what bounds
// the supervisor bounds its instances too.
type cgroups interface {
	describe() string
	// set makes the instance's cgroup, if need be, and limits it.
	set(id string, limits Limits) error
	// confine has the child that the calling thread starts with attr next run
	// in the instance's cgroup. The function returned is called after that.
	confine(id string, attr *syscall.SysProcAttr) (done func(), err error)
	// usage tells what the processes in the instance's cgroup take.
	usage(id string) Usage
	// remove removes the instance's cgroup, in which no process is left.
	remove(id string) error
	// close removes what holds the instances' cgroups, of which none is left.
	close() error
}

// openCgroups finds out what this machine offers. The folders are remembered,
// so that a supervisor started from elsewhere finds its instances' cgroups.
func openCgroups(mount, root string) cgroups {
	if mount == "" {
		mount = "/sys/fs/cgroup"
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return noCgroups{"this machine has no cgroups: " + err.Error()}
	}
	name := fmt.Sprintf("souk-%08x", hash(root))
	remembered := filepath.Join(root, "cgroups.json")
	if _, err := os.Stat(filepath.Join(mount, "cgroup.controllers")); err == nil {
		return openV2(mount, string(own), name, remembered)
	}
	return openV1(mount, string(own), name, remembered)
}

func hash(text string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(text))
	return h.Sum32()
}

// ownGroup returns this process's path in the hierarchy of a controller, or of
// the unified one for "".
func ownGroup(table, controller string) string {
	for line := range strings.Lines(table) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		for name := range strings.SplitSeq(fields[1], ",") {
			if name == controller {
				return fields[2]
			}
		}
	}
	return "/"
}

// below returns the folder of group under mount, or mount itself where the
// group is not visible, as within a container.
func below(mount, group string) string {
	path := filepath.Join(mount, group)
	if _, err := os.Stat(path); err != nil {
		return mount
	}
	return path
}

// recall reads the folders used before, where they still exist.
func recall(file string) map[string]string {
	var folders map[string]string
	text, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(text, &folders) != nil {
		return nil
	}
	for _, folder := range folders {
		if _, err := os.Stat(folder); err != nil {
			return nil
		}
	}
	return folders
}

func remember(file string, folders map[string]string) error {
	text, err := json.Marshal(folders)
	if err != nil {
		return err
	}
	return durable.WriteFile(file, text)
}

// noCgroups is for a machine that cannot limit anything.
type noCgroups struct{ reason string }

func (n noCgroups) describe() string         { return "none: " + n.reason }
func (n noCgroups) set(string, Limits) error { return errors.New(n.reason) }
func (n noCgroups) remove(string) error      { return nil }
func (n noCgroups) close() error             { return nil }
func (n noCgroups) confine(string, *syscall.SysProcAttr) (func(), error) {
	return func() {}, nil
}

// put writes one setting of a cgroup.
func put(folder, file, value string) error {
	out, err := os.OpenFile(filepath.Join(folder, file), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = out.WriteString(value)
	return errors.Join(err, out.Close())
}

// orElse is n in digits, or other where n is 0.
func orElse(n int64, other string) string {
	if n == 0 {
		return other
	}
	return strconv.FormatInt(n, 10)
}

func removeGroup(folder string) error {
	err := syscall.Rmdir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
