package httpapi

import (
	"context"
	"net/http"

	"souk/api"
	"souk/internal/authz"
	"souk/internal/store"
)

func (s *Server) registerBackups() {
	const path = instancesPath + "/{name}/backups"
	register(s, Operation{Method: http.MethodGet, Path: path, ID: "backups-list", Tag: "backups", Summary: "List what is kept of an instance, the newest first",
		Description: "Also of an instance that was removed for good, while its backups are kept. To restore, order an instance with `restoreFrom`.", Action: authz.InstanceRead},
		func(ctx context.Context, in *InInstance) (*body[api.BackupList], error) {
			out := &body[api.BackupList]{}
			err := s.Read(ctx, func(tx store.Tx, p Place) (err error) {
				out.Body, err = s.Instances.Backups(ctx, tx, at(p), in.Name)
				return err
			})
			return out, err
		})
	register(s, Operation{Method: http.MethodGet, Path: "/api/v1/organizations/{org}/projects/{project}/backups", ID: "backups-summary", Tag: "backups",
		Summary: "List the instances of a project of which backups are kept", Description: "Those that were removed for good come last.", Action: authz.InstanceRead},
		func(ctx context.Context, in *InProject) (*body[api.List[api.BackupSummary]], error) {
			out := &body[api.List[api.BackupSummary]]{}
			err := s.Read(ctx, func(tx store.Tx, p Place) (err error) {
				out.Body.Items, err = s.Instances.BackupSummaries(ctx, tx, at(p))
				return err
			})
			return out, err
		})
	register(s, Operation{Method: http.MethodGet, Path: path + "/{backup}", ID: "backups-get", Tag: "backups", Summary: "Read a backup", Action: authz.InstanceRead},
		func(ctx context.Context, in *struct {
			InInstance
			Backup string `path:"backup" format:"uuid" doc:"ID of the backup"`
		}) (*body[api.Backup], error) {
			out := &body[api.Backup]{}
			err := s.Read(ctx, func(tx store.Tx, p Place) (err error) {
				out.Body, err = s.Instances.Backup(ctx, tx, at(p), in.Name, in.Backup)
				return err
			})
			return out, err
		})
	register(s, Operation{Method: http.MethodDelete, Path: path + "/{backup}", ID: "backups-delete", Tag: "backups", Summary: "Delete a backup before it expires",
		Description: "Also of an instance that was removed for good. It is `expiring` until it is removed where it is kept, and costs nothing from now on. Where it was the newest on schedule, another is taken at once.",
		Action:      authz.BackupWrite, Status: http.StatusOK},
		func(ctx context.Context, in *struct {
			InInstance
			Backup  string `path:"backup" format:"uuid" doc:"ID of the backup"`
			Confirm string `query:"confirm" maxLength:"63" doc:"The instance's name, while it is protected against deletion"`
		}) (*body[api.Backup], error) {
			out := &body[api.Backup]{}
			err := s.Change(ctx, func(tx store.Tx, p Place) (_ string, err error) {
				out.Body, err = s.Instances.DeleteBackup(ctx, tx, at(p), in.Name, in.Backup, in.Confirm)
				return in.Backup, err
			}, func(tx store.Tx, p Place, reference string) (err error) {
				out.Body, err = s.Instances.Backup(ctx, tx, at(p), in.Name, reference)
				return err
			})
			return out, err
		})
	s.registerInPlaceRestores()
	register(s, Operation{Method: http.MethodPost, Path: path, ID: "backups-create", Tag: "backups", Summary: "Back an instance up now, beside its schedule", Action: authz.BackupWrite, Status: http.StatusCreated},
		func(ctx context.Context, in *InInstance) (*body[api.Backup], error) {
			out := &body[api.Backup]{}
			err := s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
				b, err := s.Instances.BackUp(ctx, tx, at(p), in.Name)
				out.Body = b
				return b.ID, err
			}, func(tx store.Tx, p Place, reference string) (err error) {
				out.Body, err = s.Instances.Backup(ctx, tx, at(p), in.Name, reference)
				return err
			})
			return out, err
		})
}

func (s *Server) registerInPlaceRestores() {
	const path = instancesPath + "/{name}/restores"
	register(s, Operation{Method: http.MethodGet, Path: path, ID: "restores-list", Tag: "backups", Summary: "List the restores in place of an instance, the newest first", Action: authz.InstanceRead},
		func(ctx context.Context, in *InInstance) (*body[api.InPlaceRestoreList], error) {
			out := &body[api.InPlaceRestoreList]{}
			err := s.Read(ctx, func(tx store.Tx, p Place) (err error) {
				out.Body, err = s.Instances.InPlaceRestores(ctx, tx, at(p), in.Name)
				return err
			})
			return out, err
		})
	register(s, Operation{Method: http.MethodGet, Path: path + "/{restore}", ID: "restores-get", Tag: "backups", Summary: "Read a restore in place", Action: authz.InstanceRead},
		func(ctx context.Context, in *struct {
			InInstance
			Restore string `path:"restore" format:"uuid" doc:"ID of the restore"`
		}) (*body[api.InPlaceRestore], error) {
			out := &body[api.InPlaceRestore]{}
			err := s.Read(ctx, func(tx store.Tx, p Place) (err error) {
				out.Body, err = s.Instances.InPlaceRestore(ctx, tx, at(p), in.Name, in.Restore)
				return err
			})
			return out, err
		})
	register(s, Operation{Method: http.MethodPost, Path: path, ID: "restores-create", Tag: "backups", Summary: "Restore an instance in place",
		Description: "What there is now is backed up first. The data from before stays until what is restored serves, and comes back where it does not. Connection details stay as they are.",
		Action:      authz.InstanceWrite, Status: http.StatusCreated},
		func(ctx context.Context, in *struct {
			InInstance
			Body api.RestoreInPlace
		}) (*body[api.InPlaceRestore], error) {
			out := &body[api.InPlaceRestore]{}
			err := s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
				w, err := s.Instances.RestoreInPlace(ctx, tx, at(p), in.Name, in.Body)
				out.Body = w
				return w.ID, err
			}, func(tx store.Tx, p Place, reference string) (err error) {
				out.Body, err = s.Instances.InPlaceRestore(ctx, tx, at(p), in.Name, reference)
				return err
			})
			return out, err
		})
}
