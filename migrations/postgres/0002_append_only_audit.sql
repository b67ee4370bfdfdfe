-- The trail only grows: whoever rewrites it has to break the lock first, and the chain shows it.
CREATE FUNCTION audit_refuses_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only';
END
$$;
CREATE TRIGGER audit_refuses_update BEFORE UPDATE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_refuses_change();
CREATE TRIGGER audit_refuses_delete BEFORE DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_refuses_change();
CREATE TRIGGER audit_refuses_truncate BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuses_change();
