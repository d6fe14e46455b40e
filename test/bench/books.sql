-- Customers with instances that were ready since a moment. books.arg1 says how many
-- customers, arg2 how many instances each has, arg3 since when.
CREATE TEMP TABLE place ON COMMIT DROP AS
SELECT z.id AS zone, f.package_revision_id AS package, f.id AS offering, f.price_list_revision_id AS prices, l.id AS plan, l.min_storage_gib AS storage, current_setting('books.arg3')::timestamptz AS at
FROM zones z JOIN offerings g ON g.zone_id = z.id JOIN offering_revisions f ON f.offering_id = g.id JOIN plan_revisions l ON l.service_id = g.service_id AND l.name = 'small';

CREATE TEMP TABLE customers ON COMMIT DROP AS
SELECT n, gen_random_uuid() AS id, gen_random_uuid() AS project FROM generate_series(1, current_setting('books.arg1')::int) n;

CREATE TEMP TABLE seeds ON COMMIT DROP AS
SELECT c.id AS organization, c.project, i, gen_random_uuid() AS id FROM customers c, generate_series(1, current_setting('books.arg2')::int) i;

INSERT INTO organizations (id, name, time_zone, created_at, updated_at) SELECT id, 'customer-' || n, 'UTC', at, at FROM customers, place;
INSERT INTO projects (id, organization_id, name, created_at, updated_at) SELECT project, id, 'default', at, at FROM customers, place;
INSERT INTO billing_profiles (organization_id, name, postal_code, town, country, updated_at) SELECT id, 'Customer ' || n, '3000', 'Bern', 'CH', at FROM customers, place;

INSERT INTO instances (id, organization_id, project_id, name, zone_id, service, package_revision_id, offering_revision_id, service_level, plan_revision_id, price_list_revision_id, storage_gib,
	intent, generation, created_at, updated_at, last_command_at, active_generation, phase)
SELECT s.id, organization, project, 'db-' || i, zone, 'postgresql', package, offering, 'best-effort', plan, prices, storage, 'active', 1, at, at, at, 1, 'Ready' FROM seeds s, place;

INSERT INTO segments (id, organization_id, instance_id, project_id, billing_account_id, from_at, state, compute_billed, storage_billed, plan_revision_id, price_list_revision_id, service_level, storage_gib, recorded_at)
SELECT gen_random_uuid(), organization, s.id, project, organization, at, 'active', true, true, plan, prices, 'best-effort', storage, at FROM seeds s, place;
