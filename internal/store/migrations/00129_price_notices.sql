-- Whom a revision of a price list is told to by mail: a row for each organization that has
-- something by an earlier revision of the list when it is published, in the transaction
-- that publishes it.

-- +goose Up

CREATE TABLE price_notices (
	price_list_revision_id uuid NOT NULL REFERENCES price_list_revisions,
	organization_id uuid NOT NULL REFERENCES organizations,
	told_at timestamptz, -- null: not yet
	instances integer NOT NULL DEFAULT 0, -- whose prices it changes; of none nobody is told
	PRIMARY KEY (price_list_revision_id, organization_id)
);
CREATE INDEX price_notices_due ON price_notices (price_list_revision_id, organization_id) WHERE told_at IS NULL;
CALL make_tenant_table('price_notices');
GRANT SELECT, INSERT, UPDATE ON price_notices TO souk_system;
