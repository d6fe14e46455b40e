package nats

import (
	"os"
	"testing"

	"souk/internal/driver/process/processtest"
)

func TestMain(m *testing.M) { os.Exit(processtest.Main(m, ProcessEngine())) }
