package driver

import (
	"context"
	"net"
)

// Kept is the one connection that a probe keeps from try to try. It is made when it is
// first needed, and anew once it was lost; one try at a time has it, others wait.
type Kept[C any] struct {
	dial func(ctx context.Context) (C, error)
	lost func(C) bool
	end  func(ctx context.Context, c C)
	turn chan struct{} // holds nothing while a try is under way
	conn *C            // nil while there is none
}

// Keep returns one without a connection: dial makes one, lost says of one that nothing
// can be tried on it any more, and end closes one, within its context.
func Keep[C any](dial func(context.Context) (C, error), lost func(C) bool, end func(context.Context, C)) *Kept[C] {
	k := &Kept[C]{dial: dial, lost: lost, end: end, turn: make(chan struct{}, 1)}
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
	if k.conn != nil && k.lost(*k.conn) {
		k.conn = nil
	}
	if k.conn == nil {
		c, err := k.dial(ctx)
		if err != nil {
			return err
		}
		k.conn = &c
	}
	err := try(*k.conn)
	if err != nil {
		k.end(ctx, *k.conn)
		k.conn = nil
	}
	return err
}

// TryNew does something on a new connection, as a client does that comes, and ends it.
func (k *Kept[C]) TryNew(ctx context.Context, try func(C) error) error {
	c, err := k.dial(ctx)
	if err != nil {
		return err
	}
	defer k.end(ctx, c)
	return try(c)
}

// Close ends the connection that is kept. No try is under way then.
func (k *Kept[C]) Close(ctx context.Context) {
	<-k.turn
	if k.conn != nil {
		k.end(ctx, *k.conn)
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
