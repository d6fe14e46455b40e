package dev

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"
)

// addresses checks that the portal's address is free, and finds two more for
// the agents' and the administrator's listeners, on this machine only: those
// after the portal's where they are free.
func (l *Layout) addresses(listen string) error {
	host, text, err := net.SplitHostPort(listen)
	port, errPort := strconv.Atoi(text)
	if err != nil || errPort != nil || port < 1 || port > 65535 {
		return fmt.Errorf("%q is not an address to listen on: give HOST:PORT, such as 127.0.0.1:8080, with --listen or SOUK_LISTEN", listen)
	}
	if err := free(listen); err != nil {
		why := err.Error()
		if errors.Is(err, unix.EADDRINUSE) {
			why = "another program listens there"
		}
		return fmt.Errorf("cannot listen on %s: %s. Stop that, or choose another address with --listen or SOUK_LISTEN, such as SOUK_LISTEN=%s", listen, why, net.JoinHostPort(host, strconv.Itoa(port%65000+10)))
	}
	l.Listen, l.URL = listen, "http://"+net.JoinHostPort(local(host), text)
	if l.AgentListen, err = near(port + 1); err != nil {
		return err
	}
	l.AdminListen, err = near(port + 2)
	return err
}

// local is a host by which this machine reaches itself.
func local(host string) string {
	ip, err := netip.ParseAddr(host)
	if host == "" || err == nil && ip.IsUnspecified() {
		return "127.0.0.1"
	}
	return host
}

func free(address string) error {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return ln.Close()
}

// near returns a free address with this port, or with any.
func near(port int) (string, error) {
	wanted := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	if port <= 65535 && free(wanted) == nil {
		return wanted, nil
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}
