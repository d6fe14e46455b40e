package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"souk/api"
	"souk/api/client"
)

// watch shows instances, then their changes, until it is interrupted.
func (a *App) watch(ctx context.Context, o *output, args []string, opt getOptions) error {
	k, name, err := target(args)
	if err != nil {
		return err
	}
	if k.name != "instance" || opt.all {
		return misuse("-w watches the instances of one project only")
	}
	project, err := a.inProject(ctx)
	if err != nil {
		return err
	}
	w := watchPrinter{app: a, output: o, table: instanceTable(false), last: map[string][]byte{}}
	w.empty = noInstances(project.Organization+"/"+project.Name, opt)
	for event, err := range a.follow(ctx, project, name, opt) {
		if ctx.Err() != nil {
			return nil // being interrupted is how a watch ends
		}
		if err != nil {
			return err
		}
		if err := w.take(event); err != nil {
			return err
		}
	}
	return nil
}

func (a *App) follow(ctx context.Context, project *client.Project, name string, opt getOptions) iter.Seq2[client.InstanceEvent, error] {
	if name != "" {
		return project.WatchInstance(ctx, name)
	}
	return project.Watch(ctx, client.ListOptions{Labels: opt.labels, Text: opt.text})
}

// watchPrinter shows each state once; what there is at the start is laid out
// together.
type watchPrinter struct {
	app    *App
	output *output
	table  *table
	empty  string
	synced bool
	last   map[string][]byte // what was shown, by instance ID
}

func (w *watchPrinter) take(event client.InstanceEvent) error {
	if event.Synced {
		return w.sync()
	}
	shown, err := json.Marshal(event.Instance)
	if err != nil || bytes.Equal(w.last[event.Instance.Metadata.ID], shown) {
		return err
	}
	w.last[event.Instance.Metadata.ID] = shown
	if w.output.format != "table" {
		return w.document(*event.Instance)
	}
	row := w.app.instanceRow(*event.Instance, false)
	if !w.synced {
		w.table.add(row...)
		return nil
	}
	if len(w.table.rows) == 0 { // the listing was empty: the header is still to come
		w.table.add(row...)
		return w.table.write(w.app.Out)
	}
	return w.table.append(w.app.Out, row)
}

func (w *watchPrinter) sync() error {
	w.synced = true
	if w.output.format != "table" {
		return nil
	}
	if len(w.table.rows) == 0 {
		w.app.progress("%s", w.empty)
		return nil
	}
	return w.table.write(w.app.Out)
}

// document prints JSON as one line, so that a program can read line by line.
func (w *watchPrinter) document(i api.Instance) error {
	switch w.output.format {
	case "json":
		line, err := json.Marshal(document(i))
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w.app.Out, "%s\n", line)
		return err
	case "yaml":
		if _, err := fmt.Fprintln(w.app.Out, "---"); err != nil {
			return err
		}
		return w.app.showYAML(document(i))
	}
	_, err := fmt.Fprintln(w.app.Out, "instance/"+i.Metadata.Name)
	return err
}
