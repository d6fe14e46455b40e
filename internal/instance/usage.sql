-- name: InsertUsageReport :execrows
INSERT INTO usage_reports (zone_id, epoch, sequence, organization_id, instance_id, boot_id, meter, from_at, to_at, quantity, reported_at, real_at, recorded_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (zone_id, epoch, sequence) DO NOTHING;
