-- All rows that the product would have written for the seeds. bench.epoch is that
-- of the zone's agent, who has reported each of them as its facts 1 to n.
INSERT INTO instances (id, organization_id, project_id, name, labels, zone_id, service, package_revision_id, offering_revision_id, display_name, service_level,
	plan_revision_id, price_list_revision_id, storage_gib, allowed_networks, intent, generation, created_at, updated_at, last_command_at, active_generation,
	phase, message, observed_state, observed_generation, endpoint, applied_plan, applied_storage_gib, held_data, last_fact_at)
SELECT s.id, organization, project, 'db-' || n, jsonb_build_object('tier', (ARRAY['gold', 'silver', 'bronze'])[1 + n % 3], 'team', 'team-' || n % 1000), zone, 'postgresql',
	package, offering, 'Database number ' || n, 'best-effort', plan, prices, storage, '{0.0.0.0/0,::/0}', 'active', 1, ordered, ordered, ordered, 1,
	'Ready', 'Ready for use.', 'running', 1, jsonb_build_object('host', 'simulated.invalid', 'port', 10000, 'database', 'simulated', 'caPEM', repeat('A', 700)),
	'small', storage, true, ready
FROM seeds s, place;

INSERT INTO commands (id, organization_id, instance_id, project_id, billing_account_id, kind, generation, active_generation, intent, plan_revision_id, price_list_revision_id, service_level, storage_gib, accepted_at, actor)
SELECT pg_temp.new_id(ordered), organization, s.id, project, organization, 'order', 1, 1, 'active', plan, prices, 'best-effort', storage, ordered, 'bench' FROM seeds s, place;

INSERT INTO facts (zone_id, epoch, sequence, organization_id, instance_id, boot_id, state, generation, transition, effective_at, reported_at, real_at, received_at, observation)
SELECT zone, current_setting('bench.epoch')::bigint, n, organization, s.id, 'bench', 'running', 1, true, ready, ready, ready, ready, '{"state": "running", "generation": 1}' FROM seeds s, place ORDER BY n;

UPDATE zone_agents SET acknowledged = current_setting('bench.n')::bigint WHERE zone_id = (SELECT zone FROM place);

INSERT INTO segments (id, organization_id, instance_id, project_id, billing_account_id, from_at, to_at, state, compute_billed, storage_billed, plan_revision_id, price_list_revision_id, service_level, storage_gib, recorded_at, to_recorded_at)
SELECT pg_temp.new_id(ordered), organization, s.id, project, organization, ordered, ready, 'provisioning', false, false, plan, prices, 'best-effort', storage, ordered, ready FROM seeds s, place
UNION ALL
SELECT pg_temp.new_id(ready), organization, s.id, project, organization, ready, NULL, 'active', true, true, plan, prices, 'best-effort', storage, ready, NULL FROM seeds s, place;

INSERT INTO instance_events (id, organization_id, instance_id, at, kind, actor, message)
SELECT pg_temp.new_id(ordered), organization, id, ordered, 'change', 'bench', 'Ordered postgresql, plan small.' FROM seeds, place
UNION ALL
SELECT pg_temp.new_id(ready), organization, id, ready, 'phase', '', 'Ready: Ready for use.' FROM seeds, place;

INSERT INTO audit_events (id, organization_id, project_id, at, actor, action, kind, object_id, object_name)
SELECT pg_temp.new_id(ordered), organization, project, ordered, 'bench', 'instance.order', 'instance', id::text, 'db-' || n FROM seeds, place;

INSERT INTO bindings (id, organization_id, instance_id, name, created_at, updated_at)
SELECT binding, organization, id, 'default', ordered, ordered FROM seeds, place;

INSERT INTO credentials (id, organization_id, instance_id, binding_id, login, secret, created_at)
SELECT s.credential, organization, s.id, binding, 'default_1', k.secret, ordered FROM seeds s JOIN sealed k ON k.credential = s.credential, place;

INSERT INTO reservations (instance_id, organization_id, zone_id, cpu_millis, memory_mib, storage_gib)
SELECT id, organization, zone, cpu_millis, memory_mib, storage FROM seeds, place;

-- The triggers that keep what follows do not run in bulk.
INSERT INTO instance_labels (organization_id, project_id, instance_id, key, value)
SELECT i.organization_id, i.project_id, i.id, l.key, l.value FROM instances i JOIN seeds s ON s.id = i.id, jsonb_each_text(i.labels) l
ON CONFLICT DO NOTHING;

INSERT INTO zone_use (zone_id, cpu_millis, memory_mib, storage_gib, instances)
SELECT zone_id, sum(cpu_millis), sum(memory_mib), sum(storage_gib), count(*) FROM reservations GROUP BY zone_id
ON CONFLICT (zone_id) DO UPDATE SET cpu_millis = excluded.cpu_millis, memory_mib = excluded.memory_mib, storage_gib = excluded.storage_gib, instances = excluded.instances;

INSERT INTO organization_use (organization_id, instances, cpu_millis, memory_mib, storage_gib)
SELECT i.organization_id, count(*), sum(p.cpu_millis), sum(p.memory_mib), sum(i.storage_gib)
FROM instances i JOIN plan_revisions p ON p.id = i.plan_revision_id WHERE i.intent IN ('active', 'suspended') GROUP BY i.organization_id
ON CONFLICT (organization_id) DO UPDATE SET instances = excluded.instances, cpu_millis = excluded.cpu_millis, memory_mib = excluded.memory_mib, storage_gib = excluded.storage_gib;
