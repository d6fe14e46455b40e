// Package cli is the command line: it turns commands into calls of the HTTP
// API, and answers into tables, documents and exit codes.
package cli

import (
	"context"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"souk/internal/servicepkg"
)

// App is what all commands share: the surroundings, which tests replace, and
// the flags that every command understands.
type App struct {
	Version string
	In      io.Reader
	Out     io.Writer // results
	Err     io.Writer // progress, hints and errors
	Getenv  func(string) string
	Environ func() []string
	Now     func() time.Time
	// Clients are the programs that people connect to instances with, by service.
	Clients map[string]servicepkg.Client
	// Provers use instances in conformance runs, by service.
	Provers map[string]*servicepkg.Prover
	// Exec replaces this process by another program.
	Exec func(path string, argv, env []string) error
	// Pause bounds the waits between tries; zero leaves it to the client.
	Pause time.Duration

	context      string
	organization string
	project      string
	timeout      time.Duration
	timeoutGiven func() bool
	hurried      bool // do not try again
}

// Builder makes a command that another part of the program brings along.
type Builder func(*App) *cobra.Command

// New returns the whole command line of this process: the commands of the
// client, which knows the packages' own programs, and those that the builders
// make. Run it by Run.
func New(version string, packages map[string]servicepkg.Package, more ...Builder) *cobra.Command {
	return newRoot(&App{
		Version: version,
		In:      os.Stdin,
		Out:     os.Stdout,
		Err:     os.Stderr,
		Getenv:  os.Getenv,
		Environ: os.Environ,
		Now:     time.Now,
		Clients: clients(packages),
		Provers: provers(packages),
		Exec:    syscall.Exec,
	}, more...)
}

func clients(packages map[string]servicepkg.Package) map[string]servicepkg.Client {
	known := map[string]servicepkg.Client{}
	for name, p := range packages {
		if p.Client != nil {
			known[name] = *p.Client
		}
	}
	return known
}

func provers(packages map[string]servicepkg.Package) map[string]*servicepkg.Prover {
	known := map[string]*servicepkg.Prover{}
	for name, p := range packages {
		known[name] = p.Prover
	}
	return known
}

// Under names, in the annotations of a command that a Builder makes, the command that it
// is a part of.
const Under = "under"

// Groups of commands in the help.
const (
	groupInstances = "instances"
	groupConnect   = "connect"
	groupOrganize  = "organize"
	groupServer    = "server"
)

func newRoot(a *App, more ...Builder) *cobra.Command {
	root := &cobra.Command{
		Use:           "souk",
		Short:         "Order managed services and run them",
		Long:          "souk orders managed services, connects to them, changes and deletes them,\nand runs the control plane that carries all this out.",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(a.In)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	root.AddGroup(
		&cobra.Group{ID: groupInstances, Title: "Instances:"},
		&cobra.Group{ID: groupConnect, Title: "Using an instance:"},
		&cobra.Group{ID: groupOrganize, Title: "Signing in and organizing:"},
		&cobra.Group{ID: groupServer, Title: "Running Souk:"},
	)
	a.addGlobalFlags(root)
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add(groupInstances,
		newServices(a), newPlans(a), newOrder(a), newGet(a), newDescribe(a), newUpdate(a),
		newApply(a), newDiff(a), newDelete(a), newProtect(a), newUnprotect(a),
		newSuspend(a), newResume(a), newUndelete(a), newBackup(a), newRestore(a), newDrill(a), newCertificate(a))
	add(groupConnect, newCredentials(a), newConnect(a), newBinding(a), newLogs(a), newMetrics(a), newSLA(a), newUsage(a))
	add(groupOrganize, newCosts(a), newInvoices(a), newCredits(a), newBudgets(a), newAgreements(a))
	add(groupOrganize,
		newLogin(a), newLogout(a), newWhoami(a), newContext(a), newProject(a), newMember(a), newToken(a), newAlert(a), newMaintenance(a), newBucket(a))
	add(groupServer, newProvider(a), newZone(a), newPrices(a), newBilling(a), newAudit(a), newConformance(a), newMaturity(a), newVerify(a), newVersion(a))
	for _, build := range more {
		c := build(a)
		if under := c.Annotations[Under]; under != "" {
			parent, _, err := root.Find([]string{under})
			must(err)
			parent.AddCommand(c)
			continue
		}
		add(groupServer, c)
	}
	guard(a, root)
	return root
}

func (a *App) addGlobalFlags(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.StringVar(&a.context, "context", "", "context to use instead of the current one (see: souk context list)")
	flags.StringVar(&a.organization, "organization", "", "organization to act in, instead of the context's")
	flags.StringVar(&a.project, "project", "", "project to act in, instead of the context's")
	flags.DurationVar(&a.timeout, "timeout", defaultTimeout, "how long to go on trying and waiting")
	a.timeoutGiven = func() bool { return flags.Changed("timeout") }
	must(root.RegisterFlagCompletionFunc("context", a.completeContexts))
	must(root.RegisterFlagCompletionFunc("organization", a.completeOrganizations))
	must(root.RegisterFlagCompletionFunc("project", a.completeProjects))
}

const defaultTimeout = 10 * time.Minute

// handler carries out one command.
type handler func(ctx context.Context, args []string) error

// bounded runs a handler within --timeout.
func (a *App) bounded(run handler) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		ctx, cancel := context.WithTimeout(cmd.Context(), a.timeout)
		defer cancel()
		return run(ctx, args)
	}
}

// endless runs a handler until it is interrupted, or within --timeout where
// that was given.
func (a *App) endless(run handler) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if a.timeoutGiven() {
			return a.bounded(run)(cmd, args)
		}
		return run(cmd.Context(), args)
	}
}

// must is for the wiring of commands, which a test exercises whole.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
