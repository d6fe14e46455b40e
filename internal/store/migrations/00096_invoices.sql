-- Invoices: who issues them, to whom, the runs that close a month, and what was issued.

-- +goose Up

-- The operator's company, as it stands on invoices from now on.
CREATE TABLE issuers (
	id uuid PRIMARY KEY,
	name text NOT NULL,
	street text NOT NULL DEFAULT '',
	building text NOT NULL DEFAULT '',
	postal_code text NOT NULL,
	town text NOT NULL,
	country text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
	vat_id text NOT NULL,
	iban text NOT NULL,
	bic text NOT NULL DEFAULT '',
	email text NOT NULL DEFAULT '',
	currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
	time_zone text NOT NULL,
	payment_days integer NOT NULL CHECK (payment_days BETWEEN 0 AND 365),
	grace_hours integer NOT NULL CHECK (grace_hours BETWEEN 0 AND 720), -- from a month's end until it is closed
	first_month text NOT NULL CHECK (first_month ~ '^[0-9]{4}-[0-9]{2}$'), -- months before it are not invoiced
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL
);

-- Whom an organization's invoices are made out to, from now on.
CREATE TABLE billing_profiles (
	organization_id uuid PRIMARY KEY REFERENCES organizations,
	name text NOT NULL,
	street text NOT NULL DEFAULT '',
	building text NOT NULL DEFAULT '',
	postal_code text NOT NULL,
	town text NOT NULL,
	country text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
	vat_id text NOT NULL DEFAULT '',
	email text NOT NULL DEFAULT '', -- '': those who see the organization's costs are mailed
	language text NOT NULL DEFAULT 'en',
	reference text NOT NULL DEFAULT '', -- the customer's own, such as a purchase order's number
	updated_at timestamptz NOT NULL
);
CALL make_tenant_table('billing_profiles');

ALTER TABLE projects ADD COLUMN cost_centre text NOT NULL DEFAULT '';

-- The close of one organization's month, step by step.
CREATE TABLE invoice_runs (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations,
	month text NOT NULL CHECK (month ~ '^[0-9]{4}-[0-9]{2}$'),
	-- What the month was in the organization's time zone when it was frozen; it begins
	-- where the one before ended.
	from_at timestamptz NOT NULL,
	to_at timestamptz NOT NULL CHECK (to_at > from_at),
	time_zone text NOT NULL,
	state text NOT NULL CHECK (state IN ('frozen', 'rated', 'posted', 'documents', 'mailed', 'nothing')),
	watermark timestamptz NOT NULL, -- what had been recorded by then is in it
	rules text NOT NULL, -- version of the rules that it is rated by
	rated bytea, -- the charges, in canonical form; null: not rated yet
	draft bytea, -- what is invoiced, before it has a number; null: not rated yet, or nothing
	held text NOT NULL DEFAULT '', -- what is lacking of the customer's or the issuer's details
	error text NOT NULL DEFAULT '', -- why the last try failed
	attempts integer NOT NULL DEFAULT 0, -- that failed
	hands integer NOT NULL DEFAULT 0, -- how often somebody had it tried again
	next_at timestamptz, -- when it is tried next; null: it is over
	tried_at timestamptz,
	frozen_at timestamptz NOT NULL,
	ended_at timestamptz,
	CHECK ((next_at IS NULL) = (state IN ('mailed', 'nothing'))),
	CHECK ((ended_at IS NULL) = (next_at IS NOT NULL)),
	UNIQUE (organization_id, month),
	UNIQUE (organization_id, id)
);
CREATE INDEX invoice_runs_due ON invoice_runs (next_at) WHERE next_at IS NOT NULL;
CALL make_tenant_table('invoice_runs');

-- The last number of an issuer's year. The row is locked until the invoice with the
-- number has committed, so that none is left out.
CREATE TABLE invoice_numbers (
	issuer_id uuid NOT NULL REFERENCES issuers,
	year integer NOT NULL,
	last bigint NOT NULL,
	PRIMARY KEY (issuer_id, year)
);
-- +goose StatementBegin
CREATE FUNCTION invoice_numbers_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF (TG_OP = 'INSERT' AND NEW.last <> 1) OR (TG_OP = 'UPDATE' AND ROW(NEW.issuer_id, NEW.year, NEW.last) IS DISTINCT FROM ROW(OLD.issuer_id, OLD.year, OLD.last + 1)) OR TG_OP = 'DELETE' THEN
		RAISE EXCEPTION 'numbers of invoices go up by one, from one' USING ERRCODE = 'restrict_violation';
	END IF;
	RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER invoice_numbers_one_by_one BEFORE INSERT OR UPDATE OR DELETE ON invoice_numbers FOR EACH ROW EXECUTE FUNCTION invoice_numbers_guard();

-- Invoices and credit notes as they were issued.
CREATE TABLE invoices (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations,
	issuer_id uuid NOT NULL REFERENCES issuers,
	run_id uuid UNIQUE, -- null: a credit note
	kind text NOT NULL CHECK (kind IN ('invoice', 'credit-note')),
	number text NOT NULL UNIQUE,
	month text NOT NULL CHECK (month ~ '^[0-9]{4}-[0-9]{2}$'),
	issued_on date NOT NULL, -- in the issuer's time zone
	due_on date,
	currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
	-- Of a credit note: what is given back, and positive.
	net numeric NOT NULL,
	tax numeric NOT NULL,
	gross numeric NOT NULL CHECK (gross = net + tax),
	payable numeric NOT NULL,
	reference text NOT NULL, -- the creditor reference that payments carry
	language text NOT NULL,
	watermark timestamptz NOT NULL,
	rules text NOT NULL,
	rated bytea NOT NULL, -- the charges of the month, in canonical form; empty: a credit note
	document bytea NOT NULL, -- what it says, as JSON
	corrects uuid,
	made_by text NOT NULL DEFAULT '', -- who credited it; '': Souk, by itself
	reason text NOT NULL DEFAULT '', -- why it was credited
	recorded_at timestamptz NOT NULL,
	CHECK ((kind = 'invoice') = (run_id IS NOT NULL AND corrects IS NULL AND due_on IS NOT NULL)),
	UNIQUE (organization_id, id),
	FOREIGN KEY (organization_id, run_id) REFERENCES invoice_runs (organization_id, id),
	FOREIGN KEY (organization_id, corrects) REFERENCES invoices (organization_id, id)
);
CREATE INDEX invoices_organization ON invoices (organization_id, recorded_at, number);
CREATE INDEX invoices_reference ON invoices (reference);
CREATE INDEX invoices_corrects ON invoices (corrects) WHERE corrects IS NOT NULL;
CALL make_tenant_table('invoices');
CREATE TRIGGER invoices_immutable BEFORE UPDATE OR DELETE ON invoices FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- The forms in which they are handed out, made once.
CREATE TABLE invoice_files (
	invoice_id uuid NOT NULL,
	organization_id uuid NOT NULL,
	format text NOT NULL CHECK (format IN ('pdf', 'ubl', 'json')),
	content bytea NOT NULL,
	sha256 text NOT NULL,
	recorded_at timestamptz NOT NULL,
	PRIMARY KEY (invoice_id, format),
	FOREIGN KEY (organization_id, invoice_id) REFERENCES invoices (organization_id, id)
);
CALL make_tenant_table('invoice_files');
CREATE TRIGGER invoice_files_immutable BEFORE UPDATE OR DELETE ON invoice_files FOR EACH ROW EXECUTE FUNCTION forbid_change();

GRANT SELECT ON issuers, billing_profiles, invoice_runs, invoices, invoice_files TO souk_app;
GRANT INSERT, UPDATE ON billing_profiles TO souk_app;
GRANT SELECT, INSERT, UPDATE ON issuers, billing_profiles, invoice_runs, invoice_numbers TO souk_system;
GRANT SELECT, INSERT ON invoices, invoice_files TO souk_system;
