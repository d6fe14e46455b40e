package envelope

import (
	"os"
	"path/filepath"
	"testing"
)

// A Secret of Kubernetes in a pod with an fsGroup is root's, and of mode 0440.
func TestKeyringOfRootForOneGroup(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give a file to another group")
	}
	const group = 65532
	for _, c := range []struct {
		name    string
		mode    os.FileMode
		owner   int
		account int
		groups  []int
		allowed bool
	}{
		{"a pod's", 0o440, 0, 65532, []int{0, group}, true},
		{"of another group", 0o440, 0, 65532, []int{7}, false},
		{"of another owner", 0o440, 7, 65532, []int{group}, false},
		{"that the group can write", 0o460, 0, 65532, []int{group}, false},
		{"that all can read", 0o444, 0, 65532, []int{group}, false},
		{"of root itself", 0o440, 0, 0, []int{group}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "keyring")
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chown(path, c.owner, group); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if got := groupOnly(info, c.account, c.groups); got != c.allowed {
				t.Errorf("it is %v that it may be read", got)
			}
		})
	}
}
