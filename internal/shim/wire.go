// Package shim keeps one instance's engine alive and does what the agent asks
// of it, under the instance's own uid and in its own cgroup.
//
// A shim outlives the agent, which finds it again by its socket. An engine
// outlives its shim: a new one adopts it, and can start no second, because the
// engine and all its children hold a lock that only they can let go of.
package shim

import "time"

// Names within an instance's folder.
const (
	DataFolder = "data" // the engine's data
	ConfFolder = "conf" // its configuration and keys
	RunFolder  = "run"  // sockets and the shim's own state; the agent's group may enter
	LogFolder  = "log"  // logs; the agent's group may read

	Socket  = RunFolder + "/shim.sock"
	LogFile = LogFolder + "/engine.log" // what the engine writes to stdout and stderr

	ownLog     = LogFolder + "/shim.log"
	stateFile  = RunFolder + "/shim.json"
	shimLock   = RunFolder + "/shim.lock"
	engineLock = RunFolder + "/engine.lock"
)

// The operations of a Request.
const (
	opWrite    = "write"
	opRead     = "read"
	opRename   = "rename"
	opRemove   = "remove"
	opExists   = "exists"
	opUsage    = "usage"
	opRun      = "run"
	opStart    = "start"
	opStop     = "stop"
	opSignal   = "signal"
	opStatus   = "status"
	opWatch    = "watch"
	opShutdown = "shutdown"
)

// request is one line from the agent.
type request struct {
	Op      string        `json:"op"`
	Path    string        `json:"path,omitempty"` // relative to the instance's folder, as all paths are
	To      string        `json:"to,omitempty"`
	Files   []File        `json:"files,omitempty"`
	Command *Command      `json:"command,omitempty"`
	Engine  *Engine       `json:"engine,omitempty"`
	Signal  int           `json:"signal,omitempty"`
	Timeout time.Duration `json:"timeout,omitempty"`
}

// response is one line back.
type response struct {
	Error  string  `json:"error,omitempty"`
	Code   string  `json:"code,omitempty"`
	Data   []byte  `json:"data,omitempty"`
	Bytes  int64   `json:"bytes,omitempty"`
	Exists bool    `json:"exists,omitempty"`
	Result *Result `json:"result,omitempty"`
	Status *Status `json:"status,omitempty"`
}

// File is a file to write: whole, or not at all.
type File struct {
	Path string `json:"path"`
	Mode uint32 `json:"mode"`
	Data []byte `json:"data"`
}

// Command is a program to run once and wait for.
type Command struct {
	Argv  []string `json:"argv"`
	Env   []string `json:"env,omitempty"`
	Stdin []byte   `json:"stdin,omitempty"`
	// Aside lets it run beside whatever else is asked for meanwhile.
	Aside bool `json:"aside,omitempty"`
}

// Result is how a Command ended.
type Result struct {
	ExitCode int    `json:"exitCode"` // -1 when a signal ended it
	Output   []byte `json:"output"`   // stdout and stderr together, the last 64 KiB
}

// Engine is the program that the shim keeps running.
type Engine struct {
	Argv []string `json:"argv"`
	Env  []string `json:"env,omitempty"`
	// PIDFiles are where the engine writes its process ID, on the first line, to
	// keep itself from running twice. One that names a process which has ended,
	// but which its parent has not taken note of, is removed before a start:
	// engines take such a process to be alive.
	PIDFiles []string `json:"pidFiles,omitempty"`
}

// State is what the shim knows of the engine's process.
type State string

// The states of an engine's process.
const (
	Stopped State = "stopped" // does not run and should not
	Running State = "running" // its process is alive
	Waiting State = "waiting" // ended unexpectedly and is started again at NextStart
)

// Status is what a shim tells of its engine.
type Status struct {
	State     State     `json:"state"`
	PID       int       `json:"pid,omitempty"`
	Since     time.Time `json:"since,omitzero"`     // in State
	NextStart time.Time `json:"nextStart,omitzero"` // while Waiting
	Restarts  int       `json:"restarts"`           // after unexpected ends, since the engine was first started
	Failures  int       `json:"failures"`           // of them in a row, with no minute of quiet between
	LastExit  string    `json:"lastExit,omitempty"` // the last unexpected one, in words
	ShimPID   int       `json:"shimPID"`
}
