package postgresql

import (
	"os"
	"testing"

	"souk/internal/driver/process/processtest"
)

// otherProcesses are what the test binary can be besides, by its first argument;
// each gets the second one.
var otherProcesses = map[string]func(string) int{}

// TestMain lets the test binary stand in for souk.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 {
		if main := otherProcesses[os.Args[1]]; main != nil {
			os.Exit(main(os.Args[2]))
		}
	}
	os.Exit(processtest.Main(m, ProcessEngine()))
}
