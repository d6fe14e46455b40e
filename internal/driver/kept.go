package driver

import (
	"context"
	"net"
)

// Kept is the one connection that a probe keeps from try to try. It is made when it is
// first needed, and anew once it was lost; one try at a time has it, others wait.
type Kept[C any] struct {
	// Dial makes a connection.
	Dial func(ctx context.Context) (C, error)
	// Lost says of one that nothing can be tried on it any more.
	Lost func(C) bool
	// End closes one. It ends with ctx.
	End func(ctx context.Context, c C)

	turn chan struct{} // holds nothing while a try is under way
	conn *C            // nil while there is none
}

// Keep returns one without a connection.
func Keep[C any](dial func(context.Context) (C, error), lost func(C) bool, end func(context.Context, C)) *Kept[C] {
	k := &Kept[C]{Dial: dial, Lost: lost, End: end, turn: make(chan struct{}, 1)}
	k.turn <- struct{}{}
	return k
}

// Try does something on the connection that is kept, or on a new one where that was
// lost. After an error the connection is not used again.
func (k *Kept[C]) Try(ctx context.Context, try func(C) error) error {
	select {
	case <-k.turn:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { k.turn <- struct{}{} }()
	if k.conn != nil && k.Lost(*k.conn) {
		k.conn = nil
	}
	if k.conn == nil {
		c, err := k.Dial(ctx)
		if err != nil {
			return err
		}
		k.conn = &c
	}
	err := try(*k.conn)
	if err != nil {
		k.End(ctx, *k.conn)
		k.conn = nil
	}
	return err
}

// TryNew does something on a new connection, as a client does that comes, and ends it.
func (k *Kept[C]) TryNew(ctx context.Context, try func(C) error) error {
	c, err := k.Dial(ctx)
	if err != nil {
		return err
	}
	defer k.End(ctx, c)
	return try(c)
}

// Close ends the connection that is kept. No try is under way then.
func (k *Kept[C]) Close(ctx context.Context) {
	<-k.turn
	if k.conn != nil {
		k.End(ctx, *k.conn)
		k.conn = nil
	}
	k.turn <- struct{}{}
}

// Dialing connects to an address, by TCP.
func Dialing(address string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, "tcp", address)
	}
}
