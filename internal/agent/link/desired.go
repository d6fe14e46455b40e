package link

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"souk/internal/agentapi"
)

// maxRun bounds how many desired events are handed over at once.
const maxRun = 256

// errSilent ends a stream that is taken for dead.
var errSilent = errors.New("no heartbeat came from the control plane")

// ErrSwitched ends a stream because the connection was renewed: open the next
// one at once.
var ErrSwitched = errors.New("the connection to the control plane was renewed")

// Follow reads desired events from a resume token on (from a whole list when it
// is empty) and hands them over in runs: whatever has arrived by the time the
// one before was dealt with. It returns when the stream ends, never with nil.
func (c *Client) Follow(ctx context.Context, token string, handle func([]agentapi.DesiredEvent) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	response, switched, err := c.openDesired(ctx, stop, token)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	go func() {
		select {
		case <-switched:
			stop(ErrSwitched)
		case <-ctx.Done():
		}
	}()
	events := make(chan agentapi.DesiredEvent, maxRun)
	go func() {
		stop(readDesired(ctx, newLines(response.Body, c.opt.Silence, func() { stop(errSilent) }), events))
	}()
	for {
		run, err := nextRun(ctx, events)
		if errors.Is(err, errSilent) {
			c.redial(switched)
		}
		if err != nil {
			return err
		}
		if err := handle(run); err != nil {
			return err
		}
	}
}

func (c *Client) openDesired(ctx context.Context, stop context.CancelCauseFunc, token string) (*http.Response, <-chan struct{}, error) {
	address := c.base.JoinPath(agentapi.PathDesired)
	if token != "" {
		address.RawQuery = url.Values{"after": {token}}.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return nil, nil, fmt.Errorf("follow what is desired: %w", err)
	}
	current, switched := c.current()
	response, err := c.start(stop, current, request)
	if err != nil {
		return nil, nil, err
	}
	return response, switched, nil
}

// start opens a stream: the answer's head must come within the time of a
// request, its body may go on. stop ends the request's context.
func (c *Client) start(stop context.CancelCauseFunc, current *http.Client, request *http.Request) (*http.Response, error) {
	late := time.AfterFunc(c.opt.Request, func() { stop(errSilent) })
	response, err := current.Do(request)
	late.Stop()
	if err != nil {
		return nil, fmt.Errorf("reach the control plane: %w", err)
	}
	if response.StatusCode/100 != 2 {
		defer response.Body.Close()
		return nil, readProblem(response)
	}
	return response, nil
}

func readDesired(ctx context.Context, in *lines, events chan<- agentapi.DesiredEvent) error {
	defer close(events)
	for {
		var event agentapi.DesiredEvent
		if err := in.next(&event); err != nil {
			return fmt.Errorf("the stream of desired state ended: %w", err)
		}
		select {
		case events <- event:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// nextRun waits for an event and takes along those that are there already. What
// arrived before a stream broke is still handed over.
func nextRun(ctx context.Context, events <-chan agentapi.DesiredEvent) ([]agentapi.DesiredEvent, error) {
	first, ok := <-events
	if !ok {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	run := []agentapi.DesiredEvent{first}
	for len(run) < maxRun {
		select {
		case event, ok := <-events:
			if !ok {
				return run, nil
			}
			run = append(run, event)
		default:
			return run, nil
		}
	}
	return run, nil
}
