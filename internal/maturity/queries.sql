-- name: Subject :one
-- What a run was about: the service as it is offered in the zone, and whether the
-- organization may speak of it.
SELECT s.id AS service_id, z.id AS zone_id, z.driver, v.organization_id = sqlc.arg(organization)::uuid AS own,
	(SELECT o.name FROM organizations o WHERE o.id = sqlc.arg(organization)) AS organization,
	coalesce((SELECT 'operator' = ANY (o.kinds) FROM organizations o WHERE o.id = sqlc.arg(organization)), false)::boolean AS operator
FROM services s JOIN providers v ON v.id = s.provider_id, zones z
WHERE s.name = sqlc.arg(service) AND z.name = sqlc.arg(zone);

-- name: InstancesOf :many
-- The revisions of those of the instances that the organization did order of the
-- service in the zone, since the run began.
SELECT i.id, i.package_revision_id, p.revision FROM instances i JOIN package_revisions p ON p.id = i.package_revision_id
WHERE i.organization_id = sqlc.arg(organization) AND i.service = sqlc.arg(service) AND i.zone_id = sqlc.arg(zone_id) AND i.id = ANY (sqlc.arg(ids)::uuid[]);

-- name: InsertResult :exec
INSERT INTO conformance_results (id, organization_id, service_id, zone_id, package_revision_id, result, jws, recorded_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: InsertProof :exec
INSERT INTO conformance_proofs (result_id, organization_id, service_id, zone_id, package_revision_id, capability, state, reason, alerts, upgraded, recorded_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: Result :one
SELECT result, jws FROM conformance_results WHERE id = $1;

-- name: Results :many
SELECT r.result FROM conformance_results r JOIN services s ON s.id = r.service_id
WHERE s.name = sqlc.arg(service) ORDER BY r.recorded_at DESC, r.id DESC LIMIT sqlc.arg(most);

-- name: NewestProofs :many
-- The newest that was shown of each capability of a service, by zone.
SELECT DISTINCT ON (zone_id, capability) zone_id, capability, state, reason, alerts, upgraded, result_id, package_revision_id, recorded_at, expires_at
FROM conformance_proofs WHERE service_id = $1 ORDER BY zone_id, capability, recorded_at DESC, result_id DESC;

-- name: Figures :many
-- How a service fared in its zones.
SELECT zone_id, observed_at, figures FROM service_observations WHERE service_id = $1;

-- name: Records :many
-- Of which instances a service's figures are.
SELECT zone_id, records FROM service_observation_records WHERE service_id = $1;

-- name: ObservedAt :one
SELECT observed_at FROM service_observations WHERE service_id = $1 AND zone_id = $2;

-- name: Observe :exec
INSERT INTO service_observations (service_id, zone_id, observed_at, figures) VALUES ($1, $2, $3, $4)
ON CONFLICT (service_id, zone_id) DO UPDATE SET observed_at = excluded.observed_at, figures = excluded.figures;

-- name: KeepRecords :exec
INSERT INTO service_observation_records (service_id, zone_id, records) VALUES ($1, $2, $3)
ON CONFLICT (service_id, zone_id) DO UPDATE SET records = excluded.records;

-- name: Drilled :many
-- The last restore drill of each instance of a service in a zone, of those that ended
-- since a moment, with how many there were.
SELECT DISTINCT ON (d.instance_id) d.id, d.state, d.finished_at::timestamptz AS finished_at, (d.certificate <> '')::boolean AS certified,
	count(*) OVER (PARTITION BY d.instance_id) AS drills, o.name AS organization, p.name AS project, i.name AS instance
FROM drills d JOIN instances i ON i.id = d.instance_id JOIN projects p ON p.id = i.project_id JOIN organizations o ON o.id = d.organization_id
WHERE i.service = sqlc.arg(service) AND i.zone_id = sqlc.arg(zone_id) AND d.state IN ('passed', 'failed') AND d.finished_at > sqlc.arg(since)::timestamptz
ORDER BY d.instance_id, d.finished_at DESC, d.id DESC;

-- name: Serving :many
-- Instances of a service in a zone that were to serve at some time since a moment, in the
-- order of their IDs, with the service level that they have or had last.
SELECT DISTINCT ON (i.id) i.id, s.service_level, o.name AS organization, p.name AS project, i.name AS instance
FROM instances i JOIN segments s ON s.instance_id = i.id JOIN projects p ON p.id = i.project_id JOIN organizations o ON o.id = i.organization_id
WHERE i.service = sqlc.arg(service) AND i.zone_id = sqlc.arg(zone_id) AND i.id > sqlc.arg(after)
	AND s.state IN ('active', 'failed') AND s.superseded_at IS NULL AND (s.to_at IS NULL OR s.to_at > sqlc.arg(since)::timestamptz)
ORDER BY i.id, s.from_at DESC LIMIT sqlc.arg(most);

-- name: Changed :one
-- Changes of a service's instances in a zone that were put off to their windows and ended
-- since a moment: how many there were, failed, and for how long they interrupted.
SELECT count(*) AS changes, count(*) FILTER (WHERE m.state = 'failed') AS failed, count(m.interruption_ms) AS measured, coalesce(max(m.interruption_ms), 0)::bigint AS longest_ms
FROM maintenances m JOIN instances i ON i.id = m.instance_id
WHERE i.service = sqlc.arg(service) AND i.zone_id = sqlc.arg(zone_id) AND m.kind = 'change' AND m.state IN ('completed', 'failed') AND m.ended_at > sqlc.arg(since)::timestamptz;

-- name: Waivers :many
-- Those of a service that hold at a moment, as everybody may see them.
SELECT w.id, w.zone_id, s.name AS service, z.name AS zone, w.name, w.reason, w.created_at, w.until_at
FROM readiness_waivers w JOIN services s ON s.id = w.service_id JOIN zones z ON z.id = w.zone_id
WHERE w.service_id = $1 AND w.ended_at IS NULL AND w.until_at > sqlc.arg(now)::timestamptz ORDER BY w.created_at;

-- name: AllWaivers :many
-- Those of a service, past ones too, newest first.
SELECT w.*, z.name AS zone FROM readiness_waivers w JOIN zones z ON z.id = w.zone_id WHERE w.service_id = $1 ORDER BY w.created_at DESC, w.id LIMIT 200;

-- name: Offered :one
-- Where a waiver can be: a zone in which the service is offered.
SELECT s.id AS service_id, z.id AS zone_id FROM services s JOIN offerings o ON o.service_id = s.id JOIN zones z ON z.id = o.zone_id
WHERE s.name = sqlc.arg(service) AND z.name = sqlc.arg(zone) LIMIT 1;

-- name: InsertWaiver :exec
INSERT INTO readiness_waivers (id, service_id, zone_id, name, reason, waived_by, created_at, until_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: Waiver :one
SELECT w.*, s.name AS service, z.name AS zone FROM readiness_waivers w JOIN services s ON s.id = w.service_id JOIN zones z ON z.id = w.zone_id WHERE w.id = $1;

-- name: EndWaiver :execrows
UPDATE readiness_waivers SET ended_by = $2, ended_at = sqlc.arg(at)::timestamptz WHERE id = $1 AND ended_at IS NULL AND until_at > sqlc.arg(at)::timestamptz;
