-- For which invoices instances are suspended as long as they are not paid: what is asked each
-- second looks at these, and not at all suspensions that there ever were.

-- +goose Up

-- Invoices that a suspension has come to, and of which something is not paid, written off
-- or not.
CREATE TABLE unpaid_suspensions (
	invoice_id uuid PRIMARY KEY,
	organization_id uuid NOT NULL,
	round integer NOT NULL, -- in which it has come to that last
	FOREIGN KEY (organization_id, invoice_id) REFERENCES invoices (organization_id, id)
);
CREATE INDEX unpaid_suspensions_organization ON unpaid_suspensions (organization_id);
CALL make_tenant_table('unpaid_suspensions');
GRANT SELECT ON unpaid_suspensions TO souk_app, souk_system;

INSERT INTO unpaid_suspensions SELECT b.invoice_id, b.organization_id, max(s.round) FROM dunning_steps s JOIN invoice_balances b ON b.invoice_id = s.invoice_id
WHERE s.step = 'suspended' AND b.payable - b.paid - b.credited > 0 GROUP BY b.invoice_id, b.organization_id;

-- Whatever changes what an invoice has open keeps both lists; so does a suspension.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION keep_unsettled() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
	changed uuid := CASE TG_TABLE_NAME WHEN 'invoices' THEN coalesce((to_jsonb(NEW)->>'corrects')::uuid, (to_jsonb(NEW)->>'id')::uuid) ELSE (to_jsonb(NEW)->>'invoice_id')::uuid END;
BEGIN
	PERFORM FROM invoices WHERE id = changed FOR NO KEY UPDATE; -- one after the other
	DELETE FROM unsettled_invoices u USING invoice_balances b WHERE u.invoice_id = changed AND b.invoice_id = changed AND b.payable - b.paid - b.credited - b.written_off = 0;
	INSERT INTO unsettled_invoices SELECT invoice_id, organization_id, due_on FROM invoice_balances b WHERE b.invoice_id = changed AND b.payable - b.paid - b.credited - b.written_off <> 0 ON CONFLICT DO NOTHING;
	DELETE FROM unpaid_suspensions u USING invoice_balances b WHERE u.invoice_id = changed AND b.invoice_id = changed AND b.payable - b.paid - b.credited <= 0;
	INSERT INTO unpaid_suspensions SELECT b.invoice_id, b.organization_id, s.round FROM invoice_balances b, (SELECT max(d.round) AS round FROM dunning_steps d WHERE d.invoice_id = changed AND d.step = 'suspended') s
	WHERE b.invoice_id = changed AND s.round IS NOT NULL AND b.payable - b.paid - b.credited > 0 ON CONFLICT (invoice_id) DO UPDATE SET round = excluded.round;
	RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER dunning_steps_unsettled AFTER INSERT ON dunning_steps FOR EACH ROW WHEN (NEW.step = 'suspended') EXECUTE FUNCTION keep_unsettled();

-- Organizations whose instances are suspended: of whom an invoice is not paid that it has
-- come to, and nothing holds it. To write off what is owed does not lift it: who has not
-- paid still has not. It is lifted by paying, or by holding dunning.
CREATE OR REPLACE VIEW dunning_due WITH (security_invoker = true) AS
SELECT DISTINCT u.organization_id FROM unpaid_suspensions u
WHERE NOT EXISTS (SELECT FROM dunning_holds h WHERE h.organization_id = u.organization_id AND h.ended_at IS NULL)
	AND u.round = (SELECT count(*) FROM dunning_holds h WHERE h.organization_id = u.organization_id AND h.ended_at IS NOT NULL);
