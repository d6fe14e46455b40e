package client

import (
	"context"
	"net/http"
	"net/url"

	"souk/api"
)

// Backups lists what is kept of an instance, also after it was removed for good.
func (p *Project) Backups(ctx context.Context, name string) (api.BackupList, error) {
	var out api.BackupList
	err := p.client.get(ctx, nil, &out, p.path(name, "backups")...)
	return out, err
}

// BackupSummaries lists the instances of which backups are kept, those that were
// removed for good last.
func (p *Project) BackupSummaries(ctx context.Context) ([]api.BackupSummary, error) {
	return listWhole[api.BackupSummary](ctx, p.client, "organizations", p.Organization, "projects", p.Name, "backups")
}

// Backup returns one backup of an instance.
func (p *Project) Backup(ctx context.Context, name, id string) (api.Backup, error) {
	var out api.Backup
	err := p.client.get(ctx, nil, &out, p.path(name, "backups", id)...)
	return out, err
}

// BackUp asks for a backup beside the schedule. It is taken as soon as the zone can.
func (p *Project) BackUp(ctx context.Context, name string) (api.Backup, error) {
	var out api.Backup
	err := p.client.do(ctx, call{method: http.MethodPost, path: p.path(name, "backups"), out: &out, changes: true})
	return out, err
}

// DeleteBackup deletes a backup before it expires. confirm is the instance's name, which
// has to be said while that is protected against deletion.
func (p *Project) DeleteBackup(ctx context.Context, name, id, confirm string) (api.Backup, error) {
	query := url.Values{}
	set(query, "confirm", confirm)
	var out api.Backup
	err := p.client.do(ctx, call{method: http.MethodDelete, path: p.path(name, "backups", id), query: query, out: &out, changes: true})
	return out, err
}

// RestoreInPlace asks for a restore in place. What there is now is backed up first.
func (p *Project) RestoreInPlace(ctx context.Context, name string, in api.RestoreInPlace) (api.InPlaceRestore, error) {
	var out api.InPlaceRestore
	err := p.client.do(ctx, call{method: http.MethodPost, path: p.path(name, "restores"), body: in, out: &out, changes: true})
	return out, err
}

// InPlaceRestores lists the restores in place of an instance, the newest first.
func (p *Project) InPlaceRestores(ctx context.Context, name string) (api.InPlaceRestoreList, error) {
	var out api.InPlaceRestoreList
	err := p.client.get(ctx, nil, &out, p.path(name, "restores")...)
	return out, err
}

// InPlaceRestore returns one restore in place of an instance.
func (p *Project) InPlaceRestore(ctx context.Context, name, id string) (api.InPlaceRestore, error) {
	var out api.InPlaceRestore
	err := p.client.get(ctx, nil, &out, p.path(name, "restores", id)...)
	return out, err
}
