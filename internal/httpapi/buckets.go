package httpapi

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/authz"
	"souk/internal/catalog/catalogdb"
	"souk/internal/instance"
	"souk/internal/problem"
	"souk/internal/store"
)

// InBucket is one of the buckets of an organization.
type InBucket struct {
	InOrganization
	Bucket string `path:"bucket" maxLength:"63"`
}

func (s *Server) registerBuckets() {
	const all = "/api/v1/organizations/{org}/buckets"
	const one = all + "/{bucket}"
	register(s, Operation{Method: http.MethodGet, Path: all, ID: "buckets-list", Tag: "backups", Action: authz.BucketRead, AnyProject: true,
		Summary: "List the organization's own buckets for backups", Description: "Without secret keys."}, s.listBuckets)
	register(s, Operation{Method: http.MethodPost, Path: all, ID: "buckets-create", Tag: "backups", Action: authz.BucketWrite, Status: http.StatusCreated,
		Summary: "Keep a bucket for backups", Description: "A small object is written, listed, read and deleted there from the zone first; what is wrong names the field. The secret key is never told again."}, s.createBucket)
	register(s, Operation{Method: http.MethodGet, Path: one, ID: "buckets-get", Tag: "backups", Action: authz.BucketRead, AnyProject: true, Summary: "Read a bucket"},
		func(ctx context.Context, in *InBucket) (*body[api.Bucket], error) {
			out := &body[api.Bucket]{}
			return out, s.Read(ctx, s.readBucket(ctx, &out.Body, in.Bucket))
		})
	register(s, Operation{Method: http.MethodDelete, Path: one, ID: "buckets-delete", Tag: "backups", Action: authz.BucketWrite,
		Summary: "Forget a bucket", Description: "What lies in it stays there. Refused while backups are kept in it."}, s.deleteBucket)
}

func (s *Server) readBucket(ctx context.Context, out *api.Bucket, name string) func(tx store.Tx, p Place) error {
	return func(tx store.Tx, p Place) (err error) {
		*out, err = s.Instances.Bucket(ctx, tx, p.Organization, name)
		return err
	}
}

func (s *Server) listBuckets(ctx context.Context, _ *struct{ InOrganization }) (*body[api.List[api.Bucket]], error) {
	out := &body[api.List[api.Bucket]]{}
	return out, s.Read(ctx, func(tx store.Tx, p Place) (err error) {
		out.Body.Items, err = s.Instances.Buckets(ctx, tx, p.Organization)
		return err
	})
}

// createBucket has the zone try the bucket before a transaction begins that changes
// anything.
func (s *Server) createBucket(ctx context.Context, in *struct {
	InOrganization
	Body api.BucketCreate
}) (*body[api.Bucket], error) {
	place, err := instance.CheckBucket(in.Body)
	if err != nil {
		return nil, err
	}
	zone, err := s.zoneNamed(ctx, in.Body.Zone)
	if err != nil {
		return nil, err
	}
	if err := s.Zones.TryBucket(ctx, zone, place); err != nil {
		return nil, err
	}
	out := &body[api.Bucket]{}
	return out, s.Change(ctx, func(tx store.Tx, p Place) (_ string, err error) {
		if out.Body, err = s.Instances.KeepBucket(ctx, tx, at(p), in.Body); err != nil {
			return "", err
		}
		return out.Body.Name, p.Audit(ctx, tx, bucketEvent("bucket.create", out.Body.Name, map[string]any{"zone": in.Body.Zone, "endpoint": out.Body.Endpoint, "bucket": out.Body.Bucket, "prefix": out.Body.Prefix}))
	}, func(tx store.Tx, p Place, name string) error { return s.readBucket(ctx, &out.Body, name)(tx, p) })
}

// zoneNamed finds a zone.
func (s *Server) zoneNamed(ctx context.Context, name string) (id uuid.UUID, err error) {
	err = s.Read(ctx, func(tx store.Tx, _ Place) error {
		zones, err := catalogdb.New(tx).Zones(ctx, name)
		if err != nil {
			return err
		}
		if name == "" || len(zones) == 0 {
			return problem.InvalidField("body.zone", name, "There is no such zone. See: souk get zones.")
		}
		id = zones[0].ID
		return nil
	})
	return id, err
}

func (s *Server) deleteBucket(ctx context.Context, in *InBucket) (*struct{}, error) {
	return nil, s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		if err := s.Instances.DeleteBucket(ctx, tx, p.Organization, in.Bucket); err != nil {
			return "", err
		}
		return in.Bucket, p.Audit(ctx, tx, bucketEvent("bucket.delete", in.Bucket, nil))
	}, noReplay)
}

func bucketEvent(action, name string, details map[string]any) audit.Event {
	return audit.Event{Action: action, Kind: "bucket", ObjectID: name, ObjectName: name, Details: details}
}
