// Package drain lets streams end when a server stops, while it lets all other
// requests finish.
package drain

import "context"

type key struct{}

// Base is the context of a server's requests: one of its streams ends with
// streams, and no other request does.
func Base(streams context.Context) context.Context {
	return context.WithValue(context.WithoutCancel(streams), key{}, streams)
}

// Stream is the context of a request that goes on until somebody ends it: it
// ends with ctx, or with the streams of the server.
func Stream(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	streams, ok := ctx.Value(key{}).(context.Context)
	if !ok {
		return ctx, cancel
	}
	stop := context.AfterFunc(streams, cancel)
	return ctx, func() { stop(); cancel() }
}
