package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"souk/internal/agentapi"
	"souk/internal/compare"
	"souk/internal/driver"
	"souk/internal/step"
)

var (
	stepFactRecorded       = step.New("agent/fact-recorded")
	stepBackupsRecorded    = step.New("agent/backups-recorded")
	stepSLIRecorded        = step.New("agent/sli-recorded")
	stepInstanceDropped    = step.New("agent/instance-dropped")
	stepOutboxAcknowledged = step.New("agent/outbox-acknowledged")
)

// ErrAhead: the control plane has acknowledged facts that this agent never
// made, so its data folder is older than the agent's identity.
var ErrAhead = errors.New("the control plane knows more facts of this agent than the agent itself")

// Reported is what was last reported of an instance.
type Reported struct {
	Observation driver.Observation `json:"observation"`
	EffectiveAt time.Time          `json:"effectiveAt"`
	Sequence    uint64             `json:"sequence"`
	// Ran is set once the instance has been reported running or degraded: its
	// data must exist from then on.
	Ran bool `json:"ran"`
}

// Report puts a fact about an instance into the outbox and remembers it as the
// last report, in one write. notBefore is when the command that led to it was
// accepted, or zero. Reports are kept in the order of the calls; the outcome
// comes through the channel once the fact is durable.
func (s *Store) Report(id string, seen driver.Observation, notBefore time.Time) <-chan error {
	real := s.now()
	stamp := s.clock.at(real)
	return s.writes.submit(func(tx *bolt.Tx) error {
		_, err := s.report(tx, id, seen, compare.Later(stamp, notBefore), real)
		return err
	})
}

// Wait waits for the outcome of a Report.
func (s *Store) Wait(done <-chan error) error {
	err := s.writes.wait(done)
	if err == nil {
		stepFactRecorded.Done()
	}
	return err
}

// ReportBackups puts a fact about an instance's backups into the outbox.
func (s *Store) ReportBackups(id string, is agentapi.BackupFact) error {
	real := s.now()
	fact := agentapi.Fact{BootID: s.bootID, InstanceID: id, EffectiveAt: s.clock.at(real), RealAt: timestamp(real), Backups: &is}
	if err := s.enqueue(fact); err != nil {
		return err
	}
	stepBackupsRecorded.Done()
	return nil
}

// ReportSLI puts a fact about whether an instance was available into the outbox.
func (s *Store) ReportSLI(id string, is agentapi.SLISpan) error {
	real := s.now()
	fact := agentapi.Fact{BootID: s.bootID, InstanceID: id, EffectiveAt: s.clock.at(real), RealAt: timestamp(real), SLI: &is}
	if err := s.enqueue(fact); err != nil {
		return err
	}
	stepSLIRecorded.Done()
	return nil
}

// ReportGone puts the fact that an instance was removed into the outbox and
// drops the instance from the cache, in one write.
func (s *Store) ReportGone(wanted agentapi.Desired) error {
	real := s.now()
	stamp := compare.Later(s.clock.at(real), wanted.AcceptedAt)
	gone := driver.Observation{State: driver.StateGone, Generation: wanted.Generation}
	err := s.writes.do(func(tx *bolt.Tx) error {
		sequence, err := s.report(tx, wanted.ID, gone, stamp, real)
		if err != nil {
			return err
		}
		return s.drop(tx, wanted, sequence)
	})
	if err != nil {
		return err
	}
	stepInstanceDropped.Done()
	return nil
}

func (s *Store) report(tx *bolt.Tx, id string, seen driver.Observation, stamp, real time.Time) (uint64, error) {
	last, err := s.lastReport(tx, id)
	if err != nil {
		return 0, err
	}
	next := Reported{Observation: seen, EffectiveAt: stamp, Ran: ran(seen)}
	if last != nil {
		next.EffectiveAt = compare.Later(stamp, last.EffectiveAt)
		next.Ran = next.Ran || last.Ran
	}
	if next.Sequence, err = tx.Bucket([]byte(bucketOutbox)).NextSequence(); err != nil {
		return 0, fmt.Errorf("number a fact: %w", err)
	}
	fact := agentapi.Fact{
		Sequence:    next.Sequence,
		BootID:      s.bootID,
		InstanceID:  id,
		EffectiveAt: next.EffectiveAt,
		RealAt:      timestamp(real),
		Observation: seen,
	}
	if err := s.put(tx, bucketOutbox, outboxKey(fact.Sequence, id), fact); err != nil {
		return 0, err
	}
	return next.Sequence, s.put(tx, bucketReported, []byte(id), next)
}

func (s *Store) drop(tx *bolt.Tx, wanted agentapi.Desired, sequence uint64) error {
	epoch, err := s.epoch(tx)
	if err != nil {
		return err
	}
	key := []byte(wanted.ID)
	if err := tx.Bucket([]byte(bucketDesired)).Delete(key); err != nil {
		return err
	}
	if err := tx.Bucket([]byte(bucketReported)).Delete(key); err != nil {
		return err
	}
	if err := s.endAccounts(tx, wanted.ID); err != nil {
		return err
	}
	return s.put(tx, bucketPurged, key, tombstone{Epoch: epoch, Generation: wanted.Generation, Sequence: sequence})
}

// lastReport returns nil when nothing was reported yet. Of a report that
// cannot be read only this is sure: there was an instance, so it may have held
// data.
func (s *Store) lastReport(tx *bolt.Tx, id string) (*Reported, error) {
	var last Reported
	found, err := s.get(tx, bucketReported, []byte(id), &last)
	if s.damaged(err) {
		return &Reported{Ran: true}, nil
	}
	if err != nil || !found {
		return nil, err
	}
	return &last, nil
}

// Outbox returns a token whenever there may be facts to send.
func (s *Store) Outbox() <-chan struct{} { return s.waiting }

func (s *Store) wakeSender() {
	select {
	case s.waiting <- struct{}{}:
	default:
	}
}

// Facts returns the oldest facts of the outbox, at most limit. On a fact that
// cannot be read it returns those before it and a CorruptError.
func (s *Store) Facts(limit int) ([]agentapi.Fact, error) {
	var facts []agentapi.Fact
	err := s.db.View(func(tx *bolt.Tx) error {
		cursor := tx.Bucket([]byte(bucketOutbox)).Cursor()
		for key, sealed := cursor.First(); key != nil && len(facts) < limit; key, sealed = cursor.Next() {
			var fact agentapi.Fact
			if err := s.decode(bucketOutbox, key, sealed, &fact); err != nil {
				return err
			}
			facts = append(facts, fact)
		}
		return nil
	})
	return facts, err
}

// Confirm takes up the number of facts that the control plane had when this
// process first spoke to it. ErrAhead when that is more than were made by then.
func (s *Store) Confirm(sequence uint64) error {
	if made := s.atStart.Load(); sequence > made {
		return fmt.Errorf("%w: it has %d, of which the data folder knows %d", ErrAhead, sequence, made)
	}
	return s.Acknowledge(sequence)
}

// Acknowledge forgets all facts up to and including sequence. ErrAhead when
// there have never been that many.
func (s *Store) Acknowledge(sequence uint64) error {
	err := s.writes.do(func(tx *bolt.Tx) error {
		outbox := tx.Bucket([]byte(bucketOutbox))
		if sequence > outbox.Sequence() {
			return fmt.Errorf("%w: fact %d was acknowledged, the last one made is %d", ErrAhead, sequence, outbox.Sequence())
		}
		return forgetThrough(outbox, sequence)
	})
	if err != nil {
		return err
	}
	stepOutboxAcknowledged.Done()
	return nil
}

func forgetThrough(outbox *bolt.Bucket, sequence uint64) error {
	var old [][]byte
	cursor := outbox.Cursor()
	for key, _ := cursor.First(); key != nil && sequenceOf(key) <= sequence; key, _ = cursor.Next() {
		old = append(old, key)
	}
	for _, key := range old {
		if err := outbox.Delete(key); err != nil {
			return err
		}
	}
	return nil
}

func outboxKey(sequence uint64, id string) []byte {
	return append(binary.BigEndian.AppendUint64(nil, sequence), id...)
}

func sequenceOf(outboxKey []byte) uint64 { return binary.BigEndian.Uint64(outboxKey) }

func outboxHolds(tx *bolt.Tx, sequence uint64) bool {
	key, _ := tx.Bucket([]byte(bucketOutbox)).Cursor().Seek(outboxKey(sequence, ""))
	return key != nil && sequenceOf(key) == sequence
}

func ran(seen driver.Observation) bool {
	return seen.State == driver.StateRunning || seen.State == driver.StateDegraded
}
