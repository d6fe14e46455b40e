package line

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func listen(t *testing.T, path string) {
	t.Helper()
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
}

func TestPathsMayBeLong(t *testing.T) {
	short := t.TempDir()
	listen(t, filepath.Join(short, "s"))
	long := filepath.Join(t.TempDir(), strings.Repeat("x", 200))
	if err := os.Rename(short, long); err != nil {
		t.Fatal(err)
	}
	conn, err := Dial(t.Context(), filepath.Join(long, "s"))
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

// What an instance can do in its own run folder: a link to the socket of another.
func TestALinkToTheSocketOfAnotherIsRefused(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: only root can give a folder to another account")
	}
	victim, hostile := t.TempDir(), t.TempDir()
	listen(t, filepath.Join(victim, "s"))
	if err := os.Symlink(filepath.Join(victim, "s"), filepath.Join(hostile, "s")); err != nil {
		t.Fatal(err)
	}
	if err := os.Lchown(hostile, 2_120_000_001, 2_120_000_001); err != nil {
		t.Fatal(err)
	}
	if conn, err := Dial(t.Context(), filepath.Join(victim, "s")); err != nil {
		t.Errorf("the folder's owner: %v", err)
	} else {
		conn.Close()
	}
	conn, err := Dial(t.Context(), filepath.Join(hostile, "s"))
	if err == nil {
		conn.Close()
		t.Fatal("another account answered for the folder's owner")
	}
	if !strings.Contains(err.Error(), "user 0 answers there") {
		t.Error(err)
	}
}
