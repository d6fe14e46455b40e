package portal

import (
	"fmt"
	"net/http"
	"time"

	"souk/internal/drain"
)

// heartbeat keeps what is between from closing a silent stream.
const heartbeat = 20 * time.Second

// changeEvent says that something has changed.
const changeEvent = "event: change\ndata:\n\n"

// stream tells a page that something in a project has changed, or one instance
// in it when it is named. What has changed the page asks for itself, and once
// more when the stream begins: nothing is lost before that, or while it was cut.
func (p *Portal) stream(w http.ResponseWriter, r *http.Request, v *visit) error {
	ctx, cancel := drain.Stream(r.Context())
	defer cancel()
	events := v.organization().Project(v.query.Get("project")).Changes(ctx, v.query.Get("instance"))
	out := http.NewResponseController(w)
	_ = out.SetWriteDeadline(time.Time{})
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	changes, failed := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		defer close(changes)
		for _, err := range events {
			if err != nil {
				failed <- err
				return
			}
			select {
			case changes <- struct{}{}:
			default: // one that is not sent yet says it all
			}
		}
	}()
	begin := "retry: 2000\n\n"
	select {
	case err := <-failed: // before anything was sent: an answer of its own
		return err
	case _, ok := <-changes:
		if !ok {
			return firstOf(failed)
		}
		begin += changeEvent
	case <-time.After(time.Second):
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for text := begin; ; {
		if _, err := fmt.Fprint(w, text); err != nil {
			return nil
		}
		if err := out.Flush(); err != nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case _, ok := <-changes:
			if !ok {
				return nil // the browser comes back, and is told then if it may not
			}
			text = changeEvent
		case <-beat.C:
			text = ":\n\n"
		}
	}
}

func firstOf(errs <-chan error) error {
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}
