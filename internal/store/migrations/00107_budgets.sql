-- Budgets: what an organization, or one of its projects, means to spend in a month.

-- +goose Up

CREATE TABLE budgets (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations,
	project_id uuid, -- null: the whole organization
	name text NOT NULL,
	amount numeric NOT NULL CHECK (amount > 0), -- a month
	currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
	actual integer[] NOT NULL, -- percentages that people are told of when that much is spent
	forecast integer[] NOT NULL, -- and when that much is to be expected
	action text NOT NULL CHECK (action IN ('none', 'refuse', 'suspend')), -- when all is spent
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL,
	-- What was found when it was looked at last, of the month [period_from, period_to).
	period text NOT NULL DEFAULT '',
	period_to timestamptz,
	spent numeric NOT NULL DEFAULT 0,
	expected numeric NOT NULL DEFAULT 0,
	looked_at timestamptz,
	look_at timestamptz NOT NULL, -- when it is looked at next
	UNIQUE (organization_id, name),
	UNIQUE (organization_id, id),
	FOREIGN KEY (organization_id, project_id) REFERENCES projects (organization_id, id)
);
CREATE INDEX budgets_due ON budgets (look_at);
CALL make_tenant_table('budgets');

-- What people were told. A threshold of an amount is told of once a month.
CREATE TABLE budget_notices (
	organization_id uuid NOT NULL,
	budget_id uuid NOT NULL,
	period text NOT NULL,
	basis text NOT NULL CHECK (basis IN ('actual', 'forecast')),
	percent integer NOT NULL,
	amount numeric NOT NULL, -- of the budget then
	reached numeric NOT NULL, -- what was spent, or expected
	told_at timestamptz NOT NULL,
	PRIMARY KEY (budget_id, period, basis, percent, amount),
	FOREIGN KEY (organization_id, budget_id) REFERENCES budgets (organization_id, id) ON DELETE CASCADE
);
CALL make_tenant_table('budget_notices');

-- Instances that a budget has suspended. Only what is here is resumed by itself: what the
-- operator suspends for the same reason stays suspended.
CREATE TABLE budget_suspensions (
	instance_id uuid PRIMARY KEY,
	organization_id uuid NOT NULL,
	suspended_at timestamptz NOT NULL,
	FOREIGN KEY (organization_id, instance_id) REFERENCES instances (organization_id, id)
);
CALL make_tenant_table('budget_suspensions');

GRANT SELECT, INSERT, UPDATE, DELETE ON budgets TO souk_app, souk_system;
GRANT SELECT, DELETE ON budget_notices TO souk_app;
GRANT SELECT, INSERT, DELETE ON budget_notices TO souk_system;
GRANT SELECT, INSERT, DELETE ON budget_suspensions TO souk_app, souk_system;
