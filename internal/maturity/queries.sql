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
INSERT INTO conformance_proofs (result_id, organization_id, service_id, zone_id, package_revision_id, capability, state, reason, recorded_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: Result :one
SELECT result, jws FROM conformance_results WHERE id = $1;

-- name: Results :many
SELECT r.result FROM conformance_results r JOIN services s ON s.id = r.service_id
WHERE s.name = sqlc.arg(service) ORDER BY r.recorded_at DESC, r.id DESC LIMIT sqlc.arg(most);

-- name: NewestProofs :many
-- The newest that was shown of each capability of a service, by zone.
SELECT DISTINCT ON (zone_id, capability) zone_id, capability, state, reason, result_id, package_revision_id, recorded_at, expires_at
FROM conformance_proofs WHERE service_id = $1 ORDER BY zone_id, capability, recorded_at DESC, result_id DESC;
