package soukdev

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Reports selects the numbers of all that zones reported: facts of instances, of their
// backups and of how available they were and of what they used are numbered together within an
// epoch.
const Reports = `(SELECT zone_id, epoch, sequence, boot_id FROM facts
	UNION ALL SELECT zone_id, epoch, sequence, boot_id FROM backup_reports
	UNION ALL SELECT zone_id, epoch, sequence, boot_id FROM sli_intervals
	UNION ALL SELECT zone_id, epoch, sequence, boot_id FROM usage_reports) reports`

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
