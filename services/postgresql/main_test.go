package postgresql

import (
	"os"
	"testing"

	"souk/internal/shim"
	"souk/internal/supervisor"
)

// otherProcesses are what the test binary can be beside itself, by its first
// argument; each gets the second one.
var otherProcesses = map[string]func(string) int{"agent": agentMain}

// TestMain lets the test binary stand in for souk: supervisors start it again
// as a shim.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "shim" {
		os.Exit(shim.Main(os.Args[2:]))
	}
	if len(os.Args) > 1 && os.Args[1] == "supervise" {
		os.Exit(supervisor.Main(os.Args[2:]))
	}
	if len(os.Args) > 2 {
		if main := otherProcesses[os.Args[1]]; main != nil {
			os.Exit(main(os.Args[2]))
		}
	}
	os.Exit(m.Run())
}
