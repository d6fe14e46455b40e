-- name: Insert :exec
INSERT INTO maintenances (id, organization_id, project_id, instance_id, kind, title, effect, patch, changes, price_list, urgent, planned_by, created_at, first_from, from_at, until_at, notice_at, version, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14, $15, $16, $17, 'planned');

-- name: List :many
SELECT m.*, p.name AS project, i.name AS instance, o.name AS organization, i.service, z.name AS zone FROM maintenances m
JOIN projects p ON p.id = m.project_id JOIN instances i ON i.id = m.instance_id JOIN organizations o ON o.id = m.organization_id JOIN zones z ON z.id = i.zone_id
WHERE m.organization_id = $1
	AND (sqlc.narg(projects)::uuid[] IS NULL OR m.project_id = ANY (sqlc.narg(projects)::uuid[]))
	AND (sqlc.narg(instance)::uuid IS NULL OR m.instance_id = sqlc.narg(instance)::uuid)
	AND (sqlc.arg(open)::boolean = false OR m.state IN ('planned', 'running'))
	AND (sqlc.narg(before)::uuid IS NULL OR m.id < sqlc.narg(before)::uuid)
ORDER BY m.id DESC LIMIT $2;

-- name: Get :one
SELECT m.*, p.name AS project, i.name AS instance, o.name AS organization, i.service, z.name AS zone FROM maintenances m
JOIN projects p ON p.id = m.project_id JOIN instances i ON i.id = m.instance_id JOIN organizations o ON o.id = m.organization_id JOIN zones z ON z.id = i.zone_id
WHERE m.id = $1;

-- name: Lock :one
SELECT m.*, i.name AS instance FROM maintenances m JOIN instances i ON i.id = m.instance_id WHERE m.id = $1 FOR UPDATE OF m;

-- name: Move :exec
UPDATE maintenances SET from_at = $2, until_at = $3, notice_at = $4, deferrals = $5, message = $6, sequence = sequence + 1, changed_at = sqlc.arg(at) WHERE id = $1;

-- name: Approve :exec
UPDATE maintenances SET approved_by = $2, approved_at = $3 WHERE id = $1;

-- name: Cancel :exec
UPDATE maintenances SET state = 'cancelled', ended_at = sqlc.arg(at), message = $2, notice_at = NULL, sequence = sequence + 1, changed_at = sqlc.arg(at) WHERE id = $1 AND state = 'planned';

-- name: Due :many
-- Those whose time has come, an instance's one after another.
SELECT DISTINCT ON (m.instance_id) m.id, m.organization_id FROM maintenances m
WHERE m.state = 'planned' AND m.from_at <= sqlc.arg(now)::timestamptz
	AND NOT EXISTS (SELECT FROM maintenances r WHERE r.instance_id = m.instance_id AND r.state = 'running')
ORDER BY m.instance_id, m.from_at, m.id LIMIT $1;

-- name: Running :many
SELECT id, organization_id FROM maintenances WHERE state = 'running' ORDER BY id;

-- name: Begin :exec
UPDATE maintenances SET state = 'running', began_at = sqlc.arg(at), generation = $2, changes = $3, notice_at = NULL, message = '', sequence = sequence + 1, changed_at = sqlc.arg(at) WHERE id = $1 AND state = 'planned';

-- name: End :exec
UPDATE maintenances SET state = $2, ended_at = sqlc.arg(at), interruption_ms = $3, message = $4, notice_at = $5, sequence = sequence + 1, changed_at = sqlc.arg(at) WHERE id = $1;

-- name: Telling :many
-- An organization's maintenances that its people are to be told of, locked.
SELECT m.*, p.name AS project, i.name AS instance, o.name AS organization FROM maintenances m
JOIN projects p ON p.id = m.project_id JOIN instances i ON i.id = m.instance_id JOIN organizations o ON o.id = m.organization_id
WHERE m.organization_id = (SELECT t.organization_id FROM maintenances t WHERE t.notice_at <= sqlc.arg(now)::timestamptz ORDER BY t.notice_at LIMIT 1)
	AND m.notice_at <= sqlc.arg(now)::timestamptz
ORDER BY m.from_at, m.id LIMIT 50 FOR UPDATE OF m SKIP LOCKED;

-- name: Told :exec
UPDATE maintenances SET notice_at = sqlc.narg(next) WHERE id = $1;

-- name: People :many
-- Who is told of an organization's maintenances: those who may see its instances.
SELECT a.email, a.locale, a.time_zone, coalesce(bool_or(m.project_id IS NULL), false)::boolean AS everywhere,
	array_remove(array_agg(m.project_id), NULL)::uuid[] AS projects
FROM members m JOIN accounts a ON a.id = m.account_id
WHERE m.organization_id = $1 AND m.role <> 'billing' AND a.disabled_at IS NULL
GROUP BY a.id ORDER BY a.email;

-- name: SetFeed :exec
-- Whoever has one already has another from then on.
INSERT INTO calendar_feeds (id, organization_id, account_id, token_id, secret_hash, created_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (organization_id, (coalesce(account_id, token_id))) DO UPDATE SET secret_hash = excluded.secret_hash, created_at = excluded.created_at, last_read_at = NULL;

-- name: Feed :one
SELECT created_at, last_read_at FROM calendar_feeds WHERE organization_id = $1 AND coalesce(account_id, token_id) = sqlc.arg(holder)::uuid;

-- name: DeleteFeed :execrows
DELETE FROM calendar_feeds WHERE organization_id = $1 AND coalesce(account_id, token_id) = sqlc.arg(holder)::uuid;

-- name: FeedReader :one
-- Whom an address belongs to, and what they may see now.
SELECT f.id, f.organization_id, o.name AS organization, f.last_read_at, coalesce(bool_or(r.project_id IS NULL), false)::boolean AS everywhere,
	array_remove(array_agg(r.project_id), NULL)::uuid[] AS projects
FROM calendar_feeds f JOIN organizations o ON o.id = f.organization_id
JOIN (
	SELECT m.organization_id, m.account_id AS holder, m.project_id FROM members m JOIN accounts a ON a.id = m.account_id WHERE m.role <> 'billing' AND a.disabled_at IS NULL
	UNION ALL
	SELECT t.organization_id, t.id, t.project_id FROM tokens t WHERE t.role <> 'billing' AND t.revoked_at IS NULL AND t.expires_at > sqlc.arg(now)::timestamptz
) r ON r.organization_id = f.organization_id AND r.holder = coalesce(f.account_id, f.token_id)
WHERE f.secret_hash = $1
GROUP BY f.id, o.name;

-- name: FeedWasRead :exec
UPDATE calendar_feeds SET last_read_at = $2 WHERE id = $1;

-- name: Calendar :many
-- What a calendar shows: what is to come, and what was planned for after that time.
SELECT m.*, p.name AS project, i.name AS instance, o.name AS organization FROM maintenances m
JOIN projects p ON p.id = m.project_id JOIN instances i ON i.id = m.instance_id JOIN organizations o ON o.id = m.organization_id
WHERE m.organization_id = $1 AND m.until_at > sqlc.arg(after)::timestamptz
	AND (sqlc.arg(everywhere)::boolean OR m.project_id = ANY (sqlc.arg(projects)::uuid[]))
ORDER BY m.from_at DESC, m.id DESC LIMIT $2;

-- name: OtherVersions :many
-- Instances that run another version of their engine than their zone has, where that
-- is not planned and was not tried.
SELECT i.id, i.organization_id, i.engine_version AS runs, (e->>'version')::text AS has FROM instances i
JOIN zone_agents a ON a.zone_id = i.zone_id CROSS JOIN LATERAL jsonb_array_elements(a.info->'engines') e
WHERE i.intent = 'active' AND i.held_data AND i.engine_version <> '' AND a.revoked_at IS NULL
	AND e->>'service' = i.service AND coalesce(e->>'problem', '') = '' AND e->>'version' <> i.engine_version
	AND NOT EXISTS (SELECT FROM maintenances m WHERE m.instance_id = i.id AND (m.version = e->>'version' OR m.version <> '' AND m.state = 'running'))
ORDER BY i.id;

-- name: PlannedVersion :one
SELECT id FROM maintenances WHERE instance_id = $1 AND state = 'planned' AND version <> '' FOR UPDATE;

-- name: Retarget :exec
UPDATE maintenances SET title = $2, version = $3, sequence = sequence + 1, changed_at = sqlc.arg(at)::timestamptz WHERE id = $1;

-- name: NeedlessVersions :many
-- Planned for a version that the instance runs already.
SELECT m.id, m.organization_id FROM maintenances m JOIN instances i ON i.id = m.instance_id
WHERE m.state = 'planned' AND m.version <> '' AND m.version = i.engine_version ORDER BY m.id;

-- name: Restarts :many
-- Of all organizations, the newest first.
SELECT m.*, p.name AS project, i.name AS instance, o.name AS organization, i.service, z.name AS zone FROM maintenances m
JOIN projects p ON p.id = m.project_id JOIN instances i ON i.id = m.instance_id JOIN organizations o ON o.id = m.organization_id JOIN zones z ON z.id = i.zone_id
WHERE m.kind = 'restart'
	AND (sqlc.arg(open)::boolean = false OR m.state IN ('planned', 'running'))
	AND sqlc.arg(zone)::text IN ('', z.name) AND sqlc.arg(service)::text IN ('', i.service)
	AND (sqlc.narg(before)::uuid IS NULL OR m.id < sqlc.narg(before)::uuid)
ORDER BY m.id DESC LIMIT $1;

-- name: LockRestarts :many
SELECT m.id FROM maintenances m WHERE m.id = ANY (sqlc.arg(ids)::uuid[]) AND m.kind = 'restart' AND m.planned_by = sqlc.arg(by) ORDER BY m.id FOR UPDATE;

-- name: RestartsOf :many
SELECT m.*, p.name AS project, i.name AS instance, o.name AS organization, i.service, z.name AS zone FROM maintenances m
JOIN projects p ON p.id = m.project_id JOIN instances i ON i.id = m.instance_id JOIN organizations o ON o.id = m.organization_id JOIN zones z ON z.id = i.zone_id
WHERE m.id = ANY (sqlc.arg(ids)::uuid[]) ORDER BY m.id;

-- name: Withdraw :exec
-- People are told at once.
UPDATE maintenances SET state = 'cancelled', ended_at = sqlc.arg(at), message = $2, notice_at = sqlc.arg(at), sequence = sequence + 1, changed_at = sqlc.arg(at) WHERE id = $1 AND state = 'planned';

-- name: LastRestarts :many
-- For how long a restart interrupted the clients of each the last time.
SELECT DISTINCT ON (instance_id) instance_id, interruption_ms FROM maintenances
WHERE instance_id = ANY (sqlc.arg(instances)::uuid[]) AND kind = 'restart' AND interruption_ms IS NOT NULL
ORDER BY instance_id, ended_at DESC;

-- name: OpenRestarts :many
-- When the next restart of each is planned, or the next that is urgent.
SELECT DISTINCT ON (instance_id) instance_id, from_at FROM maintenances
WHERE instance_id = ANY (sqlc.arg(instances)::uuid[]) AND kind = 'restart' AND state IN ('planned', 'running') AND (urgent OR NOT sqlc.arg(urgent)::boolean)
ORDER BY instance_id, from_at;

-- name: Known :one
SELECT EXISTS (SELECT FROM zones z WHERE z.name = sqlc.arg(zone)::text) AS zone, EXISTS (SELECT FROM services s WHERE s.name = sqlc.arg(service)::text) AS service;

-- name: PlannedAt :many
-- What was planned by one request.
SELECT m.id, m.instance_id, m.effect, m.from_at, m.until_at, o.name AS organization, p.name AS project, i.name AS instance, i.service FROM maintenances m
JOIN projects p ON p.id = m.project_id JOIN organizations o ON o.id = m.organization_id
JOIN instances i ON i.id = m.instance_id JOIN zones z ON z.id = i.zone_id
WHERE m.kind = 'restart' AND m.planned_by = $1 AND m.created_at = $2 AND m.title = $3
	AND sqlc.arg(instance)::text IN ('', m.instance_id::text) AND sqlc.arg(zone)::text IN ('', z.name) AND sqlc.arg(service)::text IN ('', i.service)
ORDER BY i.name, i.id;
