package client

import (
	"context"
	"net/http"

	"souk/api"
)

// Buckets lists the organization's own buckets for backups.
func (o *Organization) Buckets(ctx context.Context) ([]api.Bucket, error) {
	return listWhole[api.Bucket](ctx, o.client, o.path("buckets")...)
}

// AddBucket keeps a bucket for backups, once the zone has tried it.
func (o *Organization) AddBucket(ctx context.Context, bucket api.BucketCreate) (api.Bucket, error) {
	var out api.Bucket
	err := o.client.do(ctx, call{method: http.MethodPost, path: o.path("buckets"), body: bucket, out: &out, changes: true, slow: true})
	return out, err
}

// DeleteBucket forgets a bucket. What lies in it stays there.
func (o *Organization) DeleteBucket(ctx context.Context, name string) error {
	return o.client.do(ctx, call{method: http.MethodDelete, path: o.path("buckets", name), changes: true})
}
