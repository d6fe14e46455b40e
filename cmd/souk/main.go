// Command souk is all of Souk: the command line, the control plane, the agent
// and its helpers.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // where the machine has no time zones

	_ "golang.org/x/crypto/x509roots/fallback" // where it has no authorities

	"souk/internal/cli"
	"souk/internal/shim"
	"souk/services/all"
)

// version is set when a release is built.
var version = "dev"

func main() {
	// The parts that there are many of, or that are privileged, start without
	// the command line.
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "shim":
			os.Exit(shim.Main(os.Args[2:]))
		case "supervise":
			os.Exit(supervise(os.Args[2:]))
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, cli.New(version, all.Packages(), newServe, newAgent, newMigrate, newBootstrap, newBillingVerify, newDev))
	stop()
	os.Exit(code)
}
