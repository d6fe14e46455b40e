-- name: ByNameForUpdate :one
SELECT * FROM instances WHERE project_id = $1 AND name = $2 AND phase <> 'Purged' FOR UPDATE;

-- name: ByIDForUpdate :one
SELECT * FROM instances WHERE id = $1 FOR UPDATE;

-- name: Insert :exec
INSERT INTO instances (id, organization_id, project_id, name, labels, zone_id, service, package_revision_id, offering_revision_id,
	display_name, service_level, plan_revision_id, price_list_revision_id, storage_gib, parameters, allowed_networks, protected,
	intent, generation, created_at, updated_at, last_command_at, active_generation, phase, message, backup, maintenance, log_days, suspendable)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, 'active', 1, $18, $18, $18, 1, 'Pending', $19, $20, $21, $22, $23);

-- name: UpdateWanted :exec
-- Everything that a user's change may touch, and the phase that follows.
UPDATE instances SET labels = $2, display_name = $3, plan_revision_id = $4, price_list_revision_id = $5, offering_revision_id = $6, package_revision_id = $7,
	storage_gib = $8, parameters = $9, allowed_networks = $10, protected = $11, suspended_for = $12, intent = $13, generation = $14, version = $15,
	updated_at = $16, last_command_at = $17, active_generation = $18, phase = $19, message = $20, blocked_by = $21, deleted_at = $22, purge_at = $23, backup = $24, maintenance = $25, restarts = $26, log_days = $27, suspendable = $28
WHERE id = $1;

-- name: UpdateObserved :exec
-- Everything that a report may touch: never the version, so that no user's update becomes stale.
UPDATE instances SET phase = $2, message = $3, blocked_by = $4, observed_state = $5, observed_generation = $6, conditions = $7, endpoint = $8,
	applied_plan = $9, applied_storage_gib = $10, storage_used_bytes = $11, held_data = $12, last_fact_at = $13, purged_at = $14, members = $15, engine_version = $16
WHERE id = $1;

-- name: SetMaintaining :exec
UPDATE instances SET maintaining = $2 WHERE id = $1;

-- name: Interruption :one
-- For how long a command interrupted an instance's clients, as the zone measured it.
SELECT (observation->'interruption'->>'from')::timestamptz AS from_at, (observation->'interruption'->>'until')::timestamptz AS until_at
FROM facts WHERE instance_id = $1 AND (observation->'interruption'->>'generation')::bigint >= sqlc.arg(generation)::bigint ORDER BY ordinal DESC LIMIT 1;

-- name: InsertCommand :exec
INSERT INTO commands (id, organization_id, instance_id, project_id, billing_account_id, kind, generation, active_generation, intent, plan_revision_id, price_list_revision_id, service_level, storage_gib, accepted_at, actor)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15);

-- name: CommandAcceptedAt :one
SELECT accepted_at FROM commands WHERE instance_id = $1 AND generation = $2;

-- name: LastReceivedAt :one
SELECT received_at FROM facts WHERE instance_id = $1 ORDER BY ordinal DESC LIMIT 1;

-- name: InsertFact :execrows
INSERT INTO facts (zone_id, epoch, sequence, organization_id, instance_id, boot_id, state, generation, transition, effective_at, reported_at, real_at, received_at, observation)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT (zone_id, epoch, sequence) DO NOTHING;

-- name: InsertEvent :exec
INSERT INTO instance_events (id, organization_id, instance_id, at, kind, actor, message) VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: Events :many
SELECT id, at, kind, actor, message FROM instance_events
WHERE instance_id = $1 AND (sqlc.narg(before)::uuid IS NULL OR id < sqlc.narg(before)) ORDER BY id DESC LIMIT $2;

-- name: InsertChange :exec
INSERT INTO changes (kind, object_id, organization_id, project_id, zone_id, desired, at) VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: OrganizationTerms :one
-- What an organization may use, and the time zone that it is billed in.
SELECT id, quota_instances, quota_cpu_millis, quota_memory_mib, quota_storage_gib, time_zone FROM organizations WHERE id = $1;

-- name: LockOrganization :exec
-- Serializes the orders of one organization, so that two cannot both take the last of a quota.
SELECT pg_advisory_xact_lock(hashtextextended('quota ' || sqlc.arg(id)::text, 0));

-- name: Used :one
-- What counts against a quota: everything that is not deleted.
SELECT coalesce(max(instances), 0)::bigint AS instances, coalesce(max(cpu_millis), 0)::bigint AS cpu_millis,
	coalesce(max(memory_mib), 0)::bigint AS memory_mib, coalesce(max(storage_gib), 0)::bigint AS storage_gib
FROM organization_use WHERE organization_id = $1;

-- name: PutReservation :exec
INSERT INTO reservations (instance_id, organization_id, zone_id, cpu_millis, memory_mib, storage_gib) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (instance_id) DO UPDATE SET cpu_millis = excluded.cpu_millis, memory_mib = excluded.memory_mib, storage_gib = excluded.storage_gib;

-- name: DropReservation :exec
DELETE FROM reservations WHERE instance_id = $1;

-- name: PurgeDue :many
SELECT id FROM instances WHERE intent = 'deleted' AND purge_at <= sqlc.arg(due)::timestamptz ORDER BY purge_at LIMIT $1;

-- name: InsertBinding :exec
INSERT INTO bindings (id, organization_id, instance_id, name, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5);

-- name: Bindings :many
SELECT * FROM bindings WHERE instance_id = $1 AND revoked_at IS NULL ORDER BY created_at, id;

-- name: BindingByName :one
SELECT * FROM bindings WHERE instance_id = $1 AND name = $2 AND revoked_at IS NULL;

-- name: RotateBinding :exec
UPDATE bindings SET rotated_at = $2, updated_at = $2 WHERE id = $1;

-- name: RevokeBinding :exec
UPDATE bindings SET revoked_at = $2, updated_at = $2 WHERE id = $1;

-- name: InsertCredential :exec
INSERT INTO credentials (id, organization_id, instance_id, binding_id, login, secret, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: ExpireCredentials :exec
-- The log-ins of a binding so far end at the given time.
UPDATE credentials SET valid_until = least(coalesce(valid_until, $2), $2) WHERE binding_id = $1 AND revoked_at IS NULL;

-- name: RevokeCredentials :exec
UPDATE credentials SET revoked_at = $2 WHERE binding_id = $1 AND revoked_at IS NULL;

-- name: LiveCredentials :many
SELECT * FROM credentials WHERE instance_id = $1 AND revoked_at IS NULL ORDER BY created_at, id;

-- name: BindingCredentials :many
SELECT * FROM credentials WHERE binding_id = $1 AND revoked_at IS NULL ORDER BY created_at DESC, id DESC;

-- name: CountLogins :one
SELECT count(*) FROM credentials WHERE instance_id = $1;

-- name: CredentialsDue :many
SELECT DISTINCT instance_id FROM credentials WHERE revoked_at IS NULL AND valid_until <= sqlc.arg(due)::timestamptz LIMIT $1;

-- name: RevokeDueCredentials :execrows
UPDATE credentials SET revoked_at = valid_until WHERE instance_id = $1 AND revoked_at IS NULL AND valid_until <= sqlc.arg(due)::timestamptz;
