-- What bulk seeding of idle instances begins with: their IDs and moments, and
-- where they are. bench.n says how many. Each is as an order of 60 days to a day
-- ago has left it, that was ready 30 seconds later.

-- An ID of version 7, as the product's are: sorted by age.
CREATE FUNCTION pg_temp.new_id(at timestamptz) RETURNS uuid LANGUAGE sql VOLATILE AS
$$ SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(r, 1, 3) || '8' || substr(r, 18, 15))::uuid
   FROM replace(gen_random_uuid()::text, '-', '') r $$;

CREATE TEMP TABLE seeds ON COMMIT DROP AS
SELECT n, ordered, ready, pg_temp.new_id(ordered) AS id, pg_temp.new_id(ordered) AS binding, pg_temp.new_id(ordered) AS credential
FROM (
	SELECT n, at AS ordered, at + interval '30 seconds' AS ready
	FROM generate_series(1, current_setting('bench.n')::int) n,
		LATERAL (SELECT date_trunc('second', current_timestamp) - interval '60 days' + n * (interval '59 days' / current_setting('bench.n')::int) AS at) t
) s;

-- Their passwords, sealed by the control plane's keyring, are put here.
CREATE TEMP TABLE sealed (credential uuid, secret bytea) ON COMMIT DROP;

-- Where they are, and what they were ordered with.
CREATE TEMP TABLE place ON COMMIT DROP AS
SELECT o.id AS organization, p.id AS project, z.id AS zone, f.package_revision_id AS package, f.id AS offering, f.price_list_revision_id AS prices, l.id AS plan,
	l.cpu_millis, l.memory_mib, l.min_storage_gib AS storage
FROM organizations o JOIN projects p ON p.organization_id = o.id, zones z
JOIN offerings g ON g.zone_id = z.id JOIN offering_revisions f ON f.offering_id = g.id JOIN plan_revisions l ON l.service_id = g.service_id AND l.name = 'small'
JOIN services v ON v.id = g.service_id AND v.name = 'postgresql'
WHERE o.name = 'bench' AND p.name = 'default' AND z.name = 'simulated';
