package process

import (
	"errors"
	"net"
	"strconv"
	"sync"

	"souk/internal/driver"
)

// ports gives out those of the zone's range. Who has which is in the records.
type ports struct {
	address  string
	from, to int

	mu    sync.Mutex
	owner map[int]string
}

// take marks a port as an instance's.
func (p *ports) take(port int, id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if port != 0 {
		p.owner[port] = id
	}
}

func (p *ports) giveBack(port int, id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.owner[port] == id {
		delete(p.owner, port)
	}
}

// choose finds a port that no instance has and nothing listens on.
func (p *ports) choose(id string) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for port := p.from; port <= p.to; port++ {
		if _, taken := p.owner[port]; taken {
			continue
		}
		if bindable(p.address, port) != nil {
			continue
		}
		p.owner[port] = id
		return port, nil
	}
	return 0, &driver.BlockedError{
		Message:   "The zone has no free network port left for this instance. Its operator has to widen the zone's range of ports.",
		BlockedBy: "operator",
		Err:       errors.New("no free port from " + strconv.Itoa(p.from) + " to " + strconv.Itoa(p.to)),
	}
}

// bindable returns why a port cannot be listened on, or nil.
func bindable(address string, port int) error {
	listener, err := net.Listen("tcp", net.JoinHostPort(address, strconv.Itoa(port)))
	if err != nil {
		return err
	}
	return listener.Close()
}
