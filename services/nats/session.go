package nats

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"souk/internal/driver/process"
)

// tags are what a server says of the configuration that it runs with.
type tags struct{ start, all string }

const (
	tagStart = "souk-start-"
	tagAll   = "souk-all-"
)

// The pauses between attempts to reach a server that is starting or reloading.
const (
	firstPause   = 5 * time.Millisecond
	longestPause = 100 * time.Millisecond
)

// running asks a server for its configuration, waiting for one that is starting
// until ctx ends, the server does, or it and the agent do not know each other.
func running(ctx context.Context, host *process.Host) (is state, err error) {
	err = until(ctx, host, func(now state) bool { is = now; return true })
	return is, err
}

// mostRefusals is how often in a row the agent is refused before that is believed:
// a server that is reloading refuses whoever comes at that moment.
const mostRefusals = 8

// until asks until the answer will do.
func until(ctx context.Context, host *process.Host, enough func(state) bool) error {
	refusals := 0
	for pause := firstPause; ; pause = min(pause*3/2, longestPause) {
		is, err := ask(ctx, host)
		if err == nil && enough(is) {
			return nil
		}
		if !strange(err) {
			refusals = 0
		} else if refusals++; refusals == mostRefusals {
			return err
		}
		if alive := host.Alive(ctx); alive != nil {
			return alive
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server does not answer as it should: %w (%w)", context.Cause(ctx), err)
		case <-time.After(pause):
		}
	}
}

// strange says whether an error means that server and agent do not know each other:
// another authority, a certificate that has ended, another password.
func strange(err error) bool {
	var certificate *tls.CertificateVerificationError
	return errors.Is(err, nats.ErrAuthorization) || errors.As(err, &certificate)
}

// state is what a server says of itself.
type state struct {
	Tags           []string
	Version        string
	Connections    float64 `json:"connections"`
	MaxConnections float64 `json:"max_connections"`
	Subscriptions  float64 `json:"subscriptions"`
	InMsgs         float64 `json:"in_msgs"`
	OutMsgs        float64 `json:"out_msgs"`
	InBytes        float64 `json:"in_bytes"`
	OutBytes       int64   `json:"out_bytes"`
	SlowConsumers  float64 `json:"slow_consumers"`
	JetStream      struct {
		Stats struct{ Memory, Storage float64 }
	} `json:"jetstream"`

	ID     string    `json:"server_id"` // another one each time that it starts
	Start  time.Time `json:"start"`
	Loaded time.Time `json:"config_load_time"` // when the server was done with its configuration
}

// tags are those of the configuration that the server runs with.
func (s state) tags() (is tags) {
	for _, tag := range s.Tags {
		if text, ok := strings.CutPrefix(tag, tagStart); ok {
			is.start = text
		}
		if text, ok := strings.CutPrefix(tag, tagAll); ok {
			is.all = text
		}
	}
	return is
}

// ask comes to the server's own account, over TLS as clients do.
func ask(ctx context.Context, host *process.Host) (is state, err error) {
	nc, err := nats.Connect("tls://"+net.JoinHostPort(host.Address, strconv.Itoa(host.Port)), nats.Secure(host.TLS()),
		nats.UserInfo(administrator, host.Secret(administrator)), nats.NoReconnect(), nats.Timeout(5*time.Second), nats.Name("souk"))
	if err != nil {
		return is, err
	}
	defer nc.Close()
	defer func() { own.Of(host.Instance()).Add(int64(nc.Stats().InBytes)) }()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	reply, err := nc.RequestWithContext(ctx, "$SYS.REQ.SERVER.PING.VARZ", nil)
	if err != nil {
		return is, err
	}
	var said struct {
		Data state `json:"data"`
	}
	err = json.Unmarshal(reply.Data, &said)
	return said.Data, err
}
