// Command render writes what a chart makes of some values, as plain manifests,
// in the order in which they can be applied.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	chart := flag.String("chart", "", "the chart's folder")
	values := flag.String("values", "", "a file of values")
	name := flag.String("name", "", "name of the release")
	namespace := flag.String("namespace", "", "namespace of the release")
	flag.Parse()
	if err := run(*chart, *values, *name, *namespace); err != nil {
		fmt.Fprintln(os.Stderr, "render:", err)
		os.Exit(1)
	}
}

func run(chart, values, name, namespace string) error {
	raw, err := os.ReadFile(values)
	if err != nil {
		return err
	}
	text, err := Render(chart, raw, name, namespace)
	if err != nil {
		return err
	}
	_, err = os.Stdout.WriteString(text)
	return err
}
