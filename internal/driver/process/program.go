package process

import (
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"

	"souk/internal/driver"
)

// Program is an engine's server program as this machine has it.
type Program struct {
	Service string
	Title   string   // what people call it: "Redis"
	Paths   []string // where it may be; the first that is there counts
	Install string   // how it is installed on Debian
	// Usable reads the version from what the program prints when it is asked for
	// it; the problem says in plain words why it cannot be used.
	Usable func(printed string) (version, problem string)

	mu    sync.Mutex
	path  string
	built time.Time
	found driver.EngineVersion
}

// Path returns where the program is, or "".
func (p *Program) Path() string {
	for _, path := range p.Paths {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}

// Version returns what is installed. The program is asked once for each build of it.
func (p *Program) Version() driver.EngineVersion {
	found := driver.EngineVersion{Service: p.Service}
	path := p.Path()
	info, err := os.Stat(path)
	if path == "" || err != nil {
		found.Problem = fmt.Sprintf("%s is not installed on the zone's machine (Debian: %s)", p.Title, p.Install)
		return found
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if path == p.path && info.ModTime().Equal(p.built) {
		return p.found
	}
	printed, err := exec.Command(path, "--version").Output()
	if err != nil {
		found.Problem = fmt.Sprintf("the server program %s cannot be run", path)
		return found
	}
	found.Version, found.Problem = p.Usable(string(printed))
	p.path, p.built, p.found = path, info.ModTime(), found
	return found
}
