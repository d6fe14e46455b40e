-- The operator's staff look at the portal as an organization sees it: for a
-- reason that the organization can read, for a time, and without changing anything.

-- +goose Up

CREATE TABLE operator_views (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations, -- looked at
	operator_id uuid NOT NULL REFERENCES organizations, -- of whoever looks
	credential_id uuid NOT NULL, -- the session or token that it is good for
	actor text NOT NULL,
	reason text NOT NULL CHECK (reason <> ''),
	started_at timestamptz NOT NULL,
	ends_at timestamptz NOT NULL,
	ended_at timestamptz
);
CREATE INDEX operator_views_running ON operator_views (ends_at) WHERE ended_at IS NULL;
CREATE INDEX operator_views_credential ON operator_views (credential_id) WHERE ended_at IS NULL;
CALL make_tenant_table('operator_views');

GRANT SELECT, INSERT, UPDATE ON operator_views TO souk_system;
