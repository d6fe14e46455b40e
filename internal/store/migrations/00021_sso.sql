-- Single sign-on: an organization's own identity provider (OpenID Connect).

-- +goose Up

CREATE TABLE sso_connections (
	organization_id uuid PRIMARY KEY REFERENCES organizations,
	generation uuid NOT NULL UNIQUE, -- another one ends the sessions that began under this
	issuer text NOT NULL,
	client_id text NOT NULL,
	sealed bytea, -- the client's secret; null: it has none
	group_claim text NOT NULL,
	group_roles jsonb NOT NULL DEFAULT '[]', -- [{"group": …, "role": …}]
	default_role text CHECK (default_role IN ('admin', 'editor', 'viewer', 'billing')), -- null: none
	passwords_allowed boolean NOT NULL DEFAULT true, -- to members with an address in one of the domains
	enabled boolean NOT NULL DEFAULT true,
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL
);
CALL make_tenant_table('sso_connections');

-- Domains of e-mail addresses. Anybody can claim one; it is bound once it is proven.
CREATE TABLE sso_domains (
	organization_id uuid NOT NULL REFERENCES organizations,
	domain text NOT NULL CHECK (domain = lower(domain)),
	token text NOT NULL, -- to be published in the domain's DNS
	proof text CHECK (proof IN ('dns', 'simulated')),
	created_at timestamptz NOT NULL,
	proven_at timestamptz,
	PRIMARY KEY (organization_id, domain),
	CHECK ((proof IS NULL) = (proven_at IS NULL))
);
CREATE UNIQUE INDEX sso_domains_bound ON sso_domains (domain) WHERE proven_at IS NOT NULL;
CALL make_tenant_table('sso_domains');

-- Sign-ins that are under way. A row is used once.
CREATE TABLE sso_flows (
	state_hash bytea PRIMARY KEY, -- SHA-256 of 256 random bits, which travel by way of the provider
	secret_hash bytea NOT NULL, -- SHA-256 of 256 random bits, which stay in the browser
	organization_id uuid NOT NULL REFERENCES organizations,
	generation uuid NOT NULL, -- of the connection
	redirect_uri text NOT NULL,
	return_to text NOT NULL,
	created_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL
);
CREATE INDEX sso_flows_age ON sso_flows (expires_at);
CALL make_tenant_table('sso_flows');

-- Who a person is to an organization's provider.
CREATE TABLE sso_identities (
	organization_id uuid NOT NULL REFERENCES organizations,
	issuer text NOT NULL,
	subject text NOT NULL,
	account_id uuid NOT NULL REFERENCES accounts,
	created_at timestamptz NOT NULL,
	last_login_at timestamptz NOT NULL,
	PRIMARY KEY (organization_id, issuer, subject),
	UNIQUE (organization_id, issuer, account_id)
);
CREATE INDEX sso_identities_account ON sso_identities (account_id);
CALL make_tenant_table('sso_identities');

ALTER TABLE members ADD COLUMN by_sso boolean NOT NULL DEFAULT false; -- changed and taken by single sign-on too
ALTER TABLE sessions ADD COLUMN sso_generation uuid; -- ends with that generation of the connection

GRANT SELECT, INSERT, UPDATE, DELETE ON sso_connections, sso_domains TO souk_app;
GRANT DELETE ON sso_identities TO souk_app;
GRANT SELECT (organization_id) ON sso_identities TO souk_app;
GRANT SELECT ON sso_connections, sso_domains TO souk_system;
GRANT SELECT, INSERT, UPDATE, DELETE ON sso_flows, sso_identities TO souk_system;
