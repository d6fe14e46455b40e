package soukdev

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Record asks the control plane's own database, as its superuser, and returns
// the answer's lines with | between the columns.
func (s *Souk) Record(query string) []string {
	s.t.Helper()
	password, err := os.ReadFile(filepath.Join(s.DataDir, "secrets", "superuser"))
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command("psql", "-XAtqv", "ON_ERROR_STOP=1", "-h", filepath.Join(s.DataDir, "socket"), "-U", "postgres", "-c", query, "souk")
	cmd.Env = append(os.Environ(), "PGPASSWORD="+string(password))
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("%s: %v: %s", query, err, out)
	}
	return strings.Fields(string(out))
}
