package link

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"souk/internal/agentapi"
)

// What the control plane's refusals mean; tell them apart with errors.Is.
var (
	// ErrSuperseded: another agent was enrolled for the zone.
	ErrSuperseded = errors.New("another agent has been enrolled for this zone")
	// ErrListAgain: the resume token is too old.
	ErrListAgain = errors.New("the resume token is too old")
	// ErrConflict: a fact was numbered like another one that came before.
	ErrConflict = errors.New("a fact was numbered like an earlier one")
	// ErrRefused: the control plane does not accept the certificate, or the token.
	ErrRefused = errors.New("the control plane does not accept this agent")
)

// Problem is the control plane's answer to a request that it did not carry out
// (RFC 9457).
type Problem struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
}

func (p *Problem) Error() string {
	text := p.Title
	if p.Detail != "" {
		text = p.Detail
	}
	if text == "" {
		text = http.StatusText(p.Status)
	}
	return fmt.Sprintf("the control plane answered %d: %s", p.Status, text)
}

// Is reports what the refusal means.
func (p *Problem) Is(target error) bool {
	switch target {
	case ErrSuperseded:
		return p.Status == http.StatusConflict && p.Code == agentapi.CodeSuperseded
	case ErrConflict:
		return p.Status == http.StatusConflict && p.Code == agentapi.CodeFactConflict
	case ErrListAgain:
		return p.Status == http.StatusGone
	case ErrRefused:
		return p.Status == http.StatusUnauthorized || p.Status == http.StatusForbidden
	}
	return false
}

// Rejected says that repeating the same request cannot help.
func (p *Problem) Rejected() bool {
	return p.Status/100 == 4 && p.Status != http.StatusRequestTimeout && p.Status != http.StatusTooManyRequests
}

func readProblem(response *http.Response) error {
	p := new(Problem)
	text, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err == nil {
		_ = json.Unmarshal(text, p) // a proxy's page has no more to say than its status
	}
	p.Status = response.StatusCode
	return p
}
