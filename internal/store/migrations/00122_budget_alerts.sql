-- Budgets whose thresholds are reached this month, as what an organization's alert
-- channels are told of. Gone once it is over, and that is told.

-- +goose Up

CREATE TABLE budget_alerts (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations,
	budget_id uuid NOT NULL UNIQUE, -- it may be deleted meanwhile
	budget text NOT NULL,
	period text NOT NULL,
	period_to timestamptz NOT NULL,
	summary text NOT NULL,
	since timestamptz NOT NULL
);
CREATE INDEX budget_alerts_organization ON budget_alerts (organization_id);
CREATE INDEX budget_alerts_over ON budget_alerts (period_to);
CALL make_tenant_table('budget_alerts');
GRANT SELECT ON budget_alerts TO souk_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON budget_alerts TO souk_system;
