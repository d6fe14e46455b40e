-- name: CurrentOfferings :many
-- The newest revision of every offering, with what it refers to.
SELECT DISTINCT ON (o.id)
	r.id AS offering_revision_id, r.revision AS offering_revision, r.withdrawn,
	o.id AS offering_id, o.service_level, s.name AS service, s.id AS service_id, z.name AS zone, z.id AS zone_id, z.simulated, z.driver, z.created_at AS zone_created_at,
	p.id AS package_revision_id, p.revision AS package_revision,
	l.id AS price_list_revision_id, l.revision AS price_list_revision, l.currency, n.id AS price_list_id, n.name AS price_list
FROM offerings o
JOIN offering_revisions r ON r.offering_id = o.id
JOIN services s ON s.id = o.service_id
JOIN zones z ON z.id = o.zone_id
JOIN package_revisions p ON p.id = r.package_revision_id
JOIN price_list_revisions l ON l.id = r.price_list_revision_id
JOIN price_lists n ON n.id = l.price_list_id
WHERE (sqlc.arg(service)::text = '' OR s.name = sqlc.arg(service)) AND (sqlc.arg(zone)::text = '' OR z.name = sqlc.arg(zone))
ORDER BY o.id, r.revision DESC;

-- name: CurrentPlans :many
SELECT DISTINCT ON (p.name) p.* FROM plan_revisions p JOIN services s ON s.id = p.service_id
WHERE s.name = $1 ORDER BY p.name, p.revision DESC;

-- name: Plan :one
SELECT * FROM plan_revisions WHERE id = $1;

-- name: Prices :many
SELECT p.*, l.currency, l.revision FROM prices p JOIN price_list_revisions l ON l.id = p.price_list_revision_id
WHERE p.price_list_revision_id = ANY(sqlc.arg(revisions)::uuid[]) AND p.service = $1;

-- name: PackageDefinition :one
SELECT definition FROM package_revisions WHERE id = $1;

-- name: CurrentPackages :many
SELECT DISTINCT ON (s.id) s.name, v.name AS provider, p.revision, p.definition
FROM services s JOIN package_revisions p ON p.service_id = s.id JOIN providers v ON v.id = s.provider_id
WHERE (sqlc.arg(service)::text = '' OR s.name = sqlc.arg(service))
ORDER BY s.id, p.revision DESC;

-- name: Zones :many
SELECT z.*, v.name AS provider,
	coalesce(u.cpu_millis, 0)::bigint AS used_cpu_millis, coalesce(u.memory_mib, 0)::bigint AS used_memory_mib,
	coalesce(u.storage_gib, 0)::bigint AS used_storage_gib, coalesce(u.instances, 0)::bigint AS used_instances,
	a.info, a.last_seen_real, a.revoked_at, coalesce(a.version, '')::text AS version
FROM zones z
JOIN providers v ON v.id = z.provider_id
LEFT JOIN zone_use u ON u.zone_id = z.id
LEFT JOIN zone_agents a ON a.zone_id = z.id
WHERE (sqlc.arg(name)::text = '' OR z.name = sqlc.arg(name))
ORDER BY z.name;

-- name: InsertProvider :one
INSERT INTO providers (id, organization_id, name, title, kind, created_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (name) DO UPDATE SET title = providers.title RETURNING id;

-- name: Providers :many
SELECT p.*, o.name AS organization FROM providers p JOIN organizations o ON o.id = p.organization_id
WHERE (sqlc.arg(name)::text = '' OR p.name = sqlc.arg(name)) ORDER BY p.name;

-- name: ProviderOf :one
-- The first provider that an organization became.
SELECT id FROM providers WHERE organization_id = $1 ORDER BY created_at, id LIMIT 1;

-- name: MakeProvider :execrows
INSERT INTO providers (id, organization_id, name, title, kind, created_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING;

-- name: OrganizationByName :one
SELECT id, display_name FROM organizations WHERE name = $1;

-- name: OrganizationByID :one
SELECT name, display_name FROM organizations WHERE id = $1;

-- name: MakeZone :execrows
INSERT INTO zones (id, provider_id, organization_id, name, title, driver, simulated, failure_domains, capacity_cpu_millis, capacity_memory_mib, capacity_storage_gib, capacity_instances, created_at, updated_at)
SELECT sqlc.arg(id), p.id, p.organization_id, sqlc.arg(name), sqlc.arg(title), sqlc.arg(driver), sqlc.arg(simulated), sqlc.arg(failure_domains)::text[], sqlc.arg(cpu_millis), sqlc.arg(memory_mib), sqlc.arg(storage_gib), sqlc.arg(instances),
	sqlc.arg(at), sqlc.arg(at) FROM providers p WHERE p.id = sqlc.arg(provider_id) ON CONFLICT (name) DO NOTHING;

-- name: ChangeZone :exec
UPDATE zones SET title = $2, failure_domains = $3, capacity_cpu_millis = $4, capacity_memory_mib = $5, capacity_storage_gib = $6, capacity_instances = $7, updated_at = $8 WHERE id = $1;

-- name: PriceLists :many
-- The newest revision of every price list.
SELECT DISTINCT ON (l.id) l.id, l.name, l.created_at, v.name AS provider, r.id AS revision_id, r.revision, r.currency, r.published_at, r.policy
FROM price_lists l JOIN price_list_revisions r ON r.price_list_id = l.id JOIN providers v ON v.id = l.provider_id
WHERE (sqlc.arg(name)::text = '' OR l.name = sqlc.arg(name)) ORDER BY l.id, r.revision DESC;

-- name: InsertZone :one
INSERT INTO zones (id, provider_id, organization_id, name, title, driver, simulated, failure_domains, capacity_cpu_millis, capacity_memory_mib, capacity_storage_gib, capacity_instances, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)
ON CONFLICT (name) DO UPDATE SET title = excluded.title, capacity_cpu_millis = excluded.capacity_cpu_millis, capacity_memory_mib = excluded.capacity_memory_mib,
	capacity_storage_gib = excluded.capacity_storage_gib, capacity_instances = excluded.capacity_instances,
	updated_at = CASE WHEN (zones.title, zones.capacity_cpu_millis, zones.capacity_memory_mib, zones.capacity_storage_gib, zones.capacity_instances)
		= (excluded.title, excluded.capacity_cpu_millis, excluded.capacity_memory_mib, excluded.capacity_storage_gib, excluded.capacity_instances) THEN zones.updated_at ELSE excluded.updated_at END
RETURNING id;

-- name: EnsureService :one
INSERT INTO services (id, provider_id, name, created_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id;

-- name: LatestPackage :one
SELECT * FROM package_revisions WHERE service_id = $1 ORDER BY revision DESC LIMIT 1;

-- name: InsertPackage :exec
INSERT INTO package_revisions (id, service_id, revision, definition, digest, published_at) VALUES ($1, $2, $3, $4, $5, $6);

-- name: InsertPlan :exec
INSERT INTO plan_revisions (id, service_id, name, revision, cpu_millis, memory_mib, min_storage_gib, max_storage_gib, published_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: EnsurePriceList :one
INSERT INTO price_lists (id, provider_id, name, currency, created_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id;

-- name: LatestPriceList :one
SELECT * FROM price_list_revisions WHERE price_list_id = $1 ORDER BY revision DESC LIMIT 1;

-- name: PricesOf :many
SELECT * FROM prices WHERE price_list_revision_id = $1 ORDER BY service, plan, service_level, item;

-- name: InsertPriceListRevision :exec
INSERT INTO price_list_revisions (id, price_list_id, revision, currency, published_at, policy) VALUES ($1, $2, $3, $4, $5, $6);

-- name: InsertPriceNotices :exec
-- Notes that all who have something by earlier revisions of a list are to be told of one.
INSERT INTO price_notices (price_list_revision_id, organization_id)
SELECT DISTINCT sqlc.arg(revision)::uuid, i.organization_id
FROM instances i JOIN price_list_revisions r ON r.id = i.price_list_revision_id
WHERE r.price_list_id = $1 AND i.intent <> 'purged';

-- name: InsertPrice :exec
INSERT INTO prices (price_list_revision_id, service, plan, service_level, item, unit, amount, mode, tiers, minimum) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: EnsureOffering :one
INSERT INTO offerings (id, service_id, zone_id, service_level, created_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (service_id, zone_id, service_level) DO UPDATE SET service_level = excluded.service_level RETURNING id;

-- name: LatestOffering :one
SELECT * FROM offering_revisions WHERE offering_id = $1 ORDER BY revision DESC LIMIT 1;

-- name: InsertOfferingRevision :exec
INSERT INTO offering_revisions (id, offering_id, revision, package_revision_id, price_list_revision_id, withdrawn, published_at)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: ServiceID :one
SELECT id FROM services WHERE name = $1;
