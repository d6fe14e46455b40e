// Package objectstore builds versitygw, the object store of souk dev, apart from
// Souk, so that nothing of it is in the program. Its version is that in go.mod.
package objectstore

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheProgramBuildsAndSaysWhatItTakes(t *testing.T) {
	program := filepath.Join(t.TempDir(), "souk-objectstore")
	if out, err := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "github.com/versity/versitygw/cmd/versitygw").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.Command(program, "posix", "--help").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--sidecar") {
		t.Errorf("%v\n%s", err, out)
	}
}
