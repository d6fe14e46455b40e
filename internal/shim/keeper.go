package shim

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"syscall"
	"time"

	"souk/internal/agent/durable"
)

// How restarts are spaced.
const (
	firstPause = 100 * time.Millisecond
	longest    = 30 * time.Second
	orphans    = 5 * time.Second // how long a killed engine's children may take to notice
	quiet      = time.Minute     // an engine that ran so long has not failed in a row
)

// keeper runs the engine and starts it again when it ends unasked.
type keeper struct {
	log *slog.Logger

	mu      sync.Mutex
	saved   saved
	status  Status
	proc    *process
	timer   *time.Timer
	changed chan struct{} // closed and replaced at each change of status
}

// saved is what a later shim needs to know.
type saved struct {
	Wanted   bool    `json:"wanted"` // the engine should run
	Engine   *Engine `json:"engine,omitempty"`
	Restarts int     `json:"restarts"`
}

// newKeeper reads what an earlier shim left.
func newKeeper(log *slog.Logger) *keeper {
	k := &keeper{log: log, changed: make(chan struct{})}
	text, err := os.ReadFile(stateFile)
	if err == nil {
		err = json.Unmarshal(text, &k.saved)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		// It is derived: whoever wants the engine says so again.
		log.Warn("the state file cannot be read and is written anew", "error", err)
		k.saved = saved{}
	}
	k.status = Status{State: Stopped, Since: time.Now().UTC(), Restarts: k.saved.Restarts, ShimPID: os.Getpid()}
	return k
}

// resume adopts an engine that runs. One that does not run is not started
// before the agent says so, which knows better what is wanted by now.
func (k *keeper) resume() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.adopt()
}

// start has the engine run. When it runs already, another command line is
// taken at its next start.
func (k *keeper) start(engine Engine) error {
	if len(engine.Argv) == 0 {
		return errors.New("no program given")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.saved.Wanted, k.saved.Engine = true, &engine
	if err := k.save(); err != nil {
		return err
	}
	if k.proc != nil {
		return nil
	}
	k.stopTimer()
	if err := k.run(); err != nil {
		k.retry(err.Error())
		return err
	}
	return nil
}

// run starts the engine unless one of its processes is still alive. Called
// with mu held.
func (k *keeper) run() error {
	held, err := lock(engineLock)
	if errors.Is(err, errLocked) {
		if k.adopt() {
			return nil
		}
		return errors.New("processes of the engine's last run are still ending")
	}
	if err != nil {
		return err
	}
	defer held.Close()
	for _, file := range k.saved.Engine.PIDFiles {
		if err := removeStale(file); err != nil {
			return err
		}
	}
	proc, err := launch(*k.saved.Engine, held)
	if err != nil {
		return fmt.Errorf("start %s: %w", k.saved.Engine.Argv[0], err)
	}
	k.log.Info("engine started", "pid", proc.pid)
	k.keep(proc)
	return nil
}

// adopt takes over an engine that runs. Called with mu held.
func (k *keeper) adopt() bool {
	if free, err := lock(engineLock); err == nil {
		free.Close()
		return false
	}
	proc, err := adopt(engineLock)
	if err != nil {
		k.log.Error("a running engine could not be adopted", "error", err)
	}
	if proc == nil {
		return false
	}
	k.log.Info("running engine adopted", "pid", proc.pid)
	k.keep(proc)
	return true
}

// keep watches a process until it ends. Called with mu held.
func (k *keeper) keep(proc *process) {
	k.proc = proc
	k.set(Running, proc.pid, time.Time{})
	go func() {
		<-proc.ended
		k.ended(proc)
		close(proc.noted)
	}()
}

func (k *keeper) ended(proc *process) {
	k.mu.Lock()
	defer k.mu.Unlock()
	proc.release()
	k.proc = nil
	if !k.saved.Wanted {
		k.set(Stopped, 0, time.Time{})
		return
	}
	if time.Since(k.status.Since) >= quiet {
		k.status.Failures = 0
	}
	k.log.Error("the engine ended unexpectedly", "pid", proc.pid, "how", proc.how)
	k.retry(proc.how)
}

// retry starts the engine again after a pause. Called with mu held.
func (k *keeper) retry(why string) {
	pause := backoff(k.status.Failures)
	k.status.Failures++
	k.status.Restarts++
	k.status.LastExit = why
	k.saved.Restarts = k.status.Restarts
	if err := k.save(); err != nil {
		k.log.Error("the state could not be written", "error", err)
	}
	k.set(Waiting, 0, time.Now().Add(pause).UTC())
	k.timer = time.AfterFunc(pause, k.again)
}

func (k *keeper) again() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.proc != nil || !k.saved.Wanted || k.status.State != Waiting {
		return
	}
	if err := k.run(); err != nil {
		k.log.Error("the engine could not be started again", "error", err)
		k.retry(err.Error())
	}
}

// backoff doubles from firstPause up to longest, give or take a fifth.
func backoff(failures int) time.Duration {
	pause := min(firstPause<<min(failures, 20), longest)
	return pause*4/5 + rand.N(pause*2/5)
}

// stop ends the engine: by the signal, and after timeout by force. It returns
// when the process has ended and the next start will start another.
func (k *keeper) stop(signal syscall.Signal, timeout time.Duration) error {
	k.mu.Lock()
	proc := k.proc
	k.stopTimer()
	k.status.Failures = 0
	k.saved.Wanted = false
	err := k.save()
	if proc == nil {
		k.set(Stopped, 0, time.Time{})
	}
	k.mu.Unlock()
	if proc == nil || err != nil {
		return err
	}
	if err := k.signalTo(proc, signal); err != nil {
		return err
	}
	select {
	case <-proc.noted:
	case <-time.After(timeout):
		k.log.Warn("the engine did not stop in time and is killed", "pid", proc.pid, "timeout", timeout)
		if err := k.signalTo(proc, syscall.SIGKILL); err != nil {
			return err
		}
		<-proc.noted
		awaitOrphans()
	}
	return nil
}

// awaitOrphans returns when no process of a killed engine is left, or when they
// have had their time: the next start says that they are still ending.
func awaitOrphans() {
	for deadline := time.Now().Add(orphans); time.Now().Before(deadline); time.Sleep(orphans / 500) {
		if free, err := lock(engineLock); err == nil {
			free.Close()
			return
		}
	}
}

// signalTo sends a signal to a process, unless its end has been noted: its
// handle has been given back then.
func (k *keeper) signalTo(proc *process, signal syscall.Signal) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.proc != proc {
		return nil
	}
	return proc.signal(signal)
}

func (k *keeper) signal(signal syscall.Signal) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.proc == nil {
		return errors.New("the engine does not run")
	}
	return k.proc.signal(signal)
}

// current returns the status and a channel that is closed when it changes.
func (k *keeper) current() (Status, <-chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.status, k.changed
}

// set records a change. Called with mu held.
func (k *keeper) set(state State, pid int, next time.Time) {
	k.status.State, k.status.PID, k.status.NextStart = state, pid, next
	k.status.Since = time.Now().UTC()
	close(k.changed)
	k.changed = make(chan struct{})
}

func (k *keeper) stopTimer() {
	if k.timer != nil {
		k.timer.Stop()
	}
}

func (k *keeper) save() error {
	text, err := json.Marshal(k.saved)
	if err != nil {
		return err
	}
	return durable.WriteFile(stateFile, text)
}
