package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"souk/api"
	"souk/api/client"
)

// backupAndRestore measures a backup from its order until it is known to be
// completed, and a restore until the new server answers over verified TLS, against
// the same tool with the same settings, called by hand for the same data. A backup
// is taken within the share of the processors that the instance's plan has, and so
// it is by hand.
func backupAndRestore(ctx context.Context, e *env) ([]row, error) {
	d, err := startDev(ctx, e, filepath.Join(e.dir, "backup"))
	if err != nil {
		return nil, err
	}
	defer d.stop()
	acme, err := d.acme(ctx)
	if err != nil {
		return nil, err
	}
	hand, err := newBackedUpByHand(ctx, e)
	if err != nil {
		return nil, err
	}
	defer hand.close()
	if err := orderFilled(ctx, acme, "source", e.sizes.backupMiB); err != nil {
		return nil, err
	}
	if hand.share, err = d.shareOf("postgres"); err != nil {
		return nil, err
	}
	var backups, bareBackups, restores, bareRestores samples
	for i := range e.sizes.backups {
		for _, measure := range []struct {
			into *samples
			run  func() (time.Duration, error)
		}{
			{&backups, func() (time.Duration, error) { return backUp(ctx, acme, "source") }},
			{&bareBackups, func() (time.Duration, error) { return hand.backUp(ctx) }},
			{&restores, func() (time.Duration, error) { return restore(ctx, acme, "source", "restored-"+strconv.Itoa(i)) }},
			{&bareRestores, func() (time.Duration, error) { return hand.restore(ctx, i) }},
		} {
			took, err := measure.run()
			if err != nil {
				return nil, err
			}
			*measure.into = append(*measure.into, took)
		}
	}
	compared := func(what string, souk, bare samples) row {
		r := medianRatio(souk, bare)
		return row{
			what:     fmt.Sprintf("%s, %d MiB of data, median of %d pairs", what, e.sizes.backupMiB, e.sizes.backups),
			measured: millis(souk.median()), baseline: "pgBackRest by hand: " + millis(bare.median()), ratio: times(r), goal: "≤ 1.10 ×", verdict: reached(r <= 1.10),
		}
	}
	return []row{
		compared("backup asked for → completed", backups, bareBackups),
		compared("restore ordered → first query over verified TLS", restores, bareRestores),
	}, nil
}

// fill makes about so many MiB of rows that pack about as well as usual ones do.
const fill = "CREATE TABLE filled AS SELECT n, md5(n::text) AS a, repeat(md5((n / 7)::text), 5) AS b FROM generate_series(1, %d) n"

// rowsOfMiB is how many rows of fill a MiB is.
const rowsOfMiB = 4300

func (s server) fill(ctx context.Context, mib int) error {
	return s.exec(ctx, fmt.Sprintf(fill, mib*rowsOfMiB))
}

// orderFilled orders an instance that is backed up, with data in it.
func orderFilled(ctx context.Context, p *client.Project, name string, mib int) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	on := true
	order := api.InstanceOrder{Spec: api.InstanceSpec{Service: "postgresql", Plan: "small", Backup: &api.BackupSpec{Enabled: &on}}}
	order.Metadata.Name = name
	if _, err := p.Order(ctx, order); err != nil {
		return err
	}
	if err := phase(ctx, p, name, api.PhaseReady); err != nil {
		return err
	}
	s, err := reveal(ctx, p, name)
	if err != nil {
		return err
	}
	if err := s.fill(ctx, mib); err != nil {
		return err
	}
	_, err = backUp(ctx, p, name) // the first makes the repository
	return err
}

// backUp takes a backup and waits for it.
func backUp(ctx context.Context, p *client.Project, name string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	began := time.Now()
	b, err := p.BackUp(ctx, name)
	if err != nil {
		return 0, err
	}
	for _, err := range p.WatchInstance(ctx, name) {
		if err != nil {
			return 0, err
		}
		if b, err = p.Backup(ctx, name, b.ID); err != nil {
			return 0, err
		}
		switch b.State {
		case "completed":
			return time.Since(began), nil
		case "failed", "lost":
			return 0, fmt.Errorf("the backup of %s: %s", name, b.Message)
		}
	}
	return 0, fmt.Errorf("the watch of %s ended before its backup was completed", name)
}

// restore makes a new instance of the newest backup, asks it, and deletes it.
func restore(ctx context.Context, p *client.Project, source, name string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	list, err := p.Backups(ctx, source)
	if err != nil {
		return 0, err
	}
	newest := list.Items[0]
	for _, b := range list.Items {
		if b.State == "completed" && b.CreatedAt.After(newest.CreatedAt) {
			newest = b
		}
	}
	order := api.InstanceOrder{RestoreFrom: &api.RestoreFrom{Instance: source, Backup: newest.ID}}
	order.Metadata.Name = name
	return orderAndAsk(ctx, p, order)
}
