package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
)

// Config of a Supervisor.
type Config struct {
	// Root is the folder that holds all instances. Where each has a uid of its
	// own, all of those must be able to get to it.
	Root string
	// UIDBase and UIDCount are the range of uids to give out; no count means
	// that all instances share the account that the supervisor runs under.
	UIDBase, UIDCount int
	// AgentUID and AgentGID are the agent's, which may talk to the shims.
	AgentUID, AgentGID int
	Logger             *slog.Logger
	// CgroupRoot is where cgroups are mounted; empty means /sys/fs/cgroup.
	CgroupRoot string
}

// Supervisor is the API carried out in this process.
type Supervisor struct {
	cfg     Config
	cgroups cgroups
	records *records
	// busy serializes what is done with one instance.
	busy sync.Map // id → *sync.Mutex
}

// New opens the folder of a supervisor, making it if need be.
func New(cfg Config) (*Supervisor, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	root, err := filepath.Abs(cfg.Root)
	if err != nil {
		return nil, err
	}
	cfg.Root = root
	s := &Supervisor{cfg: cfg}
	for _, folder := range []string{root, s.folder("")} {
		if err := os.MkdirAll(folder, 0o711); err != nil {
			return nil, err
		}
		if err := os.Chmod(folder, s.mode(0o711)); err != nil {
			return nil, err
		}
	}
	if s.records, err = openRecords(filepath.Join(root, "records"), cfg.UIDBase, cfg.UIDCount); err != nil {
		return nil, err
	}
	s.cgroups = openCgroups(cfg.CgroupRoot, root)
	return s, nil
}

// NewLocal is a supervisor for an agent without privileges, within its own
// process: all instances share its account.
func NewLocal(root string, logger *slog.Logger) (*Supervisor, error) {
	return New(Config{Root: root, AgentUID: os.Getuid(), AgentGID: os.Getgid(), Logger: logger})
}

func (s *Supervisor) isolated() bool { return s.cfg.UIDCount > 0 }

// mode closes to others what only other uids would need.
func (s *Supervisor) mode(mode fs.FileMode) fs.FileMode {
	if s.isolated() {
		return mode
	}
	return mode & 0o700
}

func (s *Supervisor) folder(id string) string { return filepath.Join(s.cfg.Root, "instances", id) }

// Info says what the machine allows.
func (s *Supervisor) Info(context.Context) (Info, error) {
	info := Info{Isolation: IsolationShared, Limits: s.cgroups.describe()}
	if s.isolated() {
		info.Isolation = IsolationUser
	}
	return info, nil
}

// List returns the instances of which anything exists.
func (s *Supervisor) List(context.Context) ([]string, error) { return s.records.list(), nil }

// Find returns the place of a prepared instance.
func (s *Supervisor) Find(_ context.Context, id string) (Place, error) {
	if err := ValidID(id); err != nil {
		return Place{}, err
	}
	record, ok := s.records.get(id)
	if !ok {
		return Place{}, ErrNotFound
	}
	if _, err := os.Stat(filepath.Join(s.folder(id), "data")); errors.Is(err, fs.ErrNotExist) {
		return Place{}, ErrNotFound
	}
	return s.place(id, record), nil
}

// Prepare makes the place of an instance.
func (s *Supervisor) Prepare(_ context.Context, id string) (Place, error) {
	if err := ValidID(id); err != nil {
		return Place{}, err
	}
	defer s.hold(id)()
	record, err := s.records.allocate(id)
	if err != nil {
		return Place{}, err
	}
	place := s.place(id, record)
	if err := s.makeFolders(place); err != nil {
		return Place{}, err
	}
	if s.isolated() {
		return place, traversable(place.Folder, place.UID)
	}
	return place, nil
}

func (s *Supervisor) place(id string, r record) Place {
	place := Place{Folder: s.folder(id), UID: r.UID, AgentUser: agentUser, InstanceUser: instanceUser}
	if !s.isolated() {
		place.UID = os.Getuid()
		place.AgentUser = accountName(place.UID)
		place.InstanceUser = place.AgentUser
	} else if s.cfg.AgentUID == 0 {
		place.AgentUser = "root"
	}
	return place
}

// accountName is what the machine calls a uid. A uid without a name gets its
// number, which is what programs show in its place.
func accountName(uid int) string {
	account, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return strconv.Itoa(uid)
	}
	return account.Username
}

// hold keeps others from the instance until the function returned is called.
func (s *Supervisor) hold(id string) func() {
	lock, _ := s.busy.LoadOrStore(id, &sync.Mutex{})
	lock.(*sync.Mutex).Lock()
	return lock.(*sync.Mutex).Unlock
}

// SetLimits changes the limits of an instance's processes.
func (s *Supervisor) SetLimits(_ context.Context, id string, limits Limits) (string, error) {
	if err := ValidID(id); err != nil {
		return "", err
	}
	defer s.hold(id)()
	if _, ok := s.records.get(id); !ok {
		return "", ErrNotFound
	}
	return s.limit(id, limits), nil
}

func (s *Supervisor) limit(id string, limits Limits) string {
	err := s.cgroups.set(id, limits)
	if err == nil {
		return ""
	}
	s.cfg.Logger.Warn("limits are not in force", "instance", id, "error", err)
	return err.Error()
}

// Destroy removes all that there is of an instance.
func (s *Supervisor) Destroy(ctx context.Context, id string) error {
	if err := ValidID(id); err != nil {
		return err
	}
	defer s.hold(id)()
	record, ok := s.records.get(id)
	if !ok {
		return nil
	}
	if err := s.killAll(ctx, id, record); err != nil {
		return err
	}
	if err := os.RemoveAll(s.folder(id)); err != nil {
		return fmt.Errorf("remove the instance's folder: %w", err)
	}
	if s.isolated() {
		removeSharedMemory(record.UID)
	}
	if err := s.cgroups.remove(id); err != nil {
		return fmt.Errorf("remove the instance's cgroup: %w", err)
	}
	if err := s.records.remove(id); err != nil {
		return err
	}
	s.busy.Delete(id)
	return nil
}

// RemoveCgroups removes the folder that held the instances' cgroups, when there
// are no instances any more: for tests and for taking a zone down.
func (s *Supervisor) RemoveCgroups() error { return s.cgroups.close() }
