package store

import (
	"bytes"
	"encoding/json"
	"errors"

	bolt "go.etcd.io/bbolt"

	"souk/internal/agentapi"
	"souk/internal/step"
)

var (
	keyToken = []byte("token")

	stepDesiredCached = step.New("agent/desired-cached")
)

// entry is a cached Desired and the epoch in which it was said: generations are
// compared within one epoch only.
type entry struct {
	Epoch   int64            `json:"epoch"`
	Desired agentapi.Desired `json:"desired"`
}

// tombstone remembers a removed instance, so that a late event does not bring
// it back.
type tombstone struct {
	Epoch      int64  `json:"epoch"`
	Generation int64  `json:"generation"`
	Sequence   uint64 `json:"sequence"` // of the fact that it is gone
}

// Work is everything known of one instance.
type Work struct {
	Desired  agentapi.Desired
	Reported *Reported // nil when nothing has been reported yet
}

// Token returns the resume token of the desired stream; empty means that the
// whole list is needed.
func (s *Store) Token() string {
	var token string
	err := s.db.View(func(tx *bolt.Tx) error {
		_, err := s.get(tx, bucketMeta, keyToken, &token)
		return err
	})
	if err != nil {
		s.log.Warn("the resume token on disk cannot be read: the whole list is asked for", "error", err)
		return ""
	}
	return token
}

// ForgetToken makes the next stream of desired events begin with a whole list.
func (s *Store) ForgetToken() error {
	return s.writes.do(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(bucketMeta)).Delete(keyToken)
	})
}

// Listing tells Apply where in a stream its events are.
type Listing bool

// Apply takes up a run of events in one durable write and returns the IDs of
// the instances of which something else is wanted now. While listing is set the
// events belong to a whole list: its resume token counts only once the list is
// complete. Apply clears listing at the event that ends the list.
func (s *Store) Apply(events []agentapi.DesiredEvent, listing *Listing) (changed []string, err error) {
	before := *listing
	err = s.writes.do(func(tx *bolt.Tx) error {
		*listing, changed = before, changed[:0]
		token := ""
		for _, event := range events {
			if event.Instance != nil {
				different, err := s.applyInstance(tx, *event.Instance, *listing)
				if err != nil {
					return err
				}
				if different {
					changed = append(changed, event.Instance.ID)
				}
			}
			if event.Clock != nil {
				if err := s.putOffset(tx, event.Clock.Offset); err != nil {
					return err
				}
			}
			if event.Synced {
				*listing = false
			}
			if event.Token != "" && !bool(*listing) {
				token = event.Token
			}
		}
		if token == "" {
			return nil
		}
		return s.put(tx, bucketMeta, keyToken, token)
	})
	if err != nil {
		*listing = before
		return nil, err
	}
	for _, event := range events {
		if event.Clock != nil {
			s.clock.move(event.Clock.Offset, s.now())
		}
	}
	stepDesiredCached.Done()
	return changed, nil
}

func (s *Store) applyInstance(tx *bolt.Tx, wanted agentapi.Desired, listing Listing) (changed bool, err error) {
	epoch, err := s.epoch(tx)
	if err != nil {
		return false, err
	}
	key := []byte(wanted.ID)
	if s.isPurged(tx, epoch, wanted, listing) {
		return false, nil
	}
	var old entry
	known, err := s.get(tx, bucketDesired, key, &old)
	if s.damaged(err) {
		known, err = false, nil // replaced by what was just said
	}
	if err != nil {
		return false, err
	}
	if known && old.Epoch == epoch && wanted.Generation < old.Desired.Generation {
		s.log.Debug("late event ignored", "instance", wanted.ID, "generation", wanted.Generation, "known", old.Desired.Generation)
		return false, nil
	}
	if known && old.Desired.HeldData {
		wanted.HeldData = true // what once held data is never made anew
	}
	next := entry{Epoch: epoch, Desired: wanted}
	if known && sameContent(old, next) {
		return false, nil
	}
	return true, s.put(tx, bucketDesired, key, next)
}

// isPurged says that the instance has been removed here and the event is late.
// A whole list that still wants it purged has not seen the fact: it is removed,
// and reported, again.
func (s *Store) isPurged(tx *bolt.Tx, epoch int64, wanted agentapi.Desired, listing Listing) bool {
	var grave tombstone
	found, err := s.get(tx, bucketPurged, []byte(wanted.ID), &grave)
	if s.damaged(err) {
		grave.Epoch = epoch // it was removed; only the details are lost
	}
	if !found || grave.Epoch != epoch {
		return false
	}
	repeat := bool(listing) && wanted.Intent == agentapi.IntentPurged && !outboxHolds(tx, grave.Sequence)
	return !repeat
}

// sameContent compares by what would be written: the encoding is canonical.
func sameContent(a, b entry) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// Load returns what is known of an instance: ErrNotCached, or a CorruptError
// when what is wanted of it cannot be read. When only the last report cannot be
// read, Work.Reported is one that assumes the instance held data.
func (s *Store) Load(id string) (Work, error) {
	var work Work
	err := s.db.View(func(tx *bolt.Tx) error {
		var wanted entry
		found, err := s.get(tx, bucketDesired, []byte(id), &wanted)
		if err != nil {
			return err
		}
		if !found {
			return ErrNotCached
		}
		work.Desired = wanted.Desired
		work.Reported, err = s.lastReport(tx, id)
		return err
	})
	return work, err
}

// IDs returns the IDs of all instances in the cache, readable or not.
func (s *Store) IDs() ([]string, error) {
	var ids []string
	err := s.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(bucketDesired)).ForEach(func(key, _ []byte) error {
			ids = append(ids, string(key))
			return nil
		})
	})
	return ids, err
}

// Damaged returns what cannot be read of what is wanted.
func (s *Store) Damaged() ([]*CorruptError, error) {
	var all []*CorruptError
	err := s.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(bucketDesired)).ForEach(func(key, sealed []byte) error {
			_, err := s.ring.open(bucketDesired, key, sealed)
			var corrupt *CorruptError
			if errors.As(err, &corrupt) {
				all = append(all, corrupt)
			}
			return nil
		})
	})
	return all, err
}

// damaged logs a value that cannot be read and says whether err is about one.
func (s *Store) damaged(err error) bool {
	var corrupt *CorruptError
	if !errors.As(err, &corrupt) {
		return false
	}
	s.log.Error("a value on disk is damaged", "bucket", corrupt.Bucket, "key", corrupt.Key, "error", corrupt.Err)
	return true
}
