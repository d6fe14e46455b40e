package portal

import (
	"fmt"
	"net/http"
	"time"
)

// heartbeat keeps what is between from closing a silent stream.
const heartbeat = 20 * time.Second

// stream tells a page that something in a project has changed, or one instance
// in it when it is named. What has changed the page asks for itself, so that a
// stream that was cut and resumed loses nothing.
func (p *Portal) stream(w http.ResponseWriter, r *http.Request, v *visit) error {
	events := v.organization().Project(v.query.Get("project")).Changes(r.Context(), v.query.Get("instance"))
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
	select {
	case err := <-failed: // before anything was sent: an answer of its own
		return err
	case _, ok := <-changes:
		if !ok {
			return firstOf(failed)
		}
	case <-time.After(time.Second):
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for text := "retry: 2000\n\n"; ; {
		if _, err := fmt.Fprint(w, text); err != nil {
			return nil
		}
		if err := out.Flush(); err != nil {
			return nil
		}
		select {
		case <-r.Context().Done():
			return nil
		case _, ok := <-changes:
			if !ok {
				return nil // the browser comes back, and is told then if it may not
			}
			text = "event: change\ndata:\n\n"
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
