// Package store keeps on disk what an agent must not forget: what is wanted of
// every instance, what was last reported of it, and the facts that the control
// plane has not yet acknowledged. Values are encrypted; each method that writes
// returns once the write survives a power cut.
package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
)

const (
	bucketMeta      = "meta"      // resume token, zone and epoch, clock
	bucketDesired   = "desired"   // by instance ID
	bucketReported  = "reported"  // by instance ID
	bucketPurged    = "purged"    // by instance ID: what a late event must not bring back
	bucketThrowAway = "throwaway" // by instance ID: what a drill makes, to be removed again
	bucketCounters  = "counters"  // by instance ID and meter: up to where counters are accounted for
	bucketOutbox    = "outbox"    // by sequence and instance ID; the bucket's own sequence numbers the facts
)

var buckets = []string{bucketMeta, bucketDesired, bucketReported, bucketPurged, bucketThrowAway, bucketCounters, bucketOutbox}

// ErrNotCached: nothing is known of the instance.
var ErrNotCached = errors.New("instance not in the agent's cache")

// Options open a store.
type Options struct {
	Dir       string // the agent's data folder; must exist
	BootID    string // of this process; goes into each fact
	Now       func() time.Time
	Logger    *slog.Logger
	KeyMaxAge time.Duration // the cache key is replaced at a start after this age; 0 means never
}

// Store is the agent's durable memory. It is safe for concurrent use.
type Store struct {
	db     *bolt.DB
	ring   *keyring
	writes *committer
	log    *slog.Logger
	now    func() time.Time
	bootID string
	clock  soukClock
	// counting is since when accounts of counters have been kept, in real time.
	counting time.Time
	atStart  atomic.Uint64 // facts made by the time the epoch was begun
	waiting  chan struct{} // holds a token while the outbox may have something new
}

// Open opens or makes the store in the folder and finishes what an earlier
// process left undone.
func Open(opt Options) (*Store, error) {
	cachePath := filepath.Join(opt.Dir, "agent.db")
	ring, err := openKeyring(filepath.Join(opt.Dir, "cache-keys.json"), cachePath, opt.Now())
	if err != nil {
		return nil, err
	}
	db, err := openDatabase(cachePath)
	if err != nil {
		return nil, err
	}
	s := &Store{
		db: db, ring: ring, log: opt.Logger, now: opt.Now, bootID: opt.BootID,
		waiting: make(chan struct{}, 1),
	}
	if err := s.prepare(opt.KeyMaxAge); err != nil {
		_ = db.Close()
		return nil, err
	}
	s.writes = startCommitter(db, s.wakeSender)
	s.wakeSender()
	return s, nil
}

// Close waits for the writes under way and closes the files.
func (s *Store) Close() error {
	s.writes.close()
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close the agent's store: %w", err)
	}
	return nil
}

// openDatabase turns the panics by which bbolt meets some damaged files into
// errors that say what to do.
func openDatabase(path string) (db *bolt.DB, err error) {
	defer func() {
		cause := recover()
		if cause == nil && err == nil {
			return
		}
		if cause == nil {
			cause = err
		}
		db, err = nil, fmt.Errorf("the agent's cache %s cannot be opened (%v): if the disk is sound, move the agent's data folder away and enrol anew; instances are not affected", path, cause)
	}()
	return bolt.Open(path, 0o600, &bolt.Options{
		Timeout:        time.Second,
		NoFreelistSync: true,
		FreelistType:   bolt.FreelistMapType,
	})
}

func (s *Store) prepare(keyMaxAge time.Duration) error {
	err := s.db.Update(func(tx *bolt.Tx) error {
		for _, name := range buckets {
			if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("prepare the agent's cache: %w", err)
	}
	if err := s.renewKey(keyMaxAge); err != nil {
		return err
	}
	return errors.Join(s.loadClock(), s.beginCounting())
}

// get reads and opens one value; found is false when there is none. A value
// that cannot be read is a CorruptError.
func (s *Store) get(tx *bolt.Tx, bucket string, key []byte, into any) (found bool, err error) {
	sealed := tx.Bucket([]byte(bucket)).Get(key)
	if sealed == nil {
		return false, nil
	}
	return true, s.decode(bucket, key, sealed, into)
}

func (s *Store) decode(bucket string, key, sealed []byte, into any) error {
	plain, err := s.ring.open(bucket, key, sealed)
	if err != nil {
		return err
	}
	if err := unmarshalExact(plain, into); err != nil {
		return &CorruptError{Bucket: bucket, Key: printable(bucket, key), Err: err}
	}
	return nil
}

func (s *Store) put(tx *bolt.Tx, bucket string, key []byte, value any) error {
	plain, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("write %s %s: %w", bucket, printable(bucket, key), err)
	}
	sealed, err := s.ring.seal(bucket, key, plain)
	if err != nil {
		return err
	}
	return tx.Bucket([]byte(bucket)).Put(key, sealed)
}
