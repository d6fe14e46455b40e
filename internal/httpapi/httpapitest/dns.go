package httpapitest

import (
	"context"
	"net"
	"sync"
)

// DNS is what an Env looks domains up in.
type DNS struct {
	mu      sync.Mutex
	records map[string][]string
}

// Publish adds a TXT record.
func (d *DNS) Publish(name, value string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.records == nil {
		d.records = map[string][]string{}
	}
	d.records[name+"."] = append(d.records[name+"."], value)
}

// LookupTXT implements sso.Resolver.
func (d *DNS) LookupTXT(_ context.Context, name string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if found := d.records[name]; found != nil {
		return found, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}
