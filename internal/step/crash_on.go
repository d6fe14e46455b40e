//go:build crashtest

package step

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// EnvCrashAfter names the step after which the process kills itself, and
// EnvCrashMarker a file that it leaves behind as the proof, made just before;
// where the file exists already the process lives on, so that a restarted one
// finishes.
const (
	EnvCrashAfter  = "SOUK_CRASH_AFTER"
	EnvCrashMarker = "SOUK_CRASH_MARKER"
)

// EnvCrashDir names a folder through which processes that run already are told
// after which steps to kill themselves: whoever passes a step for which there
// is a file armed/STEP writes its process ID into it, moves it to killed/STEP
// as the proof, and dies. See FileName.
const EnvCrashDir = "SOUK_CRASH_DIR"

// FileName of a step within the folders of EnvCrashDir.
func FileName(name string) string { return strings.ReplaceAll(name, "/", "_") }

func done(name string) {
	if asked(name) || armed(name) {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

func asked(name string) bool {
	if os.Getenv(EnvCrashAfter) != name {
		return false
	}
	f, err := os.OpenFile(os.Getenv(EnvCrashMarker), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

func armed(name string) bool {
	dir := os.Getenv(EnvCrashDir)
	if dir == "" {
		return false
	}
	file := filepath.Join(dir, "armed", FileName(name))
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return false
	}
	_, err = f.WriteString(strconv.Itoa(os.Getpid()))
	f.Close()
	return err == nil && os.Rename(file, filepath.Join(dir, "killed", FileName(name))) == nil
}
