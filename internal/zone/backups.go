package zone

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/google/uuid"

	"souk/internal/agentapi"
	"souk/internal/backup"
	"souk/internal/driver"
	"souk/internal/instance"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/zone/zonedb"
)

// backupsWanted is what zones are told of backups, by instance.
type backupsWanted struct {
	keys     map[uuid.UUID]string
	places   map[uuid.UUID]*driver.BackupPlace // buckets of the customer's
	take     map[uuid.UUID][]string
	drills   map[uuid.UUID]*agentapi.DrillOrder
	restores map[uuid.UUID]*driver.Restore
	rewinds  map[uuid.UUID]*driver.Rewind
}

// backups reads what is wanted of the backups of instances, with the keys opened.
func (z *Zones) backups(ctx context.Context, tx store.Tx, q *zonedb.Queries, ids []uuid.UUID) (backupsWanted, error) {
	out := backupsWanted{map[uuid.UUID]string{}, map[uuid.UUID]*driver.BackupPlace{}, map[uuid.UUID][]string{}, map[uuid.UUID]*agentapi.DrillOrder{}, map[uuid.UUID]*driver.Restore{}, map[uuid.UUID]*driver.Rewind{}}
	sets, err := q.BackupSetsOf(ctx, ids)
	if err != nil {
		return out, err
	}
	for _, s := range sets {
		if out.keys[s.InstanceID], err = z.Instances.OpenBackupKey(ctx, s.InstanceID, s.Secret); err != nil {
			return out, err
		}
		if out.places[s.InstanceID], err = z.Instances.BackupPlaceNamed(ctx, tx, s.OrganizationID, s.Bucket); err != nil {
			return out, err
		}
	}
	asked, err := q.BackupsWantedOf(ctx, ids)
	if err != nil {
		return out, err
	}
	for _, b := range asked {
		out.take[b.InstanceID] = append(out.take[b.InstanceID], b.ID.String())
	}
	drills, err := q.DrillsOf(ctx, ids)
	if err != nil {
		return out, err
	}
	for _, d := range drills {
		out.drills[d.InstanceID] = &agentapi.DrillOrder{ID: d.ID.String(), BackupID: d.BackupID.String()}
	}
	restores, err := q.RestoresOf(ctx, ids)
	if err != nil {
		return out, err
	}
	for _, r := range restores {
		key, err := z.Instances.OpenBackupKey(ctx, r.SourceID, r.Secret)
		if err != nil {
			return out, err
		}
		place, err := z.Instances.BackupPlace(ctx, tx, r.OrganizationID, r.BucketID)
		if err != nil {
			return out, err
		}
		restore := &driver.Restore{From: driver.BackupSource{InstanceID: r.SourceID.String(), Service: r.Service, Key: key, Place: place}, BackupID: r.BackupID.String()}
		if r.Target != nil {
			restore.Time = r.Target.UTC()
		}
		out.restores[r.InstanceID] = restore
	}
	rewinds, err := q.RewindsOf(ctx, ids)
	if err != nil {
		return out, err
	}
	for _, r := range rewinds {
		rewind := &driver.Rewind{Number: r.Number, Restore: driver.Restore{BackupID: r.BackupID.String()}}
		if rewind.From.Place, err = z.Instances.BackupPlace(ctx, tx, r.OrganizationID, r.BucketID); err != nil {
			return out, err
		}
		if r.Target != nil {
			rewind.Time = r.Target.UTC()
		}
		out.rewinds[r.InstanceID] = rewind
	}
	return out, nil
}

// add says what is wanted of one instance's backups, by the plan in its record.
func (b backupsWanted) add(d *agentapi.Desired, id uuid.UUID, plan []byte) {
	d.Restore = b.restores[id]
	key, has := b.keys[id]
	if rewind := b.rewinds[id]; rewind != nil {
		rewind.From = driver.BackupSource{InstanceID: d.ID, Service: d.Service, Key: key, Place: rewind.From.Place}
		d.Rewind = rewind
	}
	var p backup.Plan
	if !has || len(plan) == 0 || json.Unmarshal(plan, &p) != nil || p.Disabled {
		return
	}
	d.Backup = &driver.BackupSettings{Key: key, Place: b.places[id]}
	d.Backups = &agentapi.Backups{Plan: p, Take: b.take[id], Drill: b.drills[id]}
}

// TryBucket has a zone write, read and delete a small object in a customer's bucket. What
// is wrong with it is a problem that names the field.
func (z *Zones) TryBucket(ctx context.Context, zone uuid.UUID, place *driver.BackupPlace) error {
	err := z.ask(ctx, zone, agentapi.Request{TryBucket: place}, func(agentapi.Response) error { return nil })
	if refusal, ok := errors.AsType[*refused](err); ok {
		field := refusal.Code
		if !slices.Contains([]string{"endpoint", "region", "bucket", "accessKey", "secretKey", "ca"}, field) {
			field = "zone"
		}
		return problem.InvalidField("body."+field, nil, "%s", refusal.Response.Error)
	}
	if errors.Is(err, ErrAway) {
		return problem.InvalidField("body.zone", nil, "The zone cannot be reached at the moment, so the bucket cannot be tried from there. Try again later.")
	}
	return err
}

// expiringAtOnce is how many backups are looked up at a time to be removed.
const expiringAtOnce = 20

// RemoveExpired has the zones whose agents are connected to this replica remove
// the backups that have expired. What cannot be removed now is tried again when
// this is called again.
func (z *Zones) RemoveExpired(ctx context.Context) error {
	expiring, err := z.Instances.Expiring(ctx, z.Store, expiringAtOnce)
	if err != nil {
		return err
	}
	var failed error
	for _, b := range expiring {
		if err := z.removeBackup(ctx, b); err != nil && !errors.Is(err, ErrAway) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

func (z *Zones) removeBackup(ctx context.Context, b instance.ExpiringBackup) error {
	request := agentapi.ExpireRequest{Of: b.Of, ID: b.ID.String(), Last: b.Last}
	err := z.ask(ctx, b.Zone, agentapi.Request{ExpireBackup: &request}, func(agentapi.Response) error { return nil })
	if err != nil {
		return err
	}
	return z.Instances.Expired(ctx, z.Store, b)
}
