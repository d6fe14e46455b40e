package store

import (
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// ErrClosed: the store has been closed.
var ErrClosed = errors.New("the agent's store is closed")

// maxGroup bounds how many writes share one transaction.
const maxGroup = 512

// committer runs writes in order, and lets those that arrive while one
// transaction is being synced to disk share the next. So a lone write waits for
// nothing but its own sync, and a burst costs a few syncs rather than one each.
type committer struct {
	db      *bolt.DB
	written func() // called after each transaction
	queue   chan write
	closing chan struct{}
	closed  chan struct{}
}

type write struct {
	apply func(*bolt.Tx) error // may run more than once; only the last run counts
	done  chan error
}

func startCommitter(db *bolt.DB, written func()) *committer {
	c := &committer{
		db:      db,
		written: written,
		queue:   make(chan write, maxGroup),
		closing: make(chan struct{}),
		closed:  make(chan struct{}),
	}
	go c.run()
	return c
}

// submit queues a write; what it returns yields the outcome once, when the
// write is durable. Writes are applied in the order of submission.
func (c *committer) submit(apply func(*bolt.Tx) error) <-chan error {
	w := write{apply: apply, done: make(chan error, 1)}
	select {
	case <-c.closing:
		w.done <- ErrClosed
	default:
		select {
		case c.queue <- w:
		case <-c.closing:
			w.done <- ErrClosed
		}
	}
	return w.done
}

// do writes and waits until it is durable.
func (c *committer) do(apply func(*bolt.Tx) error) error {
	return c.wait(c.submit(apply))
}

func (c *committer) wait(done <-chan error) error {
	select {
	case err := <-done:
		return err
	case <-c.closed:
	}
	select {
	case err := <-done:
		return err
	default:
		return ErrClosed
	}
}

// close commits what is queued and ends.
func (c *committer) close() {
	close(c.closing)
	<-c.closed
}

func (c *committer) run() {
	defer close(c.closed)
	for {
		select {
		case w := <-c.queue:
			c.commit(c.gather(w))
		case <-c.closing:
			c.drain()
			return
		}
	}
}

func (c *committer) drain() {
	for {
		select {
		case w := <-c.queue:
			c.commit(c.gather(w))
		default:
			return
		}
	}
}

func (c *committer) gather(first write) []write {
	group := []write{first}
	for len(group) < maxGroup {
		select {
		case w := <-c.queue:
			group = append(group, w)
		default:
			return group
		}
	}
	return group
}

// commit applies the group in one transaction. A write that fails is answered
// alone, and the rest is applied again without it.
func (c *committer) commit(group []write) {
	for len(group) > 0 {
		failed, err := c.try(group)
		if failed < 0 {
			for _, w := range group {
				w.done <- err
			}
			c.written()
			return
		}
		group[failed].done <- err
		group = append(group[:failed:failed], group[failed+1:]...)
	}
}

// try returns the index of the write that failed, or -1 and the outcome of the
// whole transaction.
func (c *committer) try(group []write) (failed int, err error) {
	failed = -1
	err = c.db.Update(func(tx *bolt.Tx) error {
		for i, w := range group {
			if err := w.apply(tx); err != nil {
				failed = i
				return err
			}
		}
		return nil
	})
	if err != nil && failed < 0 {
		err = fmt.Errorf("write the agent's records to disk: %w", err)
	}
	return failed, err
}
