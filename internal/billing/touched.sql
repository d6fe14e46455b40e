-- name: ChainsChanged :one
-- From when on an organization's chains, and those of its backups, were known otherwise at
-- a watermark than at one before it; never: they were not.
SELECT coalesce(least(
	(SELECT min(s.from_at) FROM segments s WHERE s.organization_id = $1 AND s.recorded_at > sqlc.arg(before)::timestamptz AND s.recorded_at <= sqlc.arg(watermark)::timestamptz),
	(SELECT min(s.from_at) FROM segments s WHERE s.organization_id = $1 AND s.superseded_at > sqlc.arg(before)::timestamptz AND s.superseded_at <= sqlc.arg(watermark)::timestamptz),
	(SELECT min(s.to_at) FROM segments s WHERE s.organization_id = $1 AND s.to_recorded_at > sqlc.arg(before)::timestamptz AND s.to_recorded_at <= sqlc.arg(watermark)::timestamptz),
	(SELECT min(b.from_at) FROM backup_segments b WHERE b.organization_id = $1 AND b.recorded_at > sqlc.arg(before)::timestamptz AND b.recorded_at <= sqlc.arg(watermark)::timestamptz),
	(SELECT min(b.from_at) FROM backup_segments b WHERE b.organization_id = $1 AND b.superseded_at > sqlc.arg(before)::timestamptz AND b.superseded_at <= sqlc.arg(watermark)::timestamptz),
	(SELECT min(b.to_at) FROM backup_segments b WHERE b.organization_id = $1 AND b.to_recorded_at > sqlc.arg(before)::timestamptz AND b.to_recorded_at <= sqlc.arg(watermark)::timestamptz)
), sqlc.arg(never)::timestamptz)::timestamptz AS at;

-- name: UsageChanged :many
-- On which days, UTC, hours of usage were known otherwise at a watermark than at one before
-- it: an hour that is superseded has another row, recorded when it was.
SELECT DISTINCT date_trunc('day', w.hour, 'UTC')::timestamptz AS day FROM usage_windows w
WHERE w.organization_id = $1 AND w.recorded_at > sqlc.arg(before)::timestamptz AND w.recorded_at <= sqlc.arg(watermark)::timestamptz AND w.hour < sqlc.arg(until)::timestamptz;
