-- Instances, what was commanded of them, and what zones reported.

-- +goose Up

CREATE TABLE instances (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations,
	project_id uuid NOT NULL,
	name text NOT NULL CHECK (name ~ '^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$'),
	labels jsonb NOT NULL DEFAULT '{}',
	zone_id uuid NOT NULL REFERENCES zones,
	service text NOT NULL,
	package_revision_id uuid NOT NULL REFERENCES package_revisions,
	offering_revision_id uuid NOT NULL REFERENCES offering_revisions,

	-- what is wanted
	display_name text NOT NULL DEFAULT '',
	service_level text NOT NULL,
	plan_revision_id uuid NOT NULL REFERENCES plan_revisions,
	price_list_revision_id uuid NOT NULL REFERENCES price_list_revisions,
	storage_gib bigint NOT NULL CHECK (storage_gib >= 0),
	parameters jsonb NOT NULL DEFAULT '{}',
	allowed_networks text[] NOT NULL DEFAULT '{}',
	protected boolean NOT NULL DEFAULT true,
	suspended_for text[] NOT NULL DEFAULT '{}',
	intent text NOT NULL CHECK (intent IN ('active', 'suspended', 'deleted', 'purged')),
	generation bigint NOT NULL, -- of what the zone has to carry out
	version bigint NOT NULL DEFAULT 1, -- of spec and metadata; the ETag
	created_at timestamptz NOT NULL, -- the order was accepted: the billing chain starts
	updated_at timestamptz NOT NULL,
	last_command_at timestamptz NOT NULL,
	active_generation bigint NOT NULL, -- of the last order, resume or undelete

	-- what is
	phase text NOT NULL,
	message text NOT NULL DEFAULT '',
	blocked_by text NOT NULL DEFAULT '',
	observed_state text NOT NULL DEFAULT '',
	observed_generation bigint NOT NULL DEFAULT 0,
	conditions jsonb NOT NULL DEFAULT '[]',
	endpoint jsonb,
	applied_plan text NOT NULL DEFAULT '',
	applied_storage_gib bigint NOT NULL DEFAULT 0,
	storage_used_bytes bigint NOT NULL DEFAULT 0,
	held_data boolean NOT NULL DEFAULT false, -- was ready once
	last_fact_at timestamptz, -- effective time of the last applied fact
	deleted_at timestamptz,
	purge_at timestamptz,
	purged_at timestamptz,

	UNIQUE (organization_id, id),
	FOREIGN KEY (organization_id, project_id) REFERENCES projects (organization_id, id)
);
CREATE UNIQUE INDEX instances_name ON instances (project_id, name) WHERE phase <> 'Purged';
CREATE INDEX instances_zone ON instances (zone_id, id) WHERE phase <> 'Purged';
CREATE INDEX instances_listing ON instances (organization_id, project_id, created_at, id);
CREATE INDEX instances_purge_due ON instances (purge_at) WHERE intent = 'deleted';
CALL make_tenant_table('instances');
-- A provider sees what runs in its zones.
CREATE POLICY provider_reads ON instances FOR SELECT TO souk_app USING (
	(SELECT cross_reader()) = 'provider' AND zone_id IN (SELECT z.id FROM zones z WHERE z.organization_id = ANY ((SELECT visible_organizations())::uuid[])));

-- Every accepted command, with all that is wanted after it. Only grows.
CREATE TABLE commands (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL,
	instance_id uuid NOT NULL,
	project_id uuid NOT NULL,
	billing_account_id uuid NOT NULL REFERENCES organizations,
	kind text NOT NULL CHECK (kind IN ('order', 'update', 'suspend', 'resume', 'delete', 'undelete', 'purge')),
	generation bigint NOT NULL,
	active_generation bigint NOT NULL,
	intent text NOT NULL,
	plan_revision_id uuid NOT NULL REFERENCES plan_revisions,
	price_list_revision_id uuid NOT NULL REFERENCES price_list_revisions,
	service_level text NOT NULL,
	storage_gib bigint NOT NULL,
	accepted_at timestamptz NOT NULL,
	actor text NOT NULL,
	UNIQUE (instance_id, generation),
	FOREIGN KEY (organization_id, instance_id) REFERENCES instances (organization_id, id)
);
CREATE TRIGGER commands_grow_only BEFORE UPDATE OR DELETE ON commands FOR EACH ROW EXECUTE FUNCTION forbid_change();
CALL make_tenant_table('commands');

-- Every fact that a zone reported, as it was accepted. Only grows.
CREATE TABLE facts (
	zone_id uuid NOT NULL REFERENCES zones,
	epoch bigint NOT NULL,
	sequence bigint NOT NULL,
	organization_id uuid NOT NULL,
	instance_id uuid NOT NULL,
	boot_id text NOT NULL,
	state text NOT NULL,
	generation bigint NOT NULL,
	transition boolean NOT NULL, -- state or generation differ from the fact before
	effective_at timestamptz NOT NULL, -- kept within its bounds
	reported_at timestamptz NOT NULL, -- as the agent said, by Souk's clock
	real_at timestamptz NOT NULL, -- as the agent said, by the machine's clock
	received_at timestamptz NOT NULL,
	observation jsonb NOT NULL,
	ordinal bigint GENERATED ALWAYS AS IDENTITY, -- the order of receipt
	PRIMARY KEY (zone_id, epoch, sequence),
	FOREIGN KEY (organization_id, instance_id) REFERENCES instances (organization_id, id)
);
CREATE INDEX facts_instance ON facts (instance_id, ordinal);
CREATE TRIGGER facts_grow_only BEFORE UPDATE OR DELETE ON facts FOR EACH ROW EXECUTE FUNCTION forbid_change();
CALL make_tenant_table('facts');

-- The timeline that people read.
CREATE TABLE instance_events (
	id uuid PRIMARY KEY, -- version 7
	organization_id uuid NOT NULL,
	instance_id uuid NOT NULL,
	at timestamptz NOT NULL,
	kind text NOT NULL,
	actor text NOT NULL DEFAULT '',
	message text NOT NULL,
	FOREIGN KEY (organization_id, instance_id) REFERENCES instances (organization_id, id)
);
CREATE INDEX instance_events_newest ON instance_events (instance_id, id DESC);
CALL make_tenant_table('instance_events');

CREATE TABLE bindings (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL,
	instance_id uuid NOT NULL,
	name text NOT NULL CHECK (name ~ '^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$'),
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL,
	rotated_at timestamptz,
	revoked_at timestamptz,
	UNIQUE (organization_id, id),
	FOREIGN KEY (organization_id, instance_id) REFERENCES instances (organization_id, id)
);
CREATE UNIQUE INDEX bindings_name ON bindings (instance_id, name) WHERE revoked_at IS NULL;
CALL make_tenant_table('bindings');

-- Log-ins of a binding: one, or two while a rotation overlaps.
CREATE TABLE credentials (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL,
	instance_id uuid NOT NULL,
	binding_id uuid NOT NULL,
	login text NOT NULL,
	secret bytea NOT NULL, -- envelope encrypted
	created_at timestamptz NOT NULL,
	valid_until timestamptz, -- null: until rotated or revoked
	revoked_at timestamptz,
	FOREIGN KEY (organization_id, binding_id) REFERENCES bindings (organization_id, id),
	FOREIGN KEY (organization_id, instance_id) REFERENCES instances (organization_id, id),
	UNIQUE (instance_id, login)
);
CREATE INDEX credentials_due ON credentials (valid_until) WHERE revoked_at IS NULL AND valid_until IS NOT NULL;
CALL make_tenant_table('credentials');

-- What an instance takes of its zone's capacity; the sums follow by trigger.
CREATE TABLE zone_use (
	zone_id uuid PRIMARY KEY REFERENCES zones,
	cpu_millis bigint NOT NULL DEFAULT 0,
	memory_mib bigint NOT NULL DEFAULT 0,
	storage_gib bigint NOT NULL DEFAULT 0,
	instances bigint NOT NULL DEFAULT 0
);
CREATE TABLE reservations (
	instance_id uuid PRIMARY KEY,
	organization_id uuid NOT NULL,
	zone_id uuid NOT NULL REFERENCES zones,
	cpu_millis bigint NOT NULL CHECK (cpu_millis >= 0),
	memory_mib bigint NOT NULL CHECK (memory_mib >= 0),
	storage_gib bigint NOT NULL CHECK (storage_gib >= 0),
	FOREIGN KEY (organization_id, instance_id) REFERENCES instances (organization_id, id)
);
CALL make_tenant_table('reservations');

-- +goose StatementBegin
CREATE FUNCTION keep_zone_use() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
	z zones;
	u zone_use;
	grown boolean := TG_OP = 'INSERT' OR (TG_OP = 'UPDATE' AND (NEW.cpu_millis > OLD.cpu_millis OR NEW.memory_mib > OLD.memory_mib OR NEW.storage_gib > OLD.storage_gib));
	zone uuid := CASE WHEN TG_OP = 'DELETE' THEN OLD.zone_id ELSE NEW.zone_id END;
BEGIN
	IF TG_OP = 'UPDATE' AND OLD.zone_id <> NEW.zone_id THEN
		RAISE EXCEPTION 'a reservation does not change its zone';
	END IF;
	INSERT INTO zone_use AS t (zone_id, cpu_millis, memory_mib, storage_gib, instances)
	VALUES (zone, 0, 0, 0, 0) ON CONFLICT (zone_id) DO NOTHING;
	UPDATE zone_use SET
		cpu_millis = cpu_millis + CASE WHEN TG_OP = 'DELETE' THEN 0 ELSE NEW.cpu_millis END - CASE WHEN TG_OP = 'INSERT' THEN 0 ELSE OLD.cpu_millis END,
		memory_mib = memory_mib + CASE WHEN TG_OP = 'DELETE' THEN 0 ELSE NEW.memory_mib END - CASE WHEN TG_OP = 'INSERT' THEN 0 ELSE OLD.memory_mib END,
		storage_gib = storage_gib + CASE WHEN TG_OP = 'DELETE' THEN 0 ELSE NEW.storage_gib END - CASE WHEN TG_OP = 'INSERT' THEN 0 ELSE OLD.storage_gib END,
		instances = instances + CASE TG_OP WHEN 'INSERT' THEN 1 WHEN 'DELETE' THEN -1 ELSE 0 END
	WHERE zone_id = zone RETURNING * INTO u;
	IF grown THEN
		SELECT * INTO z FROM zones WHERE id = zone;
		IF u.cpu_millis > z.capacity_cpu_millis THEN
			RAISE EXCEPTION 'processor' USING ERRCODE = 'SK001';
		ELSIF u.memory_mib > z.capacity_memory_mib THEN
			RAISE EXCEPTION 'memory' USING ERRCODE = 'SK001';
		ELSIF u.storage_gib > z.capacity_storage_gib THEN
			RAISE EXCEPTION 'storage' USING ERRCODE = 'SK001';
		ELSIF u.instances > z.capacity_instances THEN
			RAISE EXCEPTION 'instances' USING ERRCODE = 'SK001';
		END IF;
	END IF;
	RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER reservations_counted AFTER INSERT OR UPDATE OR DELETE ON reservations FOR EACH ROW EXECUTE FUNCTION keep_zone_use();

GRANT SELECT, INSERT, UPDATE ON instances, bindings, credentials TO souk_app, souk_system;
GRANT SELECT, INSERT ON commands, instance_events TO souk_app, souk_system;
GRANT SELECT ON facts TO souk_app;
GRANT SELECT, INSERT ON facts TO souk_system;
GRANT SELECT ON zone_use TO souk_app, souk_system;
GRANT SELECT, INSERT, UPDATE, DELETE ON reservations TO souk_app, souk_system;
