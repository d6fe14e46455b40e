-- The ledger: double entry under all money. It only grows; what was wrong is reversed
-- by another entry.

-- +goose Up

CREATE TABLE ledger_entries (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations, -- whose business it is
	kind text NOT NULL CHECK (kind IN ('invoice', 'credit-note', 'payment', 'refund', 'allocation', 'write-off')),
	reference text NOT NULL, -- what it was posted for: of a kind once
	posted_on date NOT NULL, -- the day in the issuer's time zone that it counts for
	currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
	recorded_at timestamptz NOT NULL,
	UNIQUE (kind, reference),
	UNIQUE (organization_id, id)
);
CREATE INDEX ledger_entries_organization ON ledger_entries (organization_id, posted_on);
CALL make_tenant_table('ledger_entries');

CREATE TABLE ledger_postings (
	entry_id uuid NOT NULL,
	line int NOT NULL,
	organization_id uuid NOT NULL,
	account text NOT NULL,
	amount numeric NOT NULL CHECK (amount <> 0), -- debit is positive
	PRIMARY KEY (entry_id, line),
	FOREIGN KEY (organization_id, entry_id) REFERENCES ledger_entries (organization_id, id)
);
CREATE INDEX ledger_postings_account ON ledger_postings (account) INCLUDE (amount);
CALL make_tenant_table('ledger_postings');

CREATE TRIGGER ledger_entries_grow_only BEFORE UPDATE OR DELETE ON ledger_entries FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER ledger_postings_grow_only BEFORE UPDATE OR DELETE ON ledger_postings FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- At commit the postings of an entry have to be there, and to add up to nothing.
-- +goose StatementBegin
CREATE FUNCTION check_entry() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
	entry uuid := CASE TG_TABLE_NAME WHEN 'ledger_entries' THEN (to_jsonb(NEW)->>'id')::uuid ELSE (to_jsonb(NEW)->>'entry_id')::uuid END;
	total numeric;
	n int;
BEGIN
	SELECT coalesce(sum(amount), 0), count(*) INTO total, n FROM ledger_postings WHERE entry_id = entry;
	IF n < 2 OR total <> 0 THEN
		RAISE EXCEPTION 'the % postings of ledger entry % add up to %', n, entry, total USING ERRCODE = 'SK003';
	END IF;
	RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE CONSTRAINT TRIGGER ledger_entries_balance AFTER INSERT ON ledger_entries DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_entry();
CREATE CONSTRAINT TRIGGER ledger_postings_balance AFTER INSERT ON ledger_postings DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_entry();

GRANT SELECT ON ledger_entries, ledger_postings TO souk_app;
GRANT SELECT, INSERT ON ledger_entries, ledger_postings TO souk_system;
