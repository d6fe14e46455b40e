package redis

import (
	"context"
	"strings"

	"souk/internal/driver/process"
	"souk/internal/shim"
)

// Files of an instance, relative to its folder. The server works in dataFolder.
const (
	dataFolder = shim.DataFolder + "/redis"
	unfinished = shim.DataFolder + "/redis.new" // data that is not whole yet
	appendOnly = "appendonlydir"                // of the data, below dataFolder
	manifest   = "appendonly.aof.manifest"      // says which files the data is in
	firstFile  = "appendonly.aof.1.incr.aof"    // of an instance that has just been made
	configFile = shim.ConfFolder + "/redis.conf"
	usersFile  = shim.ConfFolder + "/users.acl"
	serverFile = shim.ConfFolder + "/server.pem" // certificate and key in one, so that they always match
	socket     = "redis.sock"
)

// HasData looks for the manifest and the files that it names: without one of them
// the server would begin empty, or not at all.
func (e *engine) HasData(ctx context.Context, host *process.Host) (bool, error) {
	folder := dataFolder + "/" + appendOnly + "/"
	for before := ""; ; {
		text, err := host.ReadIfThere(ctx, folder+manifest)
		if err != nil || len(text) == 0 {
			return false, err
		}
		missing, err := anyMissing(ctx, host, folder, string(text))
		if err != nil || !missing {
			return err == nil, err
		}
		if string(text) == before {
			return false, nil
		}
		before = string(text) // a running server may just have replaced its files
	}
}

// anyMissing says whether a file is missing that a manifest names, other than
// those that the server is about to delete. A line of it is
// "file NAME seq NUMBER type b|i|h".
func anyMissing(ctx context.Context, host *process.Host, folder, manifest string) (bool, error) {
	for line := range strings.Lines(manifest) {
		fields := strings.Fields(line)
		if len(fields) < 6 || fields[0] != "file" || fields[5] == "h" {
			continue
		}
		if has, err := host.Exists(ctx, folder+fields[1]); err != nil || !has {
			return true, err
		}
	}
	return false, nil
}

// data makes an instance's files, under another name until they are whole: empty, or
// of a backup where one is to be restored.
func (w *work) data(ctx context.Context) error {
	has, err := w.engine.HasData(ctx, w.Host)
	if err != nil {
		return err
	}
	if has {
		return w.Initialised()
	}
	if err := w.Remove(ctx, unfinished); err != nil {
		return err
	}
	if w.Want.Restore != nil {
		err = w.restore(ctx)
	} else {
		err = w.empty(ctx)
	}
	if err != nil {
		return err
	}
	if err := w.Rename(ctx, unfinished, dataFolder); err != nil {
		return err
	}
	return w.Initialised()
}

func (w *work) empty(ctx context.Context) error {
	return w.Write(ctx,
		shim.File{Path: unfinished + "/" + appendOnly + "/" + firstFile, Mode: 0o600},
		shim.File{Path: unfinished + "/" + appendOnly + "/" + manifest, Mode: 0o600, Data: []byte("file " + firstFile + " seq 1 type i\n")},
	)
}
