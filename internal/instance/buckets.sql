-- name: Buckets :many
SELECT * FROM backup_buckets WHERE organization_id = $1 ORDER BY name;

-- name: Bucket :one
SELECT * FROM backup_buckets WHERE organization_id = $1 AND name = $2;

-- name: HoldBucket :one
-- Held so that it is not deleted before what refers to it is written.
SELECT id FROM backup_buckets WHERE organization_id = $1 AND name = $2 FOR SHARE;

-- name: LockBucket :one
SELECT * FROM backup_buckets WHERE organization_id = $1 AND name = $2 FOR UPDATE;

-- name: BucketByID :one
SELECT * FROM backup_buckets WHERE organization_id = $1 AND id = $2;

-- name: InsertBucket :exec
INSERT INTO backup_buckets (id, organization_id, name, endpoint, port, region, bucket, prefix, ca_pem, access_key, secret, actor, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);

-- name: BucketUses :one
-- How many instances have their backups kept in a bucket, and how many backups are there.
SELECT (SELECT count(*) FROM instances i WHERE i.organization_id = sqlc.arg(organization)::uuid AND i.phase <> 'Purged' AND i.backup ->> 'to' = sqlc.arg(name)::text) AS instances,
	(SELECT count(*) FROM backups b WHERE b.bucket_id = sqlc.arg(id)::uuid AND b.state IN ('completed', 'lost', 'expiring')) AS backups;

-- name: ForgetBucket :exec
-- Of backups that have expired it is not known any more where they were.
UPDATE backups SET bucket_id = NULL WHERE bucket_id = $1;

-- name: ForgetBucketOfSets :exec
UPDATE backup_sets SET bucket_id = NULL WHERE bucket_id = $1;

-- name: DeleteBucket :exec
DELETE FROM backup_buckets WHERE id = $1;
