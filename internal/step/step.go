// Package step names the steps of multi-step operations in one registry, so
// that the crash harness can kill a process after each of them and a test can
// tell which step was never killed.
package step

import (
	"slices"
	"sync"
)

// Step is a point at which a process may be killed and must be able to go on.
type Step struct{ name string }

var (
	mu    sync.Mutex
	names []string
)

// New registers a step under a name that is unique in the program, such as
// "postgresql/initdb". Call it from a package-level variable; it panics on a
// name taken.
func New(name string) Step {
	mu.Lock()
	defer mu.Unlock()
	if slices.Contains(names, name) {
		panic("step: registered twice: " + name)
	}
	names = append(names, name)
	return Step{name}
}

// All returns the names of all registered steps, sorted.
func All() []string {
	mu.Lock()
	defer mu.Unlock()
	out := slices.Clone(names)
	slices.Sort(out)
	return out
}

// Done marks the step as carried out. In a normal build it does nothing; in
// one with the tag "crashtest" it kills the process when the environment asks.
func (s Step) Done() { done(s.name) }

func (s Step) String() string { return s.name }
