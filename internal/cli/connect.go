package cli

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"souk/internal/servicepkg"
)

func newConnect(a *App) *cobra.Command {
	var binding string
	cmd := &cobra.Command{
		Use:               "connect NAME [-- ARGUMENTS]",
		Short:             "Connect to an instance with its own client, such as psql",
		Example:           "  souk connect db1\n  souk connect db1 -- -c 'select version()'",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: first(a.completeInstances),
	}
	bindingFlag(cmd, &binding)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if dash := cmd.ArgsLenAtDash(); len(args) > 1 && dash != 1 {
			return misuse("put -- before the arguments of the engine's client: souk connect %s -- %s", args[0], strings.Join(args[1:], " "))
		}
		return a.bounded(func(ctx context.Context, args []string) error {
			return a.runClient(ctx, args[0], binding, args[1:])
		})(cmd, args)
	}
	return cmd
}

// runClient becomes the engine's client. The password is in its environment,
// never among its arguments.
func (a *App) runClient(ctx context.Context, name, binding string, args []string) error {
	c, ca, err := a.credentials(ctx, name, binding)
	if err != nil {
		return err
	}
	engine, ok := a.Clients[c.Service]
	if !ok {
		return fmt.Errorf("souk knows no client for %s; connect with your own, by: souk credentials %s", c.Service, name)
	}
	path, err := a.lookPath(engine.Program)
	if err != nil {
		return fmt.Errorf("%s is not installed here. Install it (Debian: %s), or connect with a client of your own, by: souk credentials %s",
			engine.Program, engine.Install, name)
	}
	env := slices.DeleteFunc(a.Environ(), func(entry string) bool {
		key, _, _ := strings.Cut(entry, "=")
		_, replaced := c.Env[key]
		return replaced || slices.Contains(engine.Clears, key)
	})
	for _, key := range slices.Sorted(maps.Keys(c.Env)) {
		env = append(env, key+"="+c.Env[key])
	}
	fill := strings.NewReplacer("{{HOST}}", c.Endpoint.Host, "{{PORT}}", strconv.Itoa(c.Endpoint.Port), "{{DATABASE}}", c.Endpoint.Database,
		"{{LOGIN}}", c.Login, servicepkg.CAFile, ca)
	argv := []string{engine.Program}
	for _, argument := range engine.Arguments {
		argv = append(argv, fill.Replace(argument))
	}
	return a.Exec(path, append(argv, args...), env)
}

// lookPath finds a program in the caller's PATH.
func (a *App) lookPath(program string) (string, error) {
	for _, dir := range filepath.SplitList(a.Getenv("PATH")) {
		path := filepath.Join(dir, program)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 && filepath.IsAbs(path) {
			return path, nil
		}
	}
	return "", exec.ErrNotFound
}
