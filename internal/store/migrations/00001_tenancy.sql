-- Organizations, projects, people, tokens, audit; and the row-level security
-- that every tenant table is put under.

-- +goose Up

-- The organizations that the transaction may see and change; store.Tenant sets it.
-- +goose StatementBegin
CREATE FUNCTION visible_organizations() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT coalesce(nullif(current_setting('souk.organizations', true), ''), '{}')::uuid[] $$;
-- +goose StatementEnd

-- The cross-organization reader that the transaction runs as: 'operator', 'provider' or ''.
-- +goose StatementBegin
CREATE FUNCTION cross_reader() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT coalesce(current_setting('souk.reader', true), '') $$;
-- +goose StatementEnd

-- Puts a table with a column organization_id under row-level security.
-- +goose StatementBegin
CREATE PROCEDURE make_tenant_table(tab regclass, key name DEFAULT 'organization_id') LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', tab);
	EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', tab);
	EXECUTE format('CREATE POLICY owner_all ON %s TO souk_owner USING (true) WITH CHECK (true)', tab);
	EXECUTE format('CREATE POLICY system_all ON %s TO souk_system USING (true) WITH CHECK (true)', tab);
	EXECUTE format('CREATE POLICY tenant ON %s TO souk_app USING (%I = ANY ((SELECT visible_organizations())::uuid[])) WITH CHECK (%I = ANY ((SELECT visible_organizations())::uuid[]))', tab, key, key);
	EXECUTE format('CREATE POLICY operator_reads ON %s FOR SELECT TO souk_app USING ((SELECT cross_reader()) = ''operator'')', tab);
END $$;
-- +goose StatementEnd

-- Refuses to change or delete rows of a record that only grows.
-- +goose StatementBegin
CREATE FUNCTION forbid_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'rows of % are never changed or deleted', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
-- +goose StatementEnd

CREATE TABLE organizations (
	id uuid PRIMARY KEY,
	name text NOT NULL UNIQUE CHECK (name ~ '^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$'),
	display_name text NOT NULL DEFAULT '',
	kinds text[] NOT NULL DEFAULT '{customer}',
	time_zone text NOT NULL DEFAULT 'Europe/Zurich',
	quota_instances bigint NOT NULL DEFAULT 20 CHECK (quota_instances >= 0),
	quota_cpu_millis bigint NOT NULL DEFAULT 16000 CHECK (quota_cpu_millis >= 0),
	quota_memory_mib bigint NOT NULL DEFAULT 32768 CHECK (quota_memory_mib >= 0),
	quota_storage_gib bigint NOT NULL DEFAULT 1000 CHECK (quota_storage_gib >= 0),
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL
);
CALL make_tenant_table('organizations', 'id');

CREATE TABLE projects (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations,
	name text NOT NULL CHECK (name ~ '^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$'),
	display_name text NOT NULL DEFAULT '',
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL,
	UNIQUE (organization_id, name),
	UNIQUE (organization_id, id)
);
CALL make_tenant_table('projects');

-- People. An account belongs to no organization; members tie them together.
CREATE TABLE accounts (
	id uuid PRIMARY KEY,
	email text NOT NULL,
	name text NOT NULL DEFAULT '',
	password_hash text NOT NULL, -- argon2id, PHC string
	created_at timestamptz NOT NULL,
	disabled_at timestamptz
);
CREATE UNIQUE INDEX accounts_email ON accounts (lower(email));

CREATE TABLE members (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations,
	project_id uuid, -- null: the whole organization
	account_id uuid NOT NULL REFERENCES accounts,
	role text NOT NULL CHECK (role IN ('owner', 'admin', 'editor', 'viewer', 'billing')),
	created_at timestamptz NOT NULL,
	FOREIGN KEY (organization_id, project_id) REFERENCES projects (organization_id, id) ON DELETE CASCADE,
	CHECK (project_id IS NULL OR role <> 'owner')
);
CREATE UNIQUE INDEX members_once ON members (organization_id, account_id, coalesce(project_id, '00000000-0000-0000-0000-000000000000'));
CREATE INDEX members_account ON members (account_id);
CALL make_tenant_table('members');

CREATE TABLE tokens (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations,
	project_id uuid,
	name text NOT NULL,
	role text NOT NULL CHECK (role IN ('owner', 'admin', 'editor', 'viewer', 'billing')),
	secret_hash bytea NOT NULL UNIQUE, -- SHA-256 of 256 random bits
	created_by text NOT NULL,
	created_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,
	last_used_at timestamptz,
	revoked_at timestamptz,
	FOREIGN KEY (organization_id, project_id) REFERENCES projects (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX tokens_organization ON tokens (organization_id, created_at);
CALL make_tenant_table('tokens');

-- Log-ins of people: they act in every organization where the person is a member.
CREATE TABLE sessions (
	id uuid PRIMARY KEY,
	account_id uuid NOT NULL REFERENCES accounts,
	secret_hash bytea NOT NULL UNIQUE,
	created_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,
	last_used_at timestamptz,
	revoked_at timestamptz
);
CREATE INDEX sessions_account ON sessions (account_id);

-- Failed log-ins, for slowing a guesser down.
CREATE TABLE login_failures (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	email text NOT NULL,
	address text NOT NULL,
	at timestamptz NOT NULL
);
CREATE INDEX login_failures_email ON login_failures (lower(email), at);
CREATE INDEX login_failures_address ON login_failures (address, at);

CREATE TABLE audit_events (
	id uuid PRIMARY KEY, -- version 7: in the order of time
	organization_id uuid NOT NULL REFERENCES organizations,
	project_id uuid,
	at timestamptz NOT NULL,
	actor text NOT NULL,
	action text NOT NULL,
	kind text NOT NULL,
	object_id text NOT NULL DEFAULT '',
	object_name text NOT NULL DEFAULT '',
	request_id text NOT NULL DEFAULT '',
	details jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_events_newest ON audit_events (organization_id, id DESC);
CREATE TRIGGER audit_events_grow_only BEFORE UPDATE OR DELETE ON audit_events FOR EACH ROW EXECUTE FUNCTION forbid_change();
CALL make_tenant_table('audit_events');

-- What a request with an idempotency key led to.
CREATE TABLE idempotency_keys (
	principal text NOT NULL,
	route text NOT NULL, -- method and path
	key text NOT NULL,
	body_hash bytea NOT NULL,
	status integer NOT NULL,
	resource text NOT NULL, -- reference, never a body
	created_at timestamptz NOT NULL,
	PRIMARY KEY (principal, route, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

GRANT SELECT ON organizations, projects, members, tokens TO souk_app;
GRANT INSERT, UPDATE ON organizations TO souk_system;
GRANT UPDATE (display_name, time_zone, updated_at) ON organizations TO souk_app;
GRANT INSERT, UPDATE, DELETE ON projects, members TO souk_app;
GRANT INSERT, UPDATE ON tokens TO souk_app;
GRANT SELECT, INSERT ON audit_events TO souk_app;
GRANT SELECT, INSERT, DELETE ON idempotency_keys TO souk_app, souk_system;
GRANT SELECT (id, email, name, created_at, disabled_at) ON accounts TO souk_app;
GRANT SELECT, INSERT, UPDATE ON accounts, sessions TO souk_system;
GRANT SELECT, INSERT, DELETE ON login_failures TO souk_system;
GRANT SELECT ON organizations TO souk_system;
GRANT SELECT, INSERT, UPDATE, DELETE ON projects, members, tokens TO souk_system;
GRANT SELECT, INSERT ON audit_events TO souk_system;
