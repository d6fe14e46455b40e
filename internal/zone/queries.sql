-- name: Agent :one
SELECT * FROM zone_agents WHERE zone_id = $1;

-- name: AgentForUpdate :one
SELECT * FROM zone_agents WHERE zone_id = $1 FOR UPDATE;

-- name: ZoneByName :one
SELECT id, name FROM zones WHERE name = $1;

-- name: ZoneName :one
SELECT name FROM zones WHERE id = $1;

-- name: InsertEnrolmentToken :exec
INSERT INTO enrolment_tokens (id, zone_id, secret_hash, created_by, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6);

-- name: EnrolmentTokenForUpdate :one
SELECT * FROM enrolment_tokens WHERE secret_hash = $1 FOR UPDATE;

-- name: SpendEnrolmentToken :exec
UPDATE enrolment_tokens SET used_key_hash = $2, epoch = $3 WHERE id = $1;

-- name: PutAgent :exec
INSERT INTO zone_agents (zone_id, epoch, key_hash, not_after, enrolled_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (zone_id) DO UPDATE SET epoch = excluded.epoch, key_hash = excluded.key_hash, previous_key_hash = NULL, not_after = excluded.not_after,
	enrolled_at = excluded.enrolled_at, revoked_at = NULL, revoked_reason = '', version = '', acknowledged = 0, boot_id = '', info = '{}';

-- name: RotateAgent :exec
UPDATE zone_agents SET previous_key_hash = $2, key_hash = $3, not_after = $4 WHERE zone_id = $1;

-- name: ForgetPreviousKey :exec
UPDATE zone_agents SET previous_key_hash = NULL WHERE zone_id = $1 AND key_hash = $2;

-- name: SayHello :one
UPDATE zone_agents SET boot_id = $2, version = $3, info = $4, last_seen_at = $5, last_seen_real = $6 WHERE zone_id = $1 AND epoch = $7 RETURNING acknowledged;

-- name: NoteVersion :exec
-- Of an agent that was refused for it.
UPDATE zone_agents SET version = $2 WHERE zone_id = $1 AND epoch = $3;

-- name: Revoke :execrows
UPDATE zone_agents SET revoked_at = $2, revoked_reason = $3 WHERE zone_id = $1 AND revoked_at IS NULL;

-- name: SpoilEnrolmentTokens :execrows
-- Those that were not used end at the given time.
UPDATE enrolment_tokens SET expires_at = $2 WHERE zone_id = $1 AND used_key_hash IS NULL AND expires_at > $2;

-- name: Seen :execrows
UPDATE zone_agents SET last_seen_at = $2, last_seen_real = $3 WHERE zone_id = $1 AND epoch = $4 AND revoked_at IS NULL;

-- name: Acknowledge :exec
UPDATE zone_agents SET acknowledged = $2, last_seen_at = $3, last_seen_real = $4 WHERE zone_id = $1;

-- name: DesiredIDs :many
-- Every instance of the zone that is not yet purged, in pages.
SELECT id FROM instances WHERE zone_id = $1 AND phase <> 'Purged' AND id > $2 ORDER BY id LIMIT $3;

-- name: DesiredInstances :many
SELECT i.*, o.name AS organization_name, p.name AS project_name, r.name AS plan_name, r.revision AS plan_revision, r.cpu_millis, r.memory_mib
FROM instances i
JOIN organizations o ON o.id = i.organization_id
JOIN projects p ON p.id = i.project_id
JOIN plan_revisions r ON r.id = i.plan_revision_id
WHERE i.id = ANY(sqlc.arg(ids)::uuid[]) AND i.zone_id = $1 ORDER BY i.id;

-- name: CredentialsOf :many
SELECT instance_id, id, login, secret FROM credentials
WHERE instance_id = ANY(sqlc.arg(ids)::uuid[]) AND revoked_at IS NULL ORDER BY instance_id, created_at, id;

-- name: BackupSetsOf :many
SELECT s.instance_id, s.organization_id, s.secret, coalesce(CASE WHEN i.phase <> 'Purged' THEN i.backup ->> 'to' END, '')::text AS bucket
FROM backup_sets s JOIN instances i ON i.id = s.instance_id WHERE s.instance_id = ANY(sqlc.arg(ids)::uuid[]);

-- name: BackupsWantedOf :many
-- What was asked for and has neither been taken nor given up.
SELECT instance_id, id FROM backups WHERE instance_id = ANY(sqlc.arg(ids)::uuid[]) AND kind = 'requested' AND state IN ('wanted', 'running')
ORDER BY instance_id, created_at, id;

-- name: DrillsOf :many
-- The restore drills that are to be made.
SELECT instance_id, id, backup_id FROM drills WHERE instance_id = ANY(sqlc.arg(ids)::uuid[]) AND state IN ('wanted', 'running');

-- name: RestoresOf :many
-- What instances without data are to be made of.
SELECT r.instance_id, r.organization_id, r.source_id, r.backup_id, r.target, o.service, s.secret, b.bucket_id
FROM restores r JOIN instances i ON i.id = r.instance_id JOIN instances o ON o.id = r.source_id JOIN backup_sets s ON s.instance_id = r.source_id JOIN backups b ON b.id = r.backup_id
WHERE r.instance_id = ANY(sqlc.arg(ids)::uuid[]) AND NOT i.held_data;

-- name: RewindsOf :many
-- What is to be restored in place.
SELECT r.instance_id, r.organization_id, r.number, r.backup_id, r.target, b.bucket_id FROM rewinds r JOIN backups b ON b.id = r.backup_id
WHERE r.instance_id = ANY(sqlc.arg(ids)::uuid[]) AND r.state = 'restoring';

-- name: InstanceZone :one
SELECT zone_id FROM instances WHERE id = $1;

-- name: LoadAuthority :one
SELECT certificate, private_key FROM authorities WHERE name = $1;

-- name: InsertAuthority :exec
INSERT INTO authorities (name, certificate, private_key, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO NOTHING;

-- name: LoadClock :one
SELECT offset_microseconds, floor_at FROM business_clock;

-- name: PutClock :one
INSERT INTO business_clock (offset_microseconds, floor_at) VALUES ($1, $2)
ON CONFLICT (one) DO UPDATE SET offset_microseconds = greatest(business_clock.offset_microseconds, excluded.offset_microseconds), floor_at = greatest(business_clock.floor_at, excluded.floor_at)
RETURNING offset_microseconds, floor_at;

-- name: AdvanceClock :one
UPDATE business_clock SET offset_microseconds = offset_microseconds + $1 RETURNING offset_microseconds, floor_at;

-- name: FactKey :one
SELECT instance_id, boot_id, reported_at FROM facts WHERE zone_id = $1 AND epoch = $2 AND sequence = $3;

-- name: MetricOwners :many
-- Whose the figures are that a zone sends of its instances.
SELECT i.id, i.name, o.name AS organization, p.name AS project, z.name AS zone, i.service
FROM instances i
JOIN organizations o ON o.id = i.organization_id
JOIN projects p ON p.id = i.project_id
JOIN zones z ON z.id = i.zone_id
WHERE i.id = ANY(sqlc.arg(ids)::uuid[]) AND i.zone_id = $1 AND i.phase <> 'Purged';
