package instance

import (
	"context"
	"crypto/x509"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/driver"
	"souk/internal/instance/instancedb"
	"souk/internal/problem"
	"souk/internal/store"
)

// mostBuckets is how many buckets an organization may keep.
const mostBuckets = 20

var (
	bucketLabel  = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)
	bucketName   = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	bucketHost   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)
	bucketRegion = regexp.MustCompile(`^[A-Za-z0-9-]{1,63}$`)
	bucketPrefix = regexp.MustCompile(`^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$`)
	accessKey    = regexp.MustCompile(`^[!-~]{1,128}$`)
	secretKey    = regexp.MustCompile(`^[!-~]{1,256}$`)
)

// bucketPlace ties the sealed secret key to the bucket that it opens.
func bucketPlace(id uuid.UUID) string { return "backup_buckets/" + id.String() }

func bucketDoc(b instancedb.BackupBucket) api.Bucket {
	return api.Bucket{Name: b.Name, Endpoint: b.Endpoint, Port: int(b.Port), Region: b.Region, Bucket: b.Bucket, Prefix: b.Prefix, AccessKey: b.AccessKey, CreatedBy: b.Actor, CreatedAt: b.CreatedAt.UTC()}
}

// Buckets lists the organization's buckets for backups, without their secret keys.
func (s *Service) Buckets(ctx context.Context, tx store.Tx, organization uuid.UUID) ([]api.Bucket, error) {
	rows, err := instancedb.New(tx).Buckets(ctx, organization)
	out := make([]api.Bucket, len(rows))
	for i, b := range rows {
		out[i] = bucketDoc(b)
	}
	return out, err
}

// Bucket returns one of them.
func (s *Service) Bucket(ctx context.Context, tx store.Tx, organization uuid.UUID, name string) (api.Bucket, error) {
	b, err := instancedb.New(tx).Bucket(ctx, instancedb.BucketParams{OrganizationID: organization, Name: name})
	return bucketDoc(b), notFound(err, "bucket", name)
}

// CheckBucket says what is wrong with a bucket without asking its service, or returns it
// as a place to try. No secret is repeated.
func CheckBucket(in api.BucketCreate) (*driver.BackupPlace, error) {
	var wrong []problem.Field
	check := func(ok bool, field, message string) {
		if !ok {
			wrong = append(wrong, problem.Field{Location: "body." + field, Message: message})
		}
	}
	check(bucketLabel.MatchString(in.Name), "name", "It begins with a small letter and has small letters, digits and hyphens only, at most 63.")
	check(bucketHost.MatchString(in.Endpoint) && !strings.Contains(in.Endpoint, ".."), "endpoint", "This is not the host of an S3 service, such as s3.eu-central-1.amazonaws.com. It is always reached over TLS.")
	check(in.Port >= 0 && in.Port < 1<<16, "port", "A port is from 1 to 65535.")
	check(bucketRegion.MatchString(in.Region), "region", "This is not a region such as eu-central-1.")
	check(bucketName.MatchString(in.Bucket), "bucket", "This is not the name of a bucket: from 3 to 63 small letters, digits, dots and hyphens.")
	check(in.Prefix == "" || len(in.Prefix) <= 200 && bucketPrefix.MatchString(in.Prefix) && !strings.Contains("/"+in.Prefix+"/", "/../"), "prefix", "A prefix has letters, digits, dots, hyphens, and slashes between them.")
	check(accessKey.MatchString(in.AccessKey), "accessKey", "This is not an access key.")
	check(secretKey.MatchString(in.SecretKey), "secretKey", "This is not a secret key.")
	check(in.CA == "" || validCA(in.CA), "ca", "These are no certificates in PEM.")
	if len(wrong) > 0 {
		return nil, problem.Invalid(wrong...)
	}
	port := in.Port
	if port == 0 {
		port = 443
	}
	return &driver.BackupPlace{Endpoint: in.Endpoint, Port: port, Bucket: in.Bucket, Prefix: in.Prefix, Region: in.Region, AccessKey: in.AccessKey, SecretKey: in.SecretKey, CAPEM: in.CA}, nil
}

// KeepBucket keeps a bucket that has been tried. Its secret key is sealed and never told
// again but to zones that keep backups there.
func (s *Service) KeepBucket(ctx context.Context, tx store.Tx, p Place, in api.BucketCreate) (api.Bucket, error) {
	place, err := CheckBucket(in)
	if err != nil {
		return api.Bucket{}, err
	}
	q := instancedb.New(tx)
	all, err := q.Buckets(ctx, p.Organization)
	if err != nil {
		return api.Bucket{}, err
	}
	if len(all) >= mostBuckets {
		return api.Bucket{}, problem.Conflict("too-many-buckets", "The organization keeps %d buckets, and cannot keep more. Delete one first.", mostBuckets)
	}
	id := store.NewID()
	sealed, err := s.Secrets.Seal(ctx, bucketPlace(id), []byte(in.SecretKey))
	if err != nil {
		return api.Bucket{}, err
	}
	err = q.InsertBucket(ctx, instancedb.InsertBucketParams{ID: id, OrganizationID: p.Organization, Name: in.Name, Endpoint: place.Endpoint, Port: int32(place.Port), Region: place.Region,
		Bucket: place.Bucket, Prefix: place.Prefix, CaPem: place.CAPEM, AccessKey: place.AccessKey, Secret: sealed, Actor: p.Actor, CreatedAt: s.Clock.Now().UTC()})
	if store.Constraint(err) == "backup_buckets_organization_id_name_key" {
		return api.Bucket{}, problem.Conflict("name-taken", "The organization keeps a bucket named %q already.", in.Name)
	}
	if err != nil {
		return api.Bucket{}, err
	}
	return s.Bucket(ctx, tx, p.Organization, in.Name)
}

// DeleteBucket forgets a bucket. What lies in it stays there; while backups are among
// that, or are to be put there, it is refused.
func (s *Service) DeleteBucket(ctx context.Context, tx store.Tx, organization uuid.UUID, name string) error {
	q := instancedb.New(tx)
	b, err := q.LockBucket(ctx, instancedb.LockBucketParams{OrganizationID: organization, Name: name})
	if err != nil {
		return notFound(err, "bucket", name)
	}
	uses, err := q.BucketUses(ctx, instancedb.BucketUsesParams{Organization: organization, Name: name, ID: b.ID})
	switch {
	case err != nil:
		return err
	case uses.Instances > 0:
		return problem.Conflict("bucket-in-use", "Backups of instances (%d) are kept in %s. Have them kept elsewhere first.", uses.Instances, name)
	case uses.Backups > 0:
		return problem.Conflict("bucket-in-use", "There are %d backups in %s. Delete them first, or wait until they expire.", uses.Backups, name)
	}
	for _, forget := range []func(context.Context, *uuid.UUID) error{q.ForgetBucket, q.ForgetBucketOfSets} {
		if err := forget(ctx, &b.ID); err != nil {
			return err
		}
	}
	return q.DeleteBucket(ctx, b.ID)
}

// openBucket is a bucket as the place that zones are told.
func (s *Service) openBucket(ctx context.Context, b instancedb.BackupBucket) (*driver.BackupPlace, error) {
	secret, err := s.Secrets.Open(ctx, bucketPlace(b.ID), b.Secret)
	if err != nil {
		return nil, err
	}
	return &driver.BackupPlace{ID: b.ID.String(), Endpoint: b.Endpoint, Port: int(b.Port), Bucket: b.Bucket, Prefix: b.Prefix, Region: b.Region, AccessKey: b.AccessKey,
		SecretKey: string(secret), CAPEM: b.CaPem}, nil
}

// BackupPlace is the place of a bucket by its ID; nil for none: the zone's own.
func (s *Service) BackupPlace(ctx context.Context, tx store.Tx, organization uuid.UUID, id *uuid.UUID) (*driver.BackupPlace, error) {
	if id == nil {
		return nil, nil
	}
	b, err := instancedb.New(tx).BucketByID(ctx, instancedb.BucketByIDParams{OrganizationID: organization, ID: *id})
	if err != nil {
		return nil, err
	}
	return s.openBucket(ctx, b)
}

// BackupPlaceNamed is the place of a bucket by its name; nil for "": the zone's own.
func (s *Service) BackupPlaceNamed(ctx context.Context, tx store.Tx, organization uuid.UUID, name string) (*driver.BackupPlace, error) {
	if name == "" {
		return nil, nil
	}
	b, err := instancedb.New(tx).Bucket(ctx, instancedb.BucketParams{OrganizationID: organization, Name: name})
	if err != nil {
		return nil, err
	}
	return s.openBucket(ctx, b)
}

// checkTo refuses a bucket that backups cannot be kept in, and holds the one that they can.
func checkTo(ctx context.Context, tx store.Tx, organization uuid.UUID, engine driver.EngineVersion, zone, name string) error {
	if name == "" {
		return nil
	}
	if why := whyNoBackups(engine); why != "" {
		return problem.InvalidField("body.spec.backup.to", name, "Backups cannot be kept in zone %s: %s", zone, why)
	}
	if !engine.OwnBuckets {
		return problem.InvalidField("body.spec.backup.to", name, "In zone %s backups are kept in the zone's own place only: its driver cannot put them into a bucket of yours.", zone)
	}
	_, err := instancedb.New(tx).HoldBucket(ctx, instancedb.HoldBucketParams{OrganizationID: organization, Name: name})
	if errors.Is(err, pgx.ErrNoRows) {
		return problem.InvalidField("body.spec.backup.to", name, "The organization keeps no bucket named %q. Add it first: souk bucket add %s.", name, name)
	}
	return err
}

// bucketNames are the names of the buckets that some backups lie in.
func bucketNames(ctx context.Context, q *instancedb.Queries, r row, rows []instancedb.Backup) (map[uuid.UUID]string, error) {
	names := map[uuid.UUID]string{}
	if !slices.ContainsFunc(rows, func(b instancedb.Backup) bool { return b.BucketID != nil }) {
		return names, nil
	}
	all, err := q.Buckets(ctx, r.OrganizationID)
	for _, b := range all {
		names[b.ID] = b.Name
	}
	return names, err
}

func validCA(text string) bool { return x509.NewCertPool().AppendCertsFromPEM([]byte(text)) }

// plannedBucket is the bucket that an instance's plan names; nil: the zone's place.
func plannedBucket(ctx context.Context, q *instancedb.Queries, r row) (*uuid.UUID, error) {
	to := planOf(r).To
	if to == "" {
		return nil, nil
	}
	b, err := q.Bucket(ctx, instancedb.BucketParams{OrganizationID: r.OrganizationID, Name: to})
	return &b.ID, err
}
