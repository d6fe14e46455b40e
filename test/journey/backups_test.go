//go:build journey

package journey

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"souk/test/soukdev"
)

// redisCLI speaks to the instance "cache".
const redisCLI = `eval "$(souk credentials cache -o shell)"; redis-cli --tls --cacert $REDIS_TLS_CA -h $REDIS_HOST -p $REDIS_PORT --user $REDIS_USERNAME `

// withBackup is a Souk with an instance that was backed up, and a webhook of its customer's.
func withBackup(t *testing.T) (*soukdev.Souk, *receiver) {
	t.Helper()
	s := soukdev.Build(t)
	s.Start()
	s.Cleanup()
	s.Sh("souk context use acme").Done()
	hook := channel(t, s)
	s.Sh("souk order redis cache --wait").Done()
	// More than what the program that keeps backups takes for one piece.
	s.Sh(`head -c 16000000 /dev/urandom > ` + s.DataDir + `/value; ` + redisCLI + `-x set large < ` + s.DataDir + `/value`).Prints("OK")
	s.Sh("souk backup cache --wait").Done()
	return s, hook
}

// That no backup is taken, as the place for backups is away for more than a day, reaches
// the customer's webhook; once the place is back the runbook mends it, and the webhook
// hears of that too.
func TestLateBackupIsToldAndMended(t *testing.T) {
	s, hook := withBackup(t)
	program := filepath.Join(s.DataDir, "run", "objectstore")
	if err := os.Chmod(program, 0o600); err != nil { // it cannot be started again
		t.Fatal(err)
	}
	if err := syscall.Kill(s.Part("objectstore"), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.Sh("souk --context operator dev clock advance 29h").Done()
	s.Eventually("the alert waits for the backup to come all the same", func() error {
		return failing(!strings.Contains(s.Sh("souk get alerts").Done().Out, "backup-late"), "not yet")
	})
	s.Sh("souk --context operator dev clock advance 31m").Done()

	told := hook.wait(s, "cache", "backup-late", "firing")
	shown(t, s, told, "firing")
	commands := runbook(s, told, "There is no recent backup")
	if err := os.Chmod(program, 0o755); err != nil {
		t.Fatal(err)
	}
	follow(t, s, commands)
	lookAgain(s)
	shown(t, s, hook.wait(s, "cache", "backup-late", "resolved"), "resolved")
	s.Interrupt()
}

// That a backup which was damaged where it is kept cannot be restored is found by a drill
// and reaches the customer's webhook; the runbook takes one that can be, and the webhook
// hears of that too.
func TestFailedDrillIsToldAndMended(t *testing.T) {
	s, hook := withBackup(t)
	damage(t, filepath.Join(s.DataDir, "objects", "data", "backups", s.Instance("cache").Metadata.ID, "data"))
	s.Sh("souk drill cache --wait").Fails(1, "damaged")
	lookAgain(s)

	told := hook.wait(s, "cache", "drill-failed", "firing")
	shown(t, s, told, "firing")
	follow(t, s, runbook(s, told, "A restore drill has failed"))
	lookAgain(s)
	shown(t, s, hook.wait(s, "cache", "drill-failed", "resolved"), "resolved")
	s.Interrupt()
}

// damage changes bytes in the middle of each file of what is kept.
func damage(t *testing.T, folder string) {
	t.Helper()
	damaged := 0
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for i := len(text) / 3; i < len(text)/2; i++ {
			text[i] ^= 0xff
		}
		damaged++
		return os.WriteFile(path, text, 0o600)
	})
	if err = errors.Join(err, failing(damaged == 0, "nothing is kept in %s", folder)); err != nil {
		t.Fatal(err)
	}
}
