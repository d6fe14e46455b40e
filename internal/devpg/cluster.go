package devpg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Cluster is the PostgreSQL of one data folder.
type Cluster struct {
	Programs Programs
	Data     string // the cluster's own folder; the one above it belongs to the account
	Socket   string // folder of the unix socket, the only way in
	Password string // of the superuser
	// Account that the server runs as; nil means the one of this process.
	Account *syscall.Credential
}

// Superuser is the cluster's first role.
const Superuser = "postgres"

// maxSocketPath is what the kernel allows, with the byte that ends it.
const maxSocketPath = 107

// Init makes the cluster, with checksums and SCRAM passwords, where there is
// none. A kill at any instant leaves no cluster or a whole one.
func (c Cluster) Init(ctx context.Context) error {
	if made, err := madeBy(c.Data); made != 0 || err != nil {
		return err
	}
	if path := filepath.Join(c.Socket, ".s.PGSQL.5432"); len(path) > maxSocketPath {
		return fmt.Errorf("the path of the database's socket, %s, is longer than the %d bytes that the system allows: use a data folder with a shorter path", path, maxSocketPath)
	}
	fresh := c.Data + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("clear up an unfinished start: %w", err)
	}
	password, err := c.passwordFile()
	if err != nil {
		return fmt.Errorf("make the record's cluster: %w", err)
	}
	defer password.Close()
	initdb := exec.CommandContext(ctx, filepath.Join(c.Programs.Bin, "initdb"), "--pgdata", fresh, "--username", Superuser,
		"--auth", "scram-sha-256", "--pwfile", "/dev/fd/3", "--data-checksums", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-instructions")
	initdb.ExtraFiles = []*os.File{password}
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: c.Account, Pdeathsig: syscall.SIGKILL}
	initdb.Dir, initdb.Env = filepath.Dir(c.Data), c.Environment()
	out, err := initdb.CombinedOutput()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("PostgreSQL's initdb failed (%w): %s", err, strings.TrimSpace(string(out)))
	}
	return settle(fresh, c.Data)
}

// passwordFile is a file without a name, which only the account can read.
func (c Cluster) passwordFile() (*os.File, error) {
	f, err := os.CreateTemp("", "souk-")
	if err != nil {
		return nil, err
	}
	err = os.Remove(f.Name())
	if c.Account != nil && err == nil {
		err = f.Chown(int(c.Account.Uid), int(c.Account.Gid))
	}
	if err == nil {
		_, err = f.WriteString(c.Password + "\n")
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// settle gives a finished folder its name, for good.
func settle(fresh, name string) error {
	if err := os.Rename(fresh, name); err != nil {
		return fmt.Errorf("make the record's cluster: %w", err)
	}
	dir, err := os.Open(filepath.Dir(name))
	if err != nil {
		return fmt.Errorf("make the record's cluster: %w", err)
	}
	defer dir.Close()
	return dir.Sync()
}

// Command returns the command of the server, with its account, folder and
// environment set. SIGINT stops it at once and cleanly (a "fast shutdown").
func (c Cluster) Command() *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.Programs.Bin, "postgres"), "-D", c.Data, "-k", c.Socket,
		"-c", "listen_addresses=", "-c", "cluster_name=souk", "-c", "password_encryption=scram-sha-256",
		"-c", "timezone=UTC", "-c", "log_timezone=UTC", "-c", "logging_collector=off",
		"-c", "huge_pages=off", "-c", "max_connections=100", "-c", "max_wal_size=256MB")
	cmd.Dir, cmd.Env = filepath.Dir(c.Data), c.Environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.Account}
	return cmd
}

// Environment of the programs: nothing of ours but where to find programs.
func (c Cluster) Environment() []string {
	return []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC", "HOME=" + filepath.Dir(c.Data)}
}

// Own gives the cluster to the account where another one made it, as after a
// change between root and an ordinary user. It changes nothing otherwise.
func (c Cluster) Own() error {
	if c.Account == nil {
		return nil
	}
	info, err := os.Lstat(c.Data)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid == c.Account.Uid {
		return nil
	}
	uid, gid := int(c.Account.Uid), int(c.Account.Gid)
	err = filepath.WalkDir(c.Data, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == c.Data {
			return err
		}
		return os.Lchown(path, uid, gid)
	})
	if err != nil {
		return fmt.Errorf("give the record to its account: %w", err)
	}
	return os.Lchown(c.Data, uid, gid) // last: it is what says that all is done
}
