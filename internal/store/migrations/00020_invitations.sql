-- Invitations to an organization, or to one of its projects.

-- +goose Up

CREATE TABLE invitations (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations,
	project_id uuid, -- null: the whole organization
	email text NOT NULL, -- nobody else can redeem it
	role text NOT NULL CHECK (role IN ('owner', 'admin', 'editor', 'viewer', 'billing')),
	token_hash bytea NOT NULL UNIQUE,
	created_by text NOT NULL,
	created_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,
	redeemed_at timestamptz,
	revoked_at timestamptz,
	FOREIGN KEY (organization_id, project_id) REFERENCES projects (organization_id, id) ON DELETE CASCADE,
	CHECK (project_id IS NULL OR role <> 'owner')
);
CREATE INDEX invitations_organization ON invitations (organization_id, id);
CREATE INDEX invitations_made ON invitations (organization_id, created_at);
CREATE INDEX invitations_age ON invitations (expires_at);
CALL make_tenant_table('invitations');

GRANT SELECT, INSERT, UPDATE ON invitations TO souk_app;
GRANT SELECT, UPDATE, DELETE ON invitations TO souk_system;
