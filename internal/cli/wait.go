package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"souk/api"
	"souk/api/client"
)

// goal is what a change is to lead to.
type goal struct {
	accepted string // said when nobody waits
	want     string // what is waited for, in words
	reached  func(api.Instance) bool
	done     func(api.Instance) string // said when it is reached
	// goneIsDone: that the instance is not there any more is success.
	goneIsDone bool
}

func settled(i api.Instance) bool { return i.Status.ObservedGeneration == i.Metadata.Generation }

// toReady waits for Ready. A suspended instance takes a change in without
// running: that is as far as it goes.
func toReady(accepted string) goal {
	return goal{
		accepted: accepted,
		want:     "ready",
		reached: func(i api.Instance) bool {
			switch i.Status.Phase {
			case api.PhaseReady:
				return settled(i)
			case api.PhaseSuspended:
				return settled(i) && len(i.Status.SuspendedFor) > 0
			}
			return false
		},
		done: func(i api.Instance) string {
			if i.Status.Phase == api.PhaseSuspended {
				return "is suspended (" + strings.Join(i.Status.SuspendedFor, ", ") + ") and has taken the change in"
			}
			if at := endpoint(i.Status.Endpoint); at != "-" {
				return "is ready at " + at
			}
			return "is ready"
		},
	}
}

func toSuspended() goal {
	return goal{
		accepted: "is being suspended",
		want:     "suspended",
		reached:  func(i api.Instance) bool { return i.Status.Phase == api.PhaseSuspended && settled(i) },
		done:     func(api.Instance) string { return "is suspended; its data is kept" },
	}
}

func toDeleted() goal {
	return goal{
		accepted: "is being deleted",
		want:     "deleted",
		reached: func(i api.Instance) bool {
			return i.Status.Phase == api.PhaseDeleted || i.Status.Phase == api.PhasePurged
		},
		done: func(i api.Instance) string {
			if i.Status.PurgeAt == nil {
				return "is deleted"
			}
			return fmt.Sprintf("is deleted; until %s it comes back with: souk undelete %s", moment(*i.Status.PurgeAt), i.Metadata.Name)
		},
		goneIsDone: true,
	}
}

// wait follows an instance, from the state in which a change was accepted,
// until the goal is reached.
func (a *App) wait(ctx context.Context, project *client.Project, start api.Instance, g goal) (api.Instance, error) {
	last, told := start, ""
	tell := func() {
		if line := statusLine(last); line != told {
			told = line
			a.progress("%s: %s", last.Metadata.Name, line)
		}
	}
	if tell(); g.reached(start) {
		return start, nil
	}
	for event, err := range project.WatchInstance(ctx, start.Metadata.Name) {
		if err != nil {
			if g.goneIsDone && client.IsStatus(err, http.StatusNotFound) {
				return last, nil
			}
			return last, a.waitEnded(ctx, err, last, g)
		}
		i := event.Instance
		if i == nil || i.Metadata.ID != start.Metadata.ID || i.Metadata.Generation < start.Metadata.Generation {
			continue // what was before the change
		}
		last = *i
		tell()
		if g.reached(last) {
			return last, nil
		}
		if err := hopelessFor(start, last, g); err != nil {
			return last, err
		}
	}
	return last, a.waitEnded(ctx, ctx.Err(), last, g)
}

// hopelessFor tells when the goal is not going to be reached any more.
func hopelessFor(start, now api.Instance, g goal) error {
	name := now.Metadata.Name
	switch {
	case now.Status.Phase == api.PhaseFailed && statusLine(now) != statusLine(start):
		return fmt.Errorf("%s has failed%s", name, further(now))
	case now.Status.BlockedBy == "you" && statusLine(now) != statusLine(start):
		return fmt.Errorf("%s is not %s%s", name, g.want, further(now))
	case g.goneIsDone:
		return nil
	case now.Status.Phase == api.PhaseDeleting, now.Status.Phase == api.PhaseDeleted, now.Status.Phase == api.PhasePurged:
		if start.Status.Phase != now.Status.Phase {
			return fmt.Errorf("%s will not be %s: meanwhile it has been deleted%s", name, g.want, further(now))
		}
	}
	return nil
}

// waitEnded explains why the waiting ended short of the goal.
func (a *App) waitEnded(ctx context.Context, err error, last api.Instance, g goal) error {
	name := last.Metadata.Name
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return fmt.Errorf("stopped waiting; the work goes on. Look with: souk get %s -w", name)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("%s is not %s after %s (--timeout); the work goes on%s", name, g.want, a.timeout, further(last))
	}
	return fmt.Errorf("cannot see how %s is doing; the work goes on: %w", name, err)
}

// further says how things stand, who has to act, and where to look.
func further(i api.Instance) string {
	text := "\nIt is " + statusLine(i)
	switch i.Status.BlockedBy {
	case "":
	case "you":
		text += "\nYou have to act before this can go on."
	case "operator":
		text += "\nThe operator has to act before this can go on."
	case "capacity":
		text += "\nThe zone has no room: free some, or ask the operator for more."
	default:
		text += "\nThis waits for: " + i.Status.BlockedBy
	}
	return text + "\nLook further with: souk describe instance " + i.Metadata.Name
}

func statusLine(i api.Instance) string {
	line := phase(i)
	if i.Status.Message != "" {
		line += ": " + i.Status.Message
	}
	return line
}
