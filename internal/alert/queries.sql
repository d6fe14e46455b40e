-- name: Channels :many
SELECT * FROM alert_channels WHERE organization_id = $1 ORDER BY name;

-- name: Channel :one
SELECT * FROM alert_channels WHERE organization_id = $1 AND name = $2;

-- name: LockChannel :one
SELECT * FROM alert_channels WHERE organization_id = $1 AND name = $2 FOR UPDATE;

-- name: InsertChannel :exec
INSERT INTO alert_channels (id, organization_id, name, kind, target, sealed, quiet_from, quiet_to, quiet_zone, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: SetQuiet :exec
UPDATE alert_channels SET quiet_from = $2, quiet_to = $3, quiet_zone = $4 WHERE id = $1;

-- name: DeleteChannel :exec
DELETE FROM alert_channels WHERE id = $1;

-- name: CancelDeliveries :exec
UPDATE alert_deliveries SET status = 'cancelled' WHERE channel_id = sqlc.arg(channel)::uuid AND status = 'waiting';

-- name: LookAgain :exec
-- Those that wait for the end of quiet hours.
UPDATE alert_deliveries SET next_at = sqlc.arg(now)::timestamptz WHERE channel_id = sqlc.arg(channel)::uuid AND status = 'waiting' AND attempts = 0 AND next_at > sqlc.arg(now);

-- name: Member :one
SELECT a.locale FROM members m JOIN accounts a ON a.id = m.account_id
WHERE m.organization_id = $1 AND lower(a.email) = lower(sqlc.arg(email)::text) AND a.disabled_at IS NULL LIMIT 1;

-- name: Alerts :many
SELECT a.*, p.name AS project, i.name AS instance, i.service FROM alerts a
JOIN projects p ON p.id = a.project_id JOIN instances i ON i.id = a.instance_id
WHERE a.organization_id = $1
	AND (sqlc.narg(projects)::uuid[] IS NULL OR a.project_id = ANY (sqlc.narg(projects)::uuid[]))
	AND (sqlc.narg(instance)::uuid IS NULL OR a.instance_id = sqlc.narg(instance)::uuid)
	AND (sqlc.arg(state)::text = '' OR a.state = sqlc.arg(state)::text)
	AND (sqlc.narg(before)::uuid IS NULL OR a.id < sqlc.narg(before)::uuid)
ORDER BY a.id DESC LIMIT $2;

-- name: Deliveries :many
SELECT * FROM alert_deliveries WHERE organization_id = $1
	AND (sqlc.arg(channel)::text = '' OR channel_name = sqlc.arg(channel)::text)
	AND (sqlc.narg(before)::uuid IS NULL OR id < sqlc.narg(before)::uuid)
ORDER BY id DESC LIMIT $2;

-- name: Delivery :one
SELECT * FROM alert_deliveries WHERE organization_id = $1 AND id = $2;

-- name: InsertDelivery :exec
INSERT INTO alert_deliveries (id, organization_id, channel_id, channel_name, lane, notices, status, created_at, next_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, 'waiting', $7, $8, $9);

-- name: TakeTurn :one
UPDATE alert_turn SET number = number + 1, next_at = sqlc.arg(until)::timestamptz WHERE next_at <= sqlc.arg(now)::timestamptz RETURNING number;

-- name: HoldTurn :one
-- Holds the turn until the transaction ends.
SELECT number FROM alert_turn FOR UPDATE;

-- name: Watched :many
-- Instances that can have alerts: those that are to be there, and have been.
SELECT i.id, i.organization_id, i.project_id, i.service, i.phase, i.name, o.name AS organization, p.name AS project,
	coalesce((SELECT d.state = 'failed' FROM drills d WHERE d.instance_id = i.id AND d.state IN ('passed', 'failed') ORDER BY d.id DESC LIMIT 1), false)::boolean AS drill_failed,
	-- A backup is taken once a day, within the spread; two hours more are allowed for it.
	(i.backup IS NOT NULL AND coalesce(i.backup ->> 'disabled', '') <> 'true' AND i.intent = 'active' AND NOT EXISTS (SELECT FROM backups b WHERE b.instance_id = i.id AND b.state = 'completed'
		AND b.started_at > sqlc.arg(now)::timestamptz - interval '26 hours' - make_interval(mins => coalesce((i.backup ->> 'spreadMinutes')::int, 0)))
		AND i.last_command_at < sqlc.arg(now)::timestamptz - interval '26 hours' - make_interval(mins => coalesce((i.backup ->> 'spreadMinutes')::int, 0)))::boolean AS backup_late
FROM instances i
JOIN organizations o ON o.id = i.organization_id JOIN projects p ON p.id = i.project_id
WHERE i.phase IN ('Ready', 'Updating', 'Degraded', 'Maintaining', 'Failed');

-- name: OpenAlerts :many
SELECT a.*, i.phase, i.service, i.name AS instance, o.name AS organization, p.name AS project FROM alerts a
JOIN instances i ON i.id = a.instance_id JOIN organizations o ON o.id = a.organization_id JOIN projects p ON p.id = a.project_id
WHERE a.state <> 'resolved';

-- name: InsertAlert :exec
INSERT INTO alerts (id, organization_id, project_id, instance_id, name, title, severity, summary, runbook, state, pending_since, firing_since)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: Fire :exec
UPDATE alerts SET state = 'firing', firing_since = sqlc.arg(at)::timestamptz, summary = $2, no_data_since = NULL WHERE id = $1;

-- name: Resolve :exec
UPDATE alerts SET state = 'resolved', resolved_at = sqlc.arg(at)::timestamptz, resolution = $2, no_data_since = NULL WHERE id = $1;

-- name: Forget :exec
DELETE FROM alerts WHERE id = $1 AND state = 'pending';

-- name: NoData :exec
UPDATE alerts SET no_data_since = sqlc.narg(since)::timestamptz WHERE id = $1;

-- name: ChannelsOf :many
-- In an order, so that two who tell of something do not wait for each other.
SELECT * FROM alert_channels WHERE organization_id = ANY (sqlc.arg(organizations)::uuid[]) ORDER BY id;

-- name: Gathering :one
-- The message that still takes up what happens in the lane.
SELECT * FROM alert_deliveries WHERE channel_id = sqlc.arg(channel)::uuid AND lane = $1 AND status = 'waiting' AND attempts = 0 ORDER BY id DESC LIMIT 1 FOR UPDATE;

-- name: Gather :exec
UPDATE alert_deliveries SET notices = $2, expires_at = $3 WHERE id = $1;

-- name: Due :one
-- Takes one that is due and the first of its lane.
SELECT d.*, c.kind, c.target, c.sealed, c.quiet_from, c.quiet_to, c.quiet_zone FROM alert_deliveries d JOIN alert_channels c ON c.id = d.channel_id
WHERE d.status = 'waiting' AND d.next_at <= sqlc.arg(now)::timestamptz
	AND NOT EXISTS (SELECT FROM alert_deliveries e WHERE e.channel_id = d.channel_id AND e.lane = d.lane AND e.status = 'waiting' AND e.id < d.id)
ORDER BY d.next_at LIMIT 1 FOR UPDATE OF d SKIP LOCKED;

-- name: Attempt :exec
UPDATE alert_deliveries SET attempts = attempts + 1, next_at = sqlc.arg(until)::timestamptz WHERE id = $1;

-- name: PutOff :exec
UPDATE alert_deliveries SET next_at = sqlc.arg(until)::timestamptz, last_error = $2 WHERE id = $1 AND status = 'waiting';

-- name: Sent :exec
UPDATE alert_deliveries SET status = 'sent', sent_at = sqlc.arg(at)::timestamptz, last_error = '' WHERE id = $1 AND status = 'waiting';

-- name: GiveUp :exec
UPDATE alert_deliveries SET status = 'failed', last_error = $2 WHERE id = $1 AND status = 'waiting';

-- name: SweepAlerts :execrows
DELETE FROM alerts WHERE id IN (SELECT a.id FROM alerts a WHERE a.state = 'resolved' AND a.resolved_at < sqlc.arg(before)::timestamptz LIMIT $1);

-- name: SweepDeliveries :execrows
DELETE FROM alert_deliveries WHERE id IN (SELECT d.id FROM alert_deliveries d WHERE d.status <> 'waiting' AND d.created_at < sqlc.arg(before)::timestamptz LIMIT $1);

-- name: CountTests :one
SELECT count(*) FROM alert_deliveries WHERE channel_id = sqlc.arg(channel)::uuid AND lane = 'test' AND status = 'waiting';

-- name: OperatorOrganization :many
-- Whom the operator's alerts go to: at most one.
SELECT id, name FROM organizations WHERE 'operator' = ANY (kinds) ORDER BY created_at, id LIMIT 1;

-- name: OpenBurns :many
SELECT b.*, o.name AS organization, p.name AS project, i.name AS instance, i.service, z.name AS zone FROM budget_burns b
JOIN instances i ON i.id = b.instance_id JOIN organizations o ON o.id = b.organization_id JOIN projects p ON p.id = i.project_id JOIN zones z ON z.id = b.zone_id
WHERE b.ended_at IS NULL ORDER BY b.since, b.id;

-- name: InsertBurn :exec
INSERT INTO budget_burns (id, organization_id, instance_id, zone_id, pace, priority, service_level, objective, rate, window_seconds, down_seconds, since)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: UpdateBurn :exec
UPDATE budget_burns SET rate = $2, window_seconds = $3, down_seconds = $4, no_data_since = sqlc.narg(no_data_since)::timestamptz WHERE id = $1;

-- name: EndBurn :exec
UPDATE budget_burns SET ended_at = sqlc.arg(at)::timestamptz, resolution = $2, no_data_since = NULL WHERE id = $1;

-- name: OpenBurnNotices :many
SELECT n.*, z.name AS zone FROM burn_notices n JOIN zones z ON z.id = n.zone_id WHERE n.ended_at IS NULL;

-- name: InsertBurnNotice :exec
INSERT INTO burn_notices (id, organization_id, zone_id, priority, summary, since, told_at)
VALUES ($1, $2, $3, $4, $5, sqlc.arg(at)::timestamptz, sqlc.arg(at)::timestamptz);

-- name: ToldOfBurns :exec
UPDATE burn_notices SET summary = $2, told_at = sqlc.arg(at)::timestamptz WHERE id = $1;

-- name: EndBurnNotice :exec
UPDATE burn_notices SET ended_at = sqlc.arg(at)::timestamptz WHERE id = $1;

-- name: Burns :many
-- Those that burn, and then those that did, newest first; one of them where an ID is given.
SELECT b.*, o.name AS organization, p.name AS project, i.name AS instance, i.service, z.name AS zone FROM budget_burns b
JOIN instances i ON i.id = b.instance_id JOIN organizations o ON o.id = b.organization_id JOIN projects p ON p.id = i.project_id JOIN zones z ON z.id = b.zone_id
WHERE sqlc.narg(id)::uuid IS NULL OR b.id = sqlc.narg(id)::uuid
ORDER BY b.ended_at DESC NULLS FIRST, b.since DESC, b.id LIMIT $1;

-- name: InstancesOfZones :many
-- How many instances run in each zone.
SELECT zone_id, count(*) AS n FROM instances WHERE phase IN ('Ready', 'Updating', 'Degraded', 'Maintaining', 'Failed') GROUP BY zone_id;

-- name: SweepBurns :execrows
DELETE FROM budget_burns WHERE id IN (SELECT b.id FROM budget_burns b WHERE b.ended_at < sqlc.arg(before)::timestamptz LIMIT $1);

-- name: SweepBurnNotices :execrows
DELETE FROM burn_notices WHERE id IN (SELECT n.id FROM burn_notices n WHERE n.ended_at < sqlc.arg(before)::timestamptz LIMIT $1);
