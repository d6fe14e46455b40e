package postgresql

import (
	"os"
	"testing"

	"souk/internal/driver/process/processtest"
)

// beAgent lets the test binary be an agent of a cluster, where it is started as one.
var beAgent = func() {}

// TestMain lets the test binary stand in for souk.
func TestMain(m *testing.M) {
	beAgent()
	os.Exit(processtest.Main(m, ProcessEngine()))
}
