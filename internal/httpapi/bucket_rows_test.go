package httpapi_test

import (
	"context"
	"net/http"
	"testing"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/instance"
	"souk/internal/store"
)

var bucketRows = map[string]row{
	"buckets-list": {may: readers, anyProject: true, request: in("GET", "/buckets")},
	"buckets-get":  {may: readers, anyProject: true, request: onBucket("GET")},
	// No agent is connected, which only those learn who may add one.
	"buckets-create": {may: admins, success: http.StatusUnprocessableEntity, request: func(_ *testing.T, _ *httpapitest.Env, at place) httpapitest.Request {
		return httpapitest.Request{Method: "POST", Path: at.path("/buckets"), Body: ownBucket(freshName())}
	}},
	"buckets-delete": {may: admins, request: onBucket("DELETE")},
}

func ownBucket(name string) api.BucketCreate {
	return api.BucketCreate{Name: name, Zone: httpapitest.Zone, Endpoint: "s3.example.com", Region: "eu-1", Bucket: "backups-of-ours", AccessKey: "key", SecretKey: "secret"}
}

// onBucket is for a request about the only bucket of an organization.
func onBucket(method string) func(*testing.T, *httpapitest.Env, place) httpapitest.Request {
	return func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		i := e.Order(t, at.organization, httpapitest.OwnProject, freshName())
		name := freshName()
		e.Act(t, i, func(ctx context.Context, tx store.Tx, s *instance.Service) (instance.View, error) {
			if _, err := tx.Exec(ctx, "DELETE FROM backup_buckets"); err != nil { // not as many as it may have
				return instance.View{}, err
			}
			if _, err := s.KeepBucket(ctx, tx, i.Place, ownBucket(name)); err != nil {
				return instance.View{}, err
			}
			return s.ByID(ctx, tx, i.ID)
		})
		return httpapitest.Request{Method: method, Path: at.path("/buckets/" + name)}
	}
}
