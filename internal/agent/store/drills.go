package store

import (
	"fmt"

	bolt "go.etcd.io/bbolt"

	"souk/internal/agentapi"
	"souk/internal/step"
)

var (
	stepThrowAwayNoted = step.New("agent/throw-away-noted")
	stepDrillRecorded  = step.New("agent/drill-recorded")
)

// throwAway is what is remembered of an instance that a drill makes.
type throwAway struct {
	Of string `json:"of"` // the instance whose backup is restored
}

// NoteThrowAway remembers, before it is made, that an instance is to be removed
// again, whatever becomes of this process.
func (s *Store) NoteThrowAway(id, of string) error {
	err := s.writes.do(func(tx *bolt.Tx) error { return s.put(tx, bucketThrowAway, []byte(id), throwAway{of}) })
	if err != nil {
		return err
	}
	stepThrowAwayNoted.Done()
	return nil
}

// ThrowAways are the IDs of instances that are to be removed.
func (s *Store) ThrowAways() ([]string, error) {
	var ids []string
	err := s.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(bucketThrowAway)).ForEach(func(key, _ []byte) error {
			ids = append(ids, string(key))
			return nil
		})
	})
	return ids, err
}

// ForgetThrowAway says that the instance has been removed.
func (s *Store) ForgetThrowAway(id string) error {
	return s.writes.do(func(tx *bolt.Tx) error { return tx.Bucket([]byte(bucketThrowAway)).Delete([]byte(id)) })
}

// ReportDrill puts a fact about a drill of an instance's backups into the outbox.
func (s *Store) ReportDrill(id string, is agentapi.DrillFact) error {
	real := s.now()
	fact := agentapi.Fact{BootID: s.bootID, InstanceID: id, EffectiveAt: s.clock.at(real), RealAt: timestamp(real), Drill: &is}
	if err := s.enqueue(fact); err != nil {
		return err
	}
	stepDrillRecorded.Done()
	return nil
}

// enqueue numbers a fact and puts it into the outbox.
func (s *Store) enqueue(fact agentapi.Fact) error {
	return s.writes.do(func(tx *bolt.Tx) (err error) {
		if fact.Sequence, err = tx.Bucket([]byte(bucketOutbox)).NextSequence(); err != nil {
			return fmt.Errorf("number a fact: %w", err)
		}
		return s.put(tx, bucketOutbox, outboxKey(fact.Sequence, fact.InstanceID), fact)
	})
}
