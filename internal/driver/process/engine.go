// Package process runs instances as supervised processes of one machine: each
// engine under a shim that outlives the agent, and where the machine allows it
// under a uid and within limits of its own.
//
// It proves process failure only: everything is on one machine, so it never
// offers guaranteed availability.
package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"syscall"
	"time"

	"souk/internal/driver"
	"souk/internal/pki"
	"souk/internal/shim"
	"souk/internal/shim/line"
	"souk/internal/step"
	"souk/internal/supervisor"
)

// Supervisor gives instances their places and their shims.
type Supervisor = supervisor.API

// Engine is how one service is carried out by processes. A service package
// implements it in its own folder.
type Engine interface {
	// Service is the name of the service package.
	Service() string
	// Versions are those installed on this machine, best first. When none can
	// be used, the one returned says why in Problem. It is cheap.
	Versions() []driver.EngineVersion
	// Database is the name that clients find in the endpoint; may be empty.
	Database() string
	// HasData says whether the instance's data is there, whole.
	HasData(ctx context.Context, host *Host) (bool, error)
	// Steps lists, in order, what makes an instance run as wanted. Each step is
	// idempotent and finishes what an earlier attempt began. The function
	// returned is called when no more steps are taken.
	Steps(job *Job) (steps []Step, done func())
	// Answers waits until the running engine serves clients, or ctx ends.
	Answers(ctx context.Context, host *Host) error
	// StopSignal asks the engine to end in good order.
	StopSignal() syscall.Signal
	// WhenFull says what the user can do about full storage, and what the
	// engine still allows.
	WhenFull() string
}

// VersionedEngine is an engine whose running servers say which version they are:
// another than the one installed, where that was replaced since they began.
type VersionedEngine interface {
	Engine
	// RunningVersion asks the server, which answers.
	RunningVersion(ctx context.Context, host *Host) (string, error)
}

// Step is one step of an engine.
type Step struct {
	Name step.Step
	Run  func(ctx context.Context) error
}

// Job is one pass over an engine's steps.
type Job struct {
	*Host
	Want driver.Instance
	// ReadOnly: the storage is full; users must be kept from adding to it, but
	// not from deleting.
	ReadOnly bool
}

// Host is an instance's place on the machine, as its engine sees it. Paths are
// relative to the instance's folder.
type Host struct {
	*shim.Client
	Place   supervisor.Place
	Address string // to listen on
	Port    int
	// Backups is where backups are kept; nil: nowhere.
	Backups *driver.BackupPlace

	names []string
	ca    *pki.CA
	now   func() time.Time
	unit  *unit
	saved func(change func(*record)) error
}

// stopTimeout is how long an engine may take to end in good order.
const stopTimeout = 60 * time.Second

// Initialised records that the instance's data has been made: from now on it
// must be there.
func (h *Host) Initialised() error {
	return h.saved(func(r *record) { r.Initialised = true })
}

// Certificate returns the server certificate and its key in one PEM text:
// current, as long as it is good, or else a new one.
func (h *Host) Certificate(current []byte) ([]byte, error) {
	if cert, err := pki.ParseCertificate(current); err == nil {
		renew := pki.RenewAt(cert)
		h.unit.setRenewal(renew, cert.NotAfter, true)
		if h.now().Before(renew) && h.ca.IssuedBy(cert) && pki.Covers(cert, h.names) {
			return current, nil
		}
	}
	pair, err := h.ca.IssueServer(h.names, h.now(), pki.ServerValidity)
	if err != nil {
		return nil, err
	}
	cert, err := pki.ParseCertificate(pair.Cert)
	if err != nil {
		return nil, err
	}
	h.unit.setRenewal(pki.RenewAt(cert), cert.NotAfter, false)
	return append(pair.Cert, pair.Key...), nil
}

// Restart ends the running engine in good order and starts it with another
// command line.
func (h *Host) Restart(ctx context.Context, engine shim.Engine, signal syscall.Signal) error {
	h.unit.interrupt(h.now())
	if err := h.Stop(ctx, signal, stopTimeout); err != nil {
		return err
	}
	return h.Start(ctx, engine)
}

// Path is the absolute path of a file of the instance.
func (h *Host) Path(name string) string { return filepath.Join(h.Place.Folder, name) }

// Dial connects to a unix socket of the engine.
func (h *Host) Dial(ctx context.Context, path string) (net.Conn, error) {
	return line.DialUnix(ctx, path)
}

// ErrEnded: the engine ended instead of getting ready.
var ErrEnded = errors.New("the engine ended while starting")

// Alive returns ErrEnded, with the reason, when the engine's process has ended.
func (h *Host) Alive(ctx context.Context) error {
	status, err := h.Status(ctx)
	if err != nil {
		return err
	}
	if status.State == shim.Running {
		return nil
	}
	return fmt.Errorf("%w (%s); its last words: %s", ErrEnded, status.LastExit, lastWords(h.Place))
}
