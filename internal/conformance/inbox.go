package conformance

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"souk/api"
)

// inbox is a customer's webhook: it keeps what it is told, if that is rightly signed.
type inbox struct {
	url      string
	secret   atomic.Pointer[string]
	server   http.Server
	mu       sync.Mutex
	notices  []api.AlertNotice
	unsigned int
}

// listen opens an inbox at an address; "" is a free port of this machine.
func listen(address string) (*inbox, error) {
	listener, err := net.Listen("tcp", orElse(address, "127.0.0.1:0"))
	if err != nil {
		return nil, err
	}
	b := &inbox{url: "http://" + listener.Addr().String() + "/"}
	b.server.Handler, b.server.ReadHeaderTimeout = b, 10*time.Second
	go func() { _ = b.server.Serve(listener) }() // until it is closed
	return b, nil
}

func (b *inbox) Close() { _ = b.server.Close() }

func (b *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil || !b.signed(r.Header, body) {
		b.unsigned++
		http.Error(w, "not signed as agreed", http.StatusUnauthorized)
		return
	}
	var told struct {
		Data struct {
			Alerts []api.AlertNotice `json:"alerts"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &told); err != nil {
		http.Error(w, "no alerts", http.StatusBadRequest)
		return
	}
	b.notices = append(b.notices, told.Data.Alerts...)
}

// signed checks the signature as the Standard Webhooks specification has it.
func (b *inbox) signed(h http.Header, body []byte) bool {
	secret := b.secret.Load()
	if secret == nil {
		return false
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(*secret, "whsec_"))
	if err != nil {
		return false
	}
	sum := hmac.New(sha256.New, key)
	io.WriteString(sum, h.Get("webhook-id")+"."+h.Get("webhook-timestamp")+".")
	sum.Write(body)
	want := "v1," + base64.StdEncoding.EncodeToString(sum.Sum(nil))
	for given := range strings.FieldsSeq(h.Get("webhook-signature")) {
		if hmac.Equal([]byte(given), []byte(want)) {
			return true
		}
	}
	return false
}

// has says whether something that matches was told.
func (b *inbox) has(matches func(api.AlertNotice) bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range b.notices {
		if matches(n) {
			return nil
		}
	}
	if b.unsigned > 0 {
		return errors.New("the webhook was told only what is not signed with its secret")
	}
	return errors.New("the webhook was told nothing of the kind")
}
