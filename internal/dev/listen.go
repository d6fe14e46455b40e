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
// after the portal's where they are free. For the agents' another can be given.
func (l *Layout) addresses(listen, agents string) error {
	host, port, err := checked(listen, "127.0.0.1:8080", "--listen or SOUK_LISTEN", "SOUK_LISTEN")
	if err != nil {
		return err
	}
	l.port = port
	l.Listen, l.URL = listen, "http://"+net.JoinHostPort(local(host), strconv.Itoa(port))
	if agents == "" {
		l.AgentListen, err = near(port + 1)
	} else {
		l.AgentListen, err = agents, reachable(agents)
	}
	if err != nil {
		return err
	}
	l.AdminListen, err = near(port + 2)
	return err
}

// reachable checks an address that is free and that agents elsewhere can dial.
func reachable(address string) error {
	const setting = "SOUK_AGENT_LISTEN"
	host, _, err := checked(address, "192.0.2.1:8443", setting, setting)
	if err != nil {
		return err
	}
	if local(host) != host {
		return fmt.Errorf("%s=%s does not say where agents reach this machine: give the name or address that they dial", setting, address)
	}
	return nil
}

// checked takes an address to listen on apart, and tries it.
func checked(address, example, by, setting string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	port, errPort := strconv.Atoi(text)
	if err != nil || errPort != nil || port < 1 || port > 65535 {
		return "", 0, fmt.Errorf("%q is not an address to listen on: give HOST:PORT, such as %s, with %s", address, example, by)
	}
	if err := free(address); err != nil {
		why := err.Error()
		if errors.Is(err, unix.EADDRINUSE) {
			why = "another program listens there"
		}
		return "", 0, fmt.Errorf("cannot listen on %s: %s. Stop that, or choose another address with %s, such as %s=%s", address, why, by, setting, net.JoinHostPort(host, strconv.Itoa(port%65000+10)))
	}
	return host, port, nil
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
