package postgresql

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"souk/internal/driver"
)

// oldest is the oldest major version that can be run.
const oldest = 15

// installation finds the PostgreSQL programs of this machine.
type installation struct {
	pattern string // of folders named .../MAJOR/bin

	mu    sync.Mutex
	bin   string
	built time.Time
	found driver.EngineVersion
}

// folder returns where the programs of the newest usable version are.
func (i *installation) folder() string {
	folders, _ := filepath.Glob(i.pattern)
	folders = slices.DeleteFunc(folders, func(folder string) bool {
		_, err := os.Stat(filepath.Join(folder, "initdb"))
		return err != nil || majorOf(folder) < oldest
	})
	if len(folders) == 0 {
		return ""
	}
	return slices.MaxFunc(folders, func(a, b string) int { return majorOf(a) - majorOf(b) })
}

func majorOf(bin string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(bin)))
	if err != nil {
		return 0
	}
	return n
}

// version returns what is installed. The program is asked once for each build
// of it.
func (i *installation) version() driver.EngineVersion {
	bin := i.folder()
	if bin == "" {
		return driver.EngineVersion{Service: service, Problem: fmt.Sprintf("PostgreSQL %d or newer is not installed on the zone's machine (Debian: apt-get install postgresql)", oldest)}
	}
	program := filepath.Join(bin, "postgres")
	info, err := os.Stat(program)
	if err != nil {
		return driver.EngineVersion{Service: service, Problem: fmt.Sprintf("the PostgreSQL server program is missing in %s", bin)}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if bin == i.bin && info.ModTime().Equal(i.built) {
		return i.found
	}
	found := driver.EngineVersion{Service: service}
	output, err := exec.Command(program, "--version").Output()
	fields := strings.Fields(string(output))
	if err != nil || len(fields) < 3 {
		found.Problem = fmt.Sprintf("the PostgreSQL server program in %s cannot be run", bin)
		return found
	}
	found.Version = fields[2]
	i.bin, i.built, i.found = bin, info.ModTime(), found
	return found
}
