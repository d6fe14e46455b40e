package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitMisuse = 2
)

// Run carries out the command line and returns its exit code: 0 done, 1 failed,
// 2 misuse; `diff` has codes of its own.
func Run(ctx context.Context, root *cobra.Command) int {
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	var ran *ranError
	if !errors.As(err, &ran) { // cobra refused before anything ran
		ran = &ranError{code: exitMisuse, text: err.Error()}
	}
	if ran.text != "" {
		fmt.Fprintln(root.ErrOrStderr(), "souk: "+plain(ran.text, true))
	}
	if ran.code == exitMisuse {
		fmt.Fprintf(root.ErrOrStderr(), "See: %s --help\n", cmd.CommandPath())
	}
	return ran.code
}

// ranError is what a command that did run ended with.
type ranError struct {
	code int
	text string
}

func (e *ranError) Error() string { return e.text }

// misuseError says that the command line itself is wrong.
type misuseError struct{ text string }

func (e *misuseError) Error() string { return e.text }

func misuse(format string, args ...any) error {
	return &misuseError{fmt.Sprintf(format, args...)}
}

// codeError ends the command with a code of its own. Without a cause nothing
// is printed: everything has been said.
type codeError struct {
	code int
	err  error
}

func (e *codeError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *codeError) Unwrap() error { return e.err }

// guard makes every command's error tell its exit code and read plainly, and
// every group of commands refuse what it does not know.
func guard(a *App, cmd *cobra.Command) {
	for _, child := range cmd.Commands() {
		guard(a, child)
	}
	if cmd.RunE == nil && cmd.Run == nil && cmd.HasParent() {
		cmd.RunE = groupOnly
	}
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if check(cmd, args) != nil {
				return fmt.Errorf("wrong number of arguments (%d): it is %s", len(args), cmd.UseLine())
			}
			return nil
		}
	}
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			return a.finish(run(cmd, args))
		}
	}
}

func (a *App) finish(err error) error {
	if err == nil {
		return nil
	}
	ran := &ranError{code: exitFailed, text: a.explain(err)}
	var coded *codeError
	var wrong *misuseError
	switch {
	case errors.As(err, &coded):
		ran.code = coded.code
	case errors.As(err, &wrong):
		ran.code = exitMisuse
	}
	return ran
}

func groupOnly(cmd *cobra.Command, args []string) error {
	var names []string
	for _, child := range cmd.Commands() {
		if child.IsAvailableCommand() {
			names = append(names, child.Name())
		}
	}
	if len(args) == 0 {
		return misuse("%s needs a command: %s", cmd.CommandPath(), strings.Join(names, ", "))
	}
	return misuse("unknown command %q for %q; it has: %s", args[0], cmd.CommandPath(), strings.Join(names, ", "))
}
