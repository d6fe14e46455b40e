package store

import (
	"fmt"

	bolt "go.etcd.io/bbolt"

	"souk/internal/agentapi"
	"souk/internal/driver"
	"souk/internal/step"
)

var (
	keyPlace = []byte("place")

	stepEpochBegun = step.New("agent/epoch-begun")
)

// place is whose records these are.
type place struct {
	ZoneID string `json:"zoneID"`
	Epoch  int64  `json:"epoch"`
}

// Begin says for which zone and epoch the agent works from now on. In a new
// epoch facts are numbered from 1 again, those that were never acknowledged
// first; the whole list of what is wanted is asked for, and generations are
// compared afresh. Repeating it changes nothing. Records of another zone are
// refused.
func (s *Store) Begin(zoneID string, epoch int64) error {
	begun := false
	err := s.writes.do(func(tx *bolt.Tx) error {
		var old place
		found, err := s.get(tx, bucketMeta, keyPlace, &old)
		if s.damaged(err) {
			old, err = place{ZoneID: zoneID, Epoch: epoch}, nil // written anew below
		}
		if err != nil {
			return err
		}
		if found && old.ZoneID != zoneID {
			return fmt.Errorf("this data folder holds the records of another zone (%s, not %s): give the agent a data folder of its own", old.ZoneID, zoneID)
		}
		begun = !found || old.Epoch != epoch
		if begun && found {
			if err := s.renumber(tx); err != nil {
				return err
			}
		}
		s.atStart.Store(tx.Bucket([]byte(bucketOutbox)).Sequence())
		return s.put(tx, bucketMeta, keyPlace, place{ZoneID: zoneID, Epoch: epoch})
	})
	if err != nil {
		return err
	}
	if begun {
		stepEpochBegun.Done()
	}
	return nil
}

func (s *Store) epoch(tx *bolt.Tx) (int64, error) {
	var here place
	if _, err := s.get(tx, bucketMeta, keyPlace, &here); err != nil {
		return 0, err
	}
	return here.Epoch, nil
}

// renumber carries the facts that were never acknowledged over into a new epoch
// and forgets what counted only in the old one.
func (s *Store) renumber(tx *bolt.Tx) error {
	facts, err := s.takeOutbox(tx)
	if err != nil {
		return err
	}
	outbox := tx.Bucket([]byte(bucketOutbox))
	if err := outbox.SetSequence(uint64(len(facts))); err != nil {
		return err
	}
	for i, fact := range facts {
		fact.Sequence = uint64(i + 1)
		if err := s.put(tx, bucketOutbox, outboxKey(fact.Sequence, fact.InstanceID), fact); err != nil {
			return err
		}
	}
	if err := tx.DeleteBucket([]byte(bucketPurged)); err != nil {
		return err
	}
	if _, err := tx.CreateBucket([]byte(bucketPurged)); err != nil {
		return err
	}
	return tx.Bucket([]byte(bucketMeta)).Delete(keyToken)
}

// takeOutbox empties the outbox. A fact that cannot be read is left out, and
// said: the control plane learns the instance's state from its next fact.
func (s *Store) takeOutbox(tx *bolt.Tx) ([]agentapi.Fact, error) {
	var facts []agentapi.Fact
	outbox := tx.Bucket([]byte(bucketOutbox))
	err := outbox.ForEach(func(key, sealed []byte) error {
		var fact agentapi.Fact
		err := s.decode(bucketOutbox, key, sealed, &fact)
		if s.damaged(err) {
			return s.reportAnew(tx, string(key[8:]))
		}
		if err != nil {
			return err
		}
		facts = append(facts, fact)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return facts, forgetThrough(outbox, lastSequence(outbox))
}

// reportAnew makes the next observation of the instance differ from the last
// report, and keeps the rest of what is known.
func (s *Store) reportAnew(tx *bolt.Tx, id string) error {
	last, err := s.lastReport(tx, id)
	if err != nil || last == nil {
		return err
	}
	last.Observation = driver.Observation{}
	return s.put(tx, bucketReported, []byte(id), last)
}

func lastSequence(outbox *bolt.Bucket) uint64 {
	key, _ := outbox.Cursor().Last()
	if key == nil {
		return 0
	}
	return sequenceOf(key)
}
