package store

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPasswordFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("from the file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"": "from the connection string", file: "from the file"} {
		if got, err := password(path, "from the connection string"); err != nil || got != want {
			t.Errorf("%q: %q, %v", path, got, err)
		}
	}
	_, err := Open(t.Context(), Config{App: "host=127.0.0.1 port=1", System: "host=127.0.0.1 port=1", PasswordFiles: PasswordFiles{App: file + ".absent"}})
	if err == nil || !strings.Contains(err.Error(), "read the password") {
		t.Errorf("got %v", err)
	}
}
