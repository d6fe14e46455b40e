package redis

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"

	"souk/internal/driver"
	"souk/internal/driver/process"
	"souk/internal/shim"
)

const (
	// canariesKey holds all canaries in one value, in the probe's database, behind those
	// of users. A user's FLUSHALL takes it away there too; what was written stands in
	// the instance's book, and the next canary brings all of them back.
	canariesKey  = "souk:canaries"
	canariesFile = shim.ConfFolder + "/canaries.json"
	keptCanaries = 100
	// readAtOnce is how many keys an examination reads at a time.
	readAtOnce = 100
)

// book is where the canaries that were written into an instance stand beside its data,
// out of its users' reach.
type book interface {
	read(ctx context.Context) ([]byte, error) // nothing: none was ever written
	write(ctx context.Context, text []byte) error
}

var _ process.ProvingEngine = (*engine)(nil)

// PutCanary implements process.ProvingEngine.
func (e *engine) PutCanary(ctx context.Context, host *process.Host) (driver.Canary, error) {
	return proving(ctx, host, func(s *session) (driver.Canary, error) { return s.putCanary(ctx, fileBook{host}) })
}

// Canaries implements process.ProvingEngine.
func (e *engine) Canaries(ctx context.Context, host *process.Host) ([]driver.Canary, error) {
	return proving(ctx, host, func(s *session) ([]driver.Canary, error) { return s.canaries(ctx, fileBook{host}) })
}

// Examine implements process.ProvingEngine.
func (e *engine) Examine(ctx context.Context, host *process.Host) (driver.Examination, error) {
	return proving(ctx, host, func(s *session) (driver.Examination, error) { return s.examine(ctx) })
}

// proving carries f out with a session of the server on this machine.
func proving[T any](ctx context.Context, host *process.Host, f func(*session) (T, error)) (out T, err error) {
	s, err := connect(ctx, host)
	if err != nil {
		return out, err
	}
	defer s.Close()
	return f(s)
}

// fileBook is a file beside the data.
type fileBook struct{ *process.Host }

func (b fileBook) read(ctx context.Context) ([]byte, error) { return b.ReadIfThere(ctx, canariesFile) }

func (b fileBook) write(ctx context.Context, text []byte) error {
	return b.Write(ctx, shim.File{Path: canariesFile, Mode: 0o600, Data: text})
}

// putCanary writes one more canary. It writes the book first: the server never holds a
// canary that the book does not.
func (s *session) putCanary(ctx context.Context, b book) (driver.Canary, error) {
	all, err := s.canaries(ctx, b)
	if err != nil {
		return driver.Canary{}, err
	}
	c := driver.Canary{Number: 1, Value: rand.Text()}
	if len(all) > 0 {
		c.Number = all[len(all)-1].Number + 1
	}
	if c.At, err = s.time(); err != nil {
		return c, err
	}
	all = append(all, c)
	text, err := json.Marshal(all[max(0, len(all)-keptCanaries):])
	if err != nil {
		return c, err
	}
	if err := b.write(ctx, text); err != nil {
		return c, err
	}
	_, err = s.Do("SET", canariesKey, text)
	return c, err
}

// canaries are those that were written, and of an instance into which none was ever
// written, those that it was restored with.
func (s *session) canaries(ctx context.Context, b book) (all []driver.Canary, err error) {
	if err := s.apart(); err != nil {
		return nil, err
	}
	text, err := b.read(ctx)
	if err == nil && len(text) == 0 {
		text, err = redis.Bytes(s.Do("GET", canariesKey))
	}
	if errors.Is(err, redis.ErrNil) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return all, json.Unmarshal(text, &all)
}

// apart goes to the database behind those of users.
func (s *session) apart() error {
	_, err := s.Do("SELECT", strconv.Itoa(probeDatabase))
	if err != nil && strings.Contains(err.Error(), "out of range") {
		return &driver.BlockedError{Message: "The server runs since before there were restore drills: restart it once, and its backups can be restored on trial.", BlockedBy: "you", Permanent: true, Err: err}
	}
	return err
}

// time is that of the server's clock.
func (s *session) time() (time.Time, error) {
	parts, err := redis.Int64s(s.Do("TIME"))
	if err != nil || len(parts) != 2 {
		return time.Time{}, fmt.Errorf("the server does not tell the time: %w", err)
	}
	return time.Unix(parts[0], parts[1]*1000).UTC(), nil
}

// examine reads every value out again. The server has compared the checksum of all its
// data when it read it in.
func (s *session) examine(ctx context.Context) (out driver.Examination, err error) {
	if out.Version, err = s.info("server", "redis_version"); err != nil {
		return out, err
	}
	checked, err := redis.Strings(s.Do("CONFIG", "GET", "rdbchecksum"))
	if err != nil {
		return out, err
	}
	sums := len(checked) == 2 && checked[1] == "yes"
	var found examined
	for database := range usersDatabase {
		if err := found.read(ctx, s, database); err != nil {
			return out, err
		}
	}
	out.Checks = []driver.Check{
		{Name: "values", Passed: found.unread == 0, Detail: fmt.Sprintf("%d values in %d databases were read; %d could not be read.", found.keys, found.databases, found.unread)},
		{Name: "checksum", Passed: sums, Detail: fmt.Sprintf("The checksum of the whole data is %s when it is read in.", map[bool]string{true: "compared", false: "not compared"}[sums])},
	}
	return out, nil
}

// examined is what was read of a server.
type examined struct{ databases, keys, unread int64 }

// read reads every value of a database in the form in which it would be copied.
func (x *examined) read(ctx context.Context, s *session, database int) error {
	if _, err := s.Do("SELECT", strconv.Itoa(database)); err != nil {
		return err
	}
	before := x.keys
	for cursor := "0"; ; {
		reply, err := redis.Values(s.Do("SCAN", cursor, "COUNT", readAtOnce))
		if err != nil {
			return err
		}
		var keys []string
		if _, err := redis.Scan(reply, &cursor, &keys); err != nil {
			return err
		}
		for _, key := range keys {
			switch _, err := redis.Bytes(s.Do("DUMP", key)); {
			case errors.Is(err, redis.ErrNil): // its time was over
			case s.Err() != nil:
				return err
			case err != nil:
				x.unread++
			default:
				x.keys++
			}
		}
		if cursor == "0" || ctx.Err() != nil {
			break
		}
	}
	if x.keys > before {
		x.databases++
	}
	return context.Cause(ctx)
}
