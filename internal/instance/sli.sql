-- name: LastSLIAt :one
SELECT to_at FROM sli_intervals WHERE instance_id = $1 ORDER BY to_at DESC LIMIT 1;

-- name: InsertSLIInterval :exec
INSERT INTO sli_intervals (zone_id, epoch, sequence, organization_id, instance_id, boot_id, state, from_at, to_at, reported_at, real_at, recorded_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (zone_id, epoch, sequence) DO NOTHING;
