package main

import (
	"os"

	"github.com/coredns/caddy"
	_ "github.com/coredns/coredns/core/dnsserver" // the server type
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/hosts"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/template"
)

// runDNS is CoreDNS with the few plugins that the test bed uses: coredns COREFILE.
func runDNS() {
	path := os.Args[1]
	contents, err := os.ReadFile(path)
	check(err)
	caddy.Quiet = true
	server, err := caddy.Start(caddy.CaddyfileInput{Filepath: path, Contents: contents, ServerTypeName: "dns"})
	check(err)
	server.Wait()
}
