-- Which invoices are not settled: what is done for the open ones looks at these, and not
-- at all that there ever were.

-- +goose Up

CREATE TABLE unsettled_invoices (
	invoice_id uuid PRIMARY KEY,
	organization_id uuid NOT NULL,
	due_on date,
	FOREIGN KEY (organization_id, invoice_id) REFERENCES invoices (organization_id, id)
);
CREATE INDEX unsettled_invoices_organization ON unsettled_invoices (organization_id);
CREATE INDEX unsettled_invoices_due ON unsettled_invoices (due_on);
CALL make_tenant_table('unsettled_invoices');
GRANT SELECT ON unsettled_invoices TO souk_app, souk_system;

INSERT INTO unsettled_invoices SELECT invoice_id, organization_id, due_on FROM invoice_balances WHERE payable - paid - credited - written_off <> 0;

-- Whatever changes what an invoice has open keeps the list.
-- +goose StatementBegin
CREATE FUNCTION keep_unsettled() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
	changed uuid := CASE TG_TABLE_NAME WHEN 'invoices' THEN coalesce((to_jsonb(NEW)->>'corrects')::uuid, (to_jsonb(NEW)->>'id')::uuid) ELSE (to_jsonb(NEW)->>'invoice_id')::uuid END;
BEGIN
	PERFORM FROM invoices WHERE id = changed FOR NO KEY UPDATE; -- one after the other
	DELETE FROM unsettled_invoices u USING invoice_balances b WHERE u.invoice_id = changed AND b.invoice_id = changed AND b.payable - b.paid - b.credited - b.written_off = 0;
	INSERT INTO unsettled_invoices SELECT invoice_id, organization_id, due_on FROM invoice_balances b WHERE b.invoice_id = changed AND b.payable - b.paid - b.credited - b.written_off <> 0 ON CONFLICT DO NOTHING;
	RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER invoices_unsettled AFTER INSERT ON invoices FOR EACH ROW EXECUTE FUNCTION keep_unsettled();
CREATE TRIGGER allocations_unsettled AFTER INSERT ON allocations FOR EACH ROW WHEN (NEW.invoice_id IS NOT NULL) EXECUTE FUNCTION keep_unsettled();
CREATE TRIGGER write_offs_unsettled AFTER UPDATE ON write_offs FOR EACH ROW EXECUTE FUNCTION keep_unsettled();
CREATE TRIGGER write_off_recoveries_unsettled AFTER INSERT ON write_off_recoveries FOR EACH ROW EXECUTE FUNCTION keep_unsettled();

-- An allocation has had its currency since dunning came: it is looked up nowhere else.
ALTER TABLE allocations ALTER COLUMN currency SET NOT NULL;
CREATE OR REPLACE VIEW customer_credits WITH (security_invoker = true) AS
SELECT a.organization_id, a.currency, sum(CASE WHEN a.invoice_id IS NULL THEN a.amount ELSE -a.amount END)::numeric AS amount
FROM allocations a WHERE a.transaction_id IS NULL OR a.invoice_id IS NULL
GROUP BY a.organization_id, a.currency;
CREATE INDEX allocations_credits ON allocations (organization_id, currency) INCLUDE (amount, invoice_id, transaction_id) WHERE transaction_id IS NULL OR invoice_id IS NULL;
DROP INDEX allocations_credit;
