package store

import (
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"souk/internal/agentapi"
	"souk/internal/compare"
	"souk/internal/driver"
)

// Unreadable returns the instance of the oldest fact in the outbox that cannot
// be read; found is false when all can.
func (s *Store) Unreadable() (sequence uint64, id string, found bool, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		cursor := tx.Bucket([]byte(bucketOutbox)).Cursor()
		for key, sealed := cursor.First(); key != nil && !found; key, sealed = cursor.Next() {
			var fact agentapi.Fact
			var corrupt *CorruptError
			if errors.As(s.decode(bucketOutbox, key, sealed, &fact), &corrupt) {
				sequence, id, found = sequenceOf(key), string(key[8:]), true
			}
		}
		return nil
	})
	return sequence, id, found, err
}

// Refill puts what is true of the instance now in the place of a fact that
// cannot be read, so that the numbering stays without gaps.
func (s *Store) Refill(sequence uint64, id string, seen driver.Observation) error {
	real := s.now()
	fact := agentapi.Fact{
		Sequence: sequence, BootID: s.bootID, InstanceID: id,
		EffectiveAt: s.clock.at(real), RealAt: timestamp(real), Observation: seen,
	}
	return s.writes.do(func(tx *bolt.Tx) error {
		key := outboxKey(sequence, id)
		if tx.Bucket([]byte(bucketOutbox)).Get(key) == nil {
			return fmt.Errorf("fact %d is not in the outbox any more", sequence)
		}
		last, err := s.lastReport(tx, id)
		if err != nil {
			return err
		}
		if last != nil {
			fact.EffectiveAt = compare.Later(fact.EffectiveAt, last.EffectiveAt)
		}
		return s.put(tx, bucketOutbox, key, fact)
	})
}
