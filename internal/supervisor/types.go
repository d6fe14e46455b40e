// Package supervisor gives each instance its place on the machine: a uid, a
// folder, a cgroup, and a shim that runs in them.
//
// As root it is a process of its own and the only one in a zone that stays
// privileged; it does a handful of things for the agent's account alone, and
// runs nothing as root for it. Without root the agent does the same in its own
// process, and all instances share the agent's account.
package supervisor

import (
	"context"
	"errors"
	"fmt"
	"regexp"
)

// Isolation of instances from one another.
const (
	IsolationUser   = "user"   // each has a uid of its own
	IsolationShared = "shared" // all run under the agent's account
)

// ErrNotFound: nothing of the instance exists here.
var ErrNotFound = errors.New("the supervisor has nothing of this instance")

// Info says what the machine lets the supervisor do.
type Info struct {
	Isolation string `json:"isolation"`
	Limits    string `json:"limits"` // "cgroup v1", "cgroup v2" or "none: REASON"
}

// Place is where an instance lives.
type Place struct {
	Folder string `json:"folder"` // the agent may enter its run and log folders
	UID    int    `json:"uid"`
	// The names of the agent's account and of the instance's, as the
	// instance's processes see them.
	AgentUser    string `json:"agentUser"`
	InstanceUser string `json:"instanceUser"`
}

// Limits bound what all processes of an instance may use together; 0 is no limit.
type Limits struct {
	MemoryBytes int64 `json:"memoryBytes"`
	CPUMillis   int64 `json:"cpuMillis"` // thousandths of a core
	Processes   int64 `json:"processes"`
}

// API is what an agent asks of a supervisor, in its own process or another.
// Everything is idempotent. Instance IDs are lower-case UUIDs.
type API interface {
	Info(ctx context.Context) (Info, error)
	// Prepare gives the instance a uid and its folders.
	Prepare(ctx context.Context, id string) (Place, error)
	// Find returns what Prepare made, or ErrNotFound, also when the instance's
	// data folder is gone.
	Find(ctx context.Context, id string) (Place, error)
	// Spawn starts the instance's shim and returns when it answers. The text
	// says why limits are not in force, and is empty when they are.
	Spawn(ctx context.Context, id string, limits Limits) (string, error)
	// SetLimits changes the limits of what runs already; the text is as Spawn's.
	SetLimits(ctx context.Context, id string, limits Limits) (string, error)
	// Destroy kills every process of the instance and removes all that is left
	// of it.
	Destroy(ctx context.Context, id string) error
	// Usage tells what the instance's processes take; ErrNotFound when nothing of
	// it exists. It is cheap.
	Usage(ctx context.Context, id string) (Usage, error)
	// List returns the instances of which anything exists.
	List(ctx context.Context) ([]string, error)
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// ValidID refuses what is not a lower-case UUID, which becomes a file name.
func ValidID(id string) error {
	if !uuid.MatchString(id) {
		return fmt.Errorf("%.60q is not an instance ID", id)
	}
	return nil
}
