-- Agreements: which discounts the operator has agreed on with customers. What is recorded
-- never changes, so that a month can be rated again as it was known at a watermark.

-- +goose Up

CREATE TABLE agreements (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations,
	name text NOT NULL CHECK (name <> ''),
	kind text NOT NULL CHECK (kind IN ('percent', 'amount', 'volume')),
	percent numeric NOT NULL DEFAULT 0 CHECK (percent BETWEEN 0 AND 100),
	amount numeric NOT NULL DEFAULT 0 CHECK (amount >= 0), -- of a calendar month
	tiers jsonb NOT NULL DEFAULT '[]', -- of a volume: {upTo, percent}, by what the month comes to
	currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'), -- of what it reduces
	service text NOT NULL DEFAULT '', -- '' is any, as with the next two
	plan text NOT NULL DEFAULT '',
	item text NOT NULL DEFAULT '',
	from_day date NOT NULL, -- in the time zone of the organization
	to_day date CHECK (to_day > from_day), -- the first day on which it does not hold any more; null: it has no end
	recorded_at timestamptz NOT NULL,
	recorded_by text NOT NULL,
	UNIQUE (organization_id, id),
	CHECK (kind <> 'percent' OR percent > 0),
	CHECK (kind <> 'amount' OR amount > 0)
);
CREATE INDEX agreements_newest ON agreements (recorded_at, id);
CREATE TRIGGER agreements_immutable BEFORE UPDATE OR DELETE ON agreements FOR EACH ROW EXECUTE FUNCTION forbid_change();
CALL make_tenant_table('agreements');

-- An agreement ends at the earliest of its own end and those that are recorded here. One
-- that ends on the day on which it begins never held.
CREATE TABLE agreement_ends (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL,
	agreement_id uuid NOT NULL,
	to_day date NOT NULL,
	reason text NOT NULL,
	recorded_at timestamptz NOT NULL,
	recorded_by text NOT NULL,
	FOREIGN KEY (organization_id, agreement_id) REFERENCES agreements (organization_id, id)
);
CREATE INDEX agreement_ends_of ON agreement_ends (agreement_id, to_day);
CREATE TRIGGER agreement_ends_immutable BEFORE UPDATE OR DELETE ON agreement_ends FOR EACH ROW EXECUTE FUNCTION forbid_change();
CALL make_tenant_table('agreement_ends');

GRANT SELECT ON agreements, agreement_ends TO souk_app, souk_system;
GRANT INSERT ON agreements, agreement_ends TO souk_system;
