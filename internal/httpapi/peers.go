package httpapi

import (
	"context"
	"io"
	"net"
	"net/http"
	"time"
)

// passedOn marks a request that comes from another replica, and goes no further.
const passedOn = "X-Souk-Passed-On"

// peerClient reaches other replicas; how long an answer takes is the asker's matter.
var peerClient = &http.Client{Transport: &http.Transport{DialContext: (&net.Dialer{Timeout: 2 * time.Second}).DialContext, IdleConnTimeout: time.Minute}}

// askPeers has another replica answer a request that this one cannot, because the
// zone's agent is connected to that one. It says whether one did.
func (s *Server) askPeers(ctx context.Context, r *http.Request, out io.Writer) bool {
	if s.Peers == nil || r.Header.Get(passedOn) != "" {
		return false
	}
	peers, err := s.Peers(ctx)
	if err != nil {
		s.Logger.WarnContext(ctx, "cannot find the other replicas", "error", err)
	}
	for _, base := range peers {
		if askPeer(ctx, base, r, out) {
			return true
		}
	}
	return false
}

// askPeer copies the answer of one replica, if it is a good one. The replica looks
// itself whether the asker may.
func askPeer(ctx context.Context, base string, r *http.Request, out io.Writer) bool {
	request, err := http.NewRequestWithContext(ctx, r.Method, base+r.URL.RequestURI(), nil)
	if err != nil {
		return false
	}
	request.Header = r.Header.Clone()
	request.Header.Del("Connection")
	request.Header.Set("X-Request-Id", RequestID(ctx))
	request.Header.Set(passedOn, "1")
	answer, err := peerClient.Do(request)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return false
	}
	_, _ = io.Copy(out, answer.Body)
	return true
}
