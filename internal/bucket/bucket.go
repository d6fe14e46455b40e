// Package bucket reads, writes and deletes objects in a zone's place for backups,
// a bucket of an S3 service.
package bucket

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"souk/internal/driver"
)

// Bucket is the place, reached with the zone's credentials.
type Bucket struct {
	client *s3.Client
	name   string
}

// Object is one that is there.
type Object struct {
	Key   string
	Bytes int64
	At    time.Time // when it was written
}

// ErrNotFound: there is no such object.
var ErrNotFound = errors.New("there is no such object")

// biggest is what Get reads of an object at most, in bytes: it is for small ones.
const biggest = 1 << 20

// deletedAtOnce is what an S3 service deletes by one request.
const deletedAtOnce = 1000

// Open returns the bucket of a place. It asks nothing of it yet.
func Open(place *driver.BackupPlace) (*Bucket, error) { return open(place, true) }

// open is Open; unless private is set nothing but public addresses are connected to.
func open(place *driver.BackupPlace, private bool) (*Bucket, error) {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	if !private {
		dialer.Control = publicOnly
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM([]byte(place.CAPEM)) {
		return nil, errors.New("driver.backups.caFile: it holds no certificate")
	}
	transport := &http.Transport{
		TLSClientConfig:       &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12},
		DialContext:           dialer.DialContext,
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: 20 * time.Second,
		IdleConnTimeout:       time.Minute,
	}
	return &Bucket{name: place.Bucket, client: s3.New(s3.Options{
		BaseEndpoint: aws.String("https://" + net.JoinHostPort(place.Endpoint, strconv.Itoa(place.Port))),
		Region:       place.Region, UsePathStyle: true, HTTPClient: &http.Client{Transport: transport},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: place.AccessKey, SecretAccessKey: place.SecretKey}, nil
		}),
		RetryMaxAttempts: 2,
	})}, nil
}

// List calls f with each object whose key begins with a prefix, by key, until f
// returns false.
func (b *Bucket) List(ctx context.Context, prefix string, f func(Object) bool) error {
	pages := s3.NewListObjectsV2Paginator(b.client, &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list what is in the place of backups: %w", err)
		}
		for _, o := range page.Contents {
			if !f(Object{Key: aws.ToString(o.Key), Bytes: aws.ToInt64(o.Size), At: aws.ToTime(o.LastModified)}) {
				return nil
			}
		}
	}
	return nil
}

// Get reads a small object; ErrNotFound when it is not there.
func (b *Bucket) Get(ctx context.Context, key string) ([]byte, error) {
	got, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &key})
	if _, absent := errors.AsType[*types.NoSuchKey](err); absent {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read from the place of backups: %w", err)
	}
	defer got.Body.Close()
	return io.ReadAll(io.LimitReader(got.Body, biggest))
}

// Put writes an object, over one of the same key.
func (b *Bucket) Put(ctx context.Context, key string, content []byte) error {
	_, err := b.client.PutObject(ctx, &s3.PutObjectInput{Bucket: &b.name, Key: &key, Body: bytes.NewReader(content)})
	if err != nil {
		return fmt.Errorf("write to the place of backups: %w", err)
	}
	return nil
}

// Delete deletes objects. Those that are not there are no error.
func (b *Bucket) Delete(ctx context.Context, keys ...string) error {
	for len(keys) > 0 {
		some := keys[:min(len(keys), deletedAtOnce)]
		keys = keys[len(some):]
		these := make([]types.ObjectIdentifier, len(some))
		for i := range some {
			these[i].Key = &some[i]
		}
		done, err := b.client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &b.name, Delete: &types.Delete{Objects: these, Quiet: aws.Bool(true)}})
		if err != nil {
			return fmt.Errorf("delete from the place of backups: %w", err)
		}
		if len(done.Errors) > 0 {
			return fmt.Errorf("the place of backups does not delete %d of %d objects: %s", len(done.Errors), len(some), aws.ToString(done.Errors[0].Code))
		}
	}
	return nil
}

// DeleteAll deletes every object whose key begins with a prefix.
func (b *Bucket) DeleteAll(ctx context.Context, prefix string) error {
	var keys []string
	err := b.List(ctx, prefix, func(o Object) bool {
		keys = append(keys, o.Key)
		return true
	})
	if err != nil {
		return err
	}
	return b.Delete(ctx, keys...)
}
