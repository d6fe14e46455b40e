package store

import (
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"souk/internal/step"
)

var (
	stepCacheKeyAdded  = step.New("agent/cache-key-added")
	stepCacheResealed  = step.New("agent/cache-resealed")
	stepOldKeysRetired = step.New("agent/cache-keys-retired")
)

// resealChunk is how many values one transaction seals again.
const resealChunk = 1000

// renewKey makes a new key when the current one is older than maxAge, seals
// every value with it and forgets the old ones. A renewal that was cut short is
// finished.
func (s *Store) renewKey(maxAge time.Duration) error {
	if maxAge > 0 && s.now().Sub(s.ring.current().Made) > maxAge {
		if err := s.ring.add(s.now()); err != nil {
			return err
		}
		stepCacheKeyAdded.Done()
	}
	if len(s.ring.keys) == 1 {
		return nil
	}
	for _, bucket := range buckets {
		if err := s.reseal(bucket); err != nil {
			return fmt.Errorf("seal the agent's cache with a new key: %w", err)
		}
	}
	stepCacheResealed.Done()
	if err := s.ring.retire(); err != nil {
		return err
	}
	stepOldKeysRetired.Done()
	return nil
}

func (s *Store) reseal(bucket string) error {
	var after []byte
	for done := false; !done; {
		err := s.db.Update(func(tx *bolt.Tx) (err error) {
			after, done, err = s.resealSome(tx, bucket, after)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// resealSome goes through the next values after a key. Those that cannot be
// read are left as they are, for their readers to name.
func (s *Store) resealSome(tx *bolt.Tx, bucket string, after []byte) (last []byte, done bool, err error) {
	type pair struct{ key, plain []byte }
	var stale []pair
	cursor := tx.Bucket([]byte(bucket)).Cursor()
	key, sealed := cursor.Seek(after)
	for seen := 0; key != nil && seen < resealChunk; key, sealed = cursor.Next() {
		seen++
		last = append(last[:0:0], key...)
		plain, err := s.ring.open(bucket, key, sealed)
		if err != nil || sealedBy(sealed) == s.ring.current().ID {
			continue
		}
		stale = append(stale, pair{last, plain})
	}
	done = key == nil
	for _, p := range stale {
		sealed, err := s.ring.seal(bucket, p.key, p.plain)
		if err != nil {
			return nil, false, err
		}
		if err := tx.Bucket([]byte(bucket)).Put(p.key, sealed); err != nil {
			return nil, false, err
		}
	}
	return last, done, nil
}
