package store

import (
	"errors"
	"fmt"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"

	"souk/internal/agent/counters"
	"souk/internal/agentapi"
	"souk/internal/step"
)

var stepUsageRecorded = step.New("agent/usage-recorded")

// keyCounting holds since when accounts are kept.
var keyCounting = []byte("counting")

func accountKey(k counters.Key) []byte { return []byte(k.Instance + "/" + k.Meter) }

// beginCounting notes, once, since when accounts are kept in this folder.
func (s *Store) beginCounting() error {
	return s.db.Update(func(tx *bolt.Tx) error {
		found, err := s.get(tx, bucketMeta, keyCounting, &s.counting)
		if s.damaged(err) {
			found, err = false, nil // what was counted before now may have been reported
		}
		if err != nil || found {
			return err
		}
		s.counting = timestamp(s.now())
		return s.put(tx, bucketMeta, keyCounting, s.counting)
	})
}

// Began is since when (real time) accounts of counters have been kept in this folder.
func (s *Store) Began() time.Time { return s.counting }

// Accounts are all accounts of counters, and which of them cannot be read.
func (s *Store) Accounts() (known map[counters.Key]counters.Account, damaged map[counters.Key]bool, err error) {
	known, damaged = map[counters.Key]counters.Account{}, map[counters.Key]bool{}
	err = s.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(bucketCounters)).ForEach(func(key, sealed []byte) error {
			instance, meter, _ := strings.Cut(string(key), "/")
			k := counters.Key{Instance: instance, Meter: meter}
			var is counters.Account
			err := s.decode(bucketCounters, key, sealed, &is)
			if s.damaged(err) {
				damaged[k] = true
				return nil
			}
			known[k] = is
			return err
		})
	})
	return known, damaged, err
}

// ReportUsage puts facts about what meters have counted into the outbox, and keeps the
// accounts of them, in one write. Of an instance that is not in the cache any more nothing
// is done.
func (s *Store) ReportUsage(all []counters.Report) error {
	real := s.now()
	err := s.writes.do(func(tx *bolt.Tx) error {
		for _, r := range all {
			if tx.Bucket([]byte(bucketDesired)).Get([]byte(r.Instance)) == nil {
				continue
			}
			if err := errors.Join(s.putUsage(tx, r.Key, r.Used, real), s.put(tx, bucketCounters, accountKey(r.Key), r.Account)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	stepUsageRecorded.Done()
	return nil
}

func (s *Store) putUsage(tx *bolt.Tx, k counters.Key, used []counters.Used, real time.Time) error {
	for _, u := range used {
		sequence, err := tx.Bucket([]byte(bucketOutbox)).NextSequence()
		if err != nil {
			return fmt.Errorf("number a fact: %w", err)
		}
		fact := agentapi.Fact{Sequence: sequence, BootID: s.bootID, InstanceID: k.Instance, EffectiveAt: s.clock.at(real), RealAt: timestamp(real),
			Usage: &agentapi.UsageSpan{Meter: k.Meter, From: u.From, To: u.To, Quantity: u.Quantity}}
		if err := s.put(tx, bucketOutbox, outboxKey(sequence, k.Instance), fact); err != nil {
			return err
		}
	}
	return nil
}

// endAccounts reports what is left of an instance that has been removed, and drops its
// accounts.
func (s *Store) endAccounts(tx *bolt.Tx, id string) error {
	bucket := tx.Bucket([]byte(bucketCounters))
	var keys [][]byte
	cursor, prefix := bucket.Cursor(), id+"/"
	for key, _ := cursor.Seek([]byte(prefix)); strings.HasPrefix(string(key), prefix); key, _ = cursor.Next() {
		keys = append(keys, append([]byte(nil), key...))
	}
	for _, key := range keys {
		var is counters.Account
		_, err := s.get(tx, bucketCounters, key, &is)
		if err != nil && !s.damaged(err) {
			return err
		}
		k := counters.Key{Instance: id, Meter: strings.TrimPrefix(string(key), prefix)}
		if err := errors.Join(s.putUsage(tx, k, is.Open, s.now()), bucket.Delete(key)); err != nil {
			return err
		}
	}
	return nil
}
