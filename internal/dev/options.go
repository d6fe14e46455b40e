// Package dev is the launcher of `souk dev`: it starts the record's PostgreSQL,
// the control plane, the zone's supervisor and its agent as processes of their
// own on one data folder, keeps them running, and stops them in order.
package dev

import (
	"context"
	"io"
	"time"

	"souk/internal/store"
)

// Options of one launch.
type Options struct {
	DataDir string // made where it is missing
	Listen  string // host:port of the portal and the API
	// AgentListen is host:port of the agents' own listener, as agents elsewhere
	// reach it; empty means a free port that only this machine reaches.
	AgentListen string
	// UIDBase is the number before the first account that the launcher uses
	// when it is root; 0 means 60100.
	UIDBase uint32
	// InstanceUIDs are the accounts that the supervisor gives to instances, for
	// which names are made up; the zero value means 1000 from 61000 on.
	InstanceUIDs UIDRange
	// ObjectStore is the path of the object store's program; empty: the zone has
	// no place for backups.
	ObjectStore string
	// LongestPause is what a part that keeps ending is given before it is started
	// again, at most; 0 means 10 seconds.
	LongestPause time.Duration
	Out          io.Writer // what people see
	Hooks        Hooks

	pace pace // of restarts; tests make it faster
}

// UIDRange is Count accounts from First on.
type UIDRange struct{ First, Count uint32 }

// Hooks are what the launcher does not know of the programs that it runs. Each
// may be called again after a kill, and has to bear it.
type Hooks struct {
	// ControlConfig and AgentConfig return the files for `souk serve --config`
	// and `souk agent --config`. They are asked at each start.
	ControlConfig, AgentConfig func(Layout) ([]byte, error)
	// SupervisorArgs returns the arguments that make souk the zone's privileged
	// supervisor. It is asked only as root; nil means that there is none.
	SupervisorArgs func(Layout) []string
	// Enrolled says whether the agent has its identity. If so it is started at
	// once, else once Enrol has succeeded.
	Enrolled func(Layout) bool
	// Enrol gives the agent what it needs to enrol (see Layout.GiveAgent). It
	// runs once the control plane answers, and again until it returns nil.
	Enrol func(context.Context, Layout) error
	// Ready runs at each start once the control plane answers, and again until
	// it returns nil.
	Ready func(context.Context, Layout) error
	// StopEngines ends all instances when the launcher is asked to stop, after
	// the control plane and the agent have ended. The context ends when
	// somebody hurries.
	StopEngines func(context.Context, Layout) error
}

// Layout is where everything of one launch is. Children know the data folder by
// another, shorter path than people do: Home, which they can enter.
type Layout struct {
	DataDir string // the data folder as people know it
	Home    string // the same folder as the children know it

	Listen      string // of the portal and the API
	AgentListen string // of the agents' own listener; on this machine only, unless told otherwise
	AdminListen string // of /metrics, on this machine only
	URL         string // of the portal, for somebody on this machine

	// Program is the path by which any of the accounts can run this program.
	Program string
	// Record is how the control plane reaches its database. Owner is empty: the
	// launcher migrates.
	Record store.Config
	// Keyring is the control plane's keyring file.
	Keyring string

	// ObjectStore is where the zone keeps backups; nil: nowhere.
	ObjectStore *ObjectStore

	Control, Agent Account
	// Privileged is set when the launcher is root, and with that each of its
	// children but the supervisor another account.
	Privileged   bool
	InstanceUIDs UIDRange

	postgres  Account
	objects   Account // the object store's
	port      int     // of the portal
	folders   folders
	homeIsNew bool
}

// Account is a numeric user and its group.
type Account struct{ UID, GID uint32 }

// pace of restarts.
type pace struct {
	first, most time.Duration // before the first restart, and at most
	healthy     time.Duration // who lived that long begins anew with first
}

func (o *Options) defaults() {
	if o.UIDBase == 0 {
		o.UIDBase = 60100
	}
	if o.InstanceUIDs == (UIDRange{}) {
		o.InstanceUIDs = UIDRange{First: 61000, Count: 1000}
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	if o.LongestPause == 0 {
		o.LongestPause = 10 * time.Second
	}
	if o.pace == (pace{}) {
		o.pace = pace{first: 100 * time.Millisecond, most: o.LongestPause, healthy: 10 * time.Second}
	}
}
