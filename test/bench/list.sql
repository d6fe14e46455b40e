-- The first page of a project's instances, by age; one more than a page says
-- whether there is another. The same as internal/instance asks.
SELECT i.id, i.organization_id, i.project_id, i.name, i.labels, i.zone_id, i.service, i.package_revision_id, i.offering_revision_id,
	i.display_name, i.service_level, i.plan_revision_id, i.price_list_revision_id, i.storage_gib, i.parameters, i.allowed_networks, i.protected,
	i.suspended_for, i.intent, i.generation, i.version, i.created_at, i.updated_at, i.last_command_at, i.active_generation, i.phase, i.message,
	i.blocked_by, i.observed_state, i.observed_generation, i.conditions, i.endpoint, i.applied_plan, i.applied_storage_gib, i.storage_used_bytes,
	i.held_data, i.last_fact_at, i.deleted_at, i.purge_at, i.purged_at, i.members, i.backup, i.maintenance, i.maintaining, i.restarts, i.log_days, i.engine_version, i.suspendable,
	z.name, o.name, p.name, r.name, r.revision, k.revision, l.revision, f.revision, z.driver, a.last_seen_real, a.revoked_at
FROM (SELECT * FROM instances i WHERE i.phase <> 'Purged' AND i.project_id = $1 ORDER BY i.created_at, i.id LIMIT 51) i
JOIN zones z ON z.id = i.zone_id
JOIN organizations o ON o.id = i.organization_id
JOIN projects p ON p.id = i.project_id
JOIN plan_revisions r ON r.id = i.plan_revision_id
JOIN package_revisions k ON k.id = i.package_revision_id
JOIN price_list_revisions l ON l.id = i.price_list_revision_id
JOIN offering_revisions f ON f.id = i.offering_revision_id
LEFT JOIN zone_agents a ON a.zone_id = i.zone_id
ORDER BY i.created_at, i.id
