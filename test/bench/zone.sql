-- A simulated zone that offers what the zone `local` does, large enough for any
-- number of instances, and an organization with quota enough to fill it.
INSERT INTO zones (id, provider_id, organization_id, name, title, driver, simulated, failure_domains,
	capacity_cpu_millis, capacity_memory_mib, capacity_storage_gib, capacity_instances, created_at, updated_at)
SELECT gen_random_uuid(), provider_id, organization_id, 'simulated', 'Simulated', 'fake', true, '{simulated}',
	1000000000, 1000000000, 1000000000, 1000000, created_at, updated_at
FROM zones WHERE name = 'local';

INSERT INTO offerings (id, service_id, zone_id, service_level, created_at)
SELECT gen_random_uuid(), o.service_id, z.id, o.service_level, o.created_at
FROM offerings o JOIN zones l ON l.id = o.zone_id AND l.name = 'local', zones z WHERE z.name = 'simulated';

INSERT INTO offering_revisions (id, offering_id, revision, package_revision_id, price_list_revision_id, published_at)
SELECT gen_random_uuid(), n.id, 1, r.package_revision_id, r.price_list_revision_id, r.published_at
FROM offerings n JOIN zones z ON z.id = n.zone_id AND z.name = 'simulated'
JOIN offerings o ON o.service_id = n.service_id AND o.service_level = n.service_level
JOIN zones l ON l.id = o.zone_id AND l.name = 'local'
JOIN offering_revisions r ON r.offering_id = o.id;

UPDATE organizations SET quota_instances = 10000000, quota_cpu_millis = 10000000000, quota_memory_mib = 10000000000, quota_storage_gib = 10000000000;
