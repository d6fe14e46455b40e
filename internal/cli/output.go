package cli

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

// output is the value of -o.
type output struct {
	format  string
	allowed []string
}

// String, Set and Type make output a flag; a wrong value is misuse.
func (o *output) String() string { return o.format }
func (o *output) Type() string   { return strings.Join(o.allowed, "|") }
func (o *output) Set(format string) error {
	if !slices.Contains(o.allowed, format) {
		return fmt.Errorf("must be one of %s", strings.Join(o.allowed, ", "))
	}
	o.format = format
	return nil
}

// outputFlag adds -o; the first format is the default.
func outputFlag(cmd *cobra.Command, formats ...string) *output {
	if len(formats) == 0 {
		formats = []string{"table", "json", "yaml", "name"}
	}
	o := &output{format: formats[0], allowed: formats}
	cmd.Flags().VarP(o, "output", "o", "how to show the result")
	must(cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp)))
	return o
}

// view is one result in all forms that it can be shown in.
type view struct {
	value any      // for json and yaml
	names []string // KIND/NAME; nil where things have no names
	table *table
	text  string // instead of a table
	empty string // said on stderr when there is nothing
}

func (a *App) show(o *output, v view) error {
	switch o.format {
	case "json":
		return a.showJSON(v.value)
	case "yaml":
		return a.showYAML(v.value)
	case "name":
		return a.showNames(v)
	}
	if v.empty != "" && (v.table == nil || len(v.table.rows) == 0) {
		_, err := fmt.Fprintln(a.Err, v.empty)
		return err
	}
	if v.table != nil {
		return v.table.write(a.Out)
	}
	_, err := fmt.Fprint(a.Out, v.text)
	return err
}

func (a *App) showJSON(value any) error {
	encoder := json.NewEncoder(a.Out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

func (a *App) showYAML(value any) error {
	text, err := yaml.Marshal(value)
	if err != nil {
		return err
	}
	_, err = a.Out.Write(text)
	return err
}

func (a *App) showNames(v view) error {
	if v.names == nil {
		return misuse("-o name does not go here: these have no names")
	}
	for _, name := range v.names {
		if _, err := fmt.Fprintln(a.Out, name); err != nil {
			return err
		}
	}
	return nil
}

// items is how json and yaml show a listing.
type items[T any] struct {
	Items []T `json:"items"`
}

func listed[T any](all []T) items[T] {
	if all == nil {
		all = []T{}
	}
	return items[T]{all}
}

// result is one line about what was done, with the object for programs.
func (a *App) result(o *output, name, done string, value any) error {
	return a.show(o, view{value: value, names: []string{name}, text: name + " " + done + "\n"})
}

// progress prints a line for people; programs read stdout.
func (a *App) progress(format string, args ...any) {
	fmt.Fprintln(a.Err, plain(fmt.Sprintf(format, args...), true))
}

// done prints the one line that says what was done.
func (a *App) done(format string, args ...any) error {
	_, err := fmt.Fprintln(a.Out, plain(fmt.Sprintf(format, args...), false))
	return err
}
