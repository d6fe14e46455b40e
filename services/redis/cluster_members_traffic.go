package redis

import (
	"strconv"
	"sync"
	"time"
)

// watchersRate is a little more than what a primary sends to its three Sentinels, in bytes
// a second: what it tells of itself every 10 seconds, and what they tell each other through
// it. No server counts it apart, and nobody is to pay for it.
const watchersRate = 3 << 10

// watched is until when what Sentinels take was added to an instance's tally.
var watched = struct {
	sync.Mutex
	began time.Time
	until map[string]time.Time
}{began: time.Now(), until: map[string]time.Time{}}

// tallyWatchers adds what the Sentinels have taken since the last time, or since this
// agent or the server began, to what Souk's own sessions have.
func (s *session) tallyWatchers(id string) error {
	text, err := s.info("server", "uptime_in_seconds")
	if err != nil {
		return err
	}
	uptime, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return err
	}
	watched.Lock()
	defer watched.Unlock()
	now, last := time.Now(), watched.began
	if until, ok := watched.until[id]; ok {
		last = until
	}
	span := min(now.Sub(last), time.Duration(uptime+1)*time.Second)
	own.Of(id).Add(int64(span.Seconds() * watchersRate))
	watched.until[id] = now
	return nil
}
