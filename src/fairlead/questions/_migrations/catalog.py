"""What PostgreSQL is asked: the shape of a database, and a trace of what statements hold.

Catalogs as in postgresql.org/docs/current/catalogs.html; event triggers as in
event-trigger-definition.html. The trace is made by the server itself, so it sees what the app's own
migrate command does, whatever its tool.
"""

_OURS = """
    n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', 'fairlead_trace')
"""
_NAMED = "CASE WHEN n.nspname = 'public' THEN '' ELSE n.nspname || '.' END ||"

SHAPE = f"""
SELECT json_build_object(
'relations', (SELECT coalesce(json_agg(json_build_object(
    'name', {_NAMED} c.relname, 'id', c.oid::bigint, 'kind', c.relkind,
    'rows', CASE WHEN c.relkind IN ('r', 'p') THEN (xpath('/row/c/text()', query_to_xml(format(
        'SELECT count(*) AS c FROM (SELECT 1 FROM %s LIMIT 200000) AS s', c.oid::regclass),
        false, true, '')))[1]::text::bigint ELSE 0 END,
    'columns', (SELECT coalesce(json_agg(json_build_object(
        'name', a.attname, 'number', a.attnum, 'type', format_type(a.atttypid, a.atttypmod),
        'required', a.attnotnull, 'fills', a.atthasdef OR a.attidentity <> '',
        'labels', (SELECT coalesce(json_agg(e.enumlabel ORDER BY e.enumsortorder), '[]')
            FROM pg_enum e WHERE e.enumtypid = a.atttypid)
        ) ORDER BY a.attnum), '[]')
        FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
    'constraints', (SELECT coalesce(json_agg(r ORDER BY r->>'name'), '[]') FROM (
        SELECT json_build_object('name', k.conname, 'kind', k.contype,
            'text', regexp_replace(pg_get_constraintdef(k.oid), ' NOT VALID$', ''),
            'columns', (SELECT coalesce(json_agg(a.attname), '[]') FROM pg_attribute a
                WHERE a.attrelid = c.oid AND a.attnum = ANY (k.conkey))) AS r
        FROM pg_constraint k
        WHERE k.conrelid = c.oid AND k.contype IN ('c', 'f', 'p', 'u', 'x')
        UNION ALL
        SELECT json_build_object('name', i.indexrelid::regclass::text, 'kind', 'i',
            'text', pg_get_indexdef(i.indexrelid),
            'columns', (SELECT coalesce(json_agg(a.attname), '[]') FROM pg_attribute a
                WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey::int2[])))
        FROM pg_index i
        WHERE i.indrelid = c.oid AND i.indisunique
            AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)
        UNION ALL
        SELECT json_build_object('name', t.tgname, 'kind', 't',
            'text', pg_get_triggerdef(t.oid), 'columns', '[]'::json)
        FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal
        UNION ALL
        SELECT json_build_object('name', 'row security', 'kind', 'r',
            'text', 'row security', 'columns', '[]'::json)
        WHERE c.relrowsecurity) AS s)
    ) ORDER BY n.nspname, c.relname), '[]')
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND {_OURS} AND NOT EXISTS (
        SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')),
'functions', (SELECT coalesce(json_agg(p.oid::regprocedure::text ORDER BY 1), '[]')
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE {_OURS} AND NOT EXISTS (
        SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')));
"""  # noqa: S608

# Counts go on where a transaction is rolled back, which most tests do.
TOUCHES = f"""
SELECT coalesce(json_agg(json_build_object('relation', {_NAMED} s.relname,
    'reads', coalesce(s.seq_scan, 0) + coalesce(s.idx_scan, 0),
    'writes', s.n_tup_ins + s.n_tup_upd)), '[]')
FROM pg_stat_user_tables s JOIN pg_namespace n ON n.nspname = s.schemaname WHERE {_OURS};
"""  # noqa: S608

TRACE = f"""
CREATE SCHEMA fairlead_trace;
CREATE TABLE fairlead_trace.relation AS
    SELECT c.oid AS id, {_NAMED} c.relname AS name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'm') AND {_OURS};
CREATE TABLE fairlead_trace.seen (
    number serial, transaction bigint, tag text, relation text, statement text,
    modes text[], held json, scans bigint, rewritten boolean);
CREATE FUNCTION fairlead_trace.began() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM set_config('fairlead.held', (SELECT coalesce(json_object_agg(r.id, json_build_object(
        'modes', ARRAY(SELECT DISTINCT l.mode FROM pg_locks l WHERE l.pid = pg_backend_pid()
            AND l.granted AND l.locktype = 'relation' AND l.relation = r.id),
        'scans', s.seq_scan)), '{{}}')::text
        FROM fairlead_trace.relation r JOIN pg_stat_xact_all_tables s ON s.relid = r.id), false);
END $$;
CREATE FUNCTION fairlead_trace.ended() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    held json := coalesce(nullif(current_setting('fairlead.held', true), ''), '{{}}')::json;
BEGIN
    INSERT INTO fairlead_trace.seen (transaction, tag, relation, statement, modes, held, scans)
    SELECT txid_current(), TG_TAG, r.name, left(current_query(), 20000), array_agg(DISTINCT l.mode),
        coalesce(held -> r.id::text -> 'modes', '[]'),
        coalesce(max(s.seq_scan), 0) - coalesce((held -> r.id::text ->> 'scans')::bigint, 0)
    FROM pg_locks l JOIN fairlead_trace.relation r ON r.id = l.relation
        LEFT JOIN pg_stat_xact_all_tables s ON s.relid = r.id
    WHERE l.pid = pg_backend_pid() AND l.granted AND l.locktype = 'relation'
    GROUP BY r.id, r.name;
    INSERT INTO fairlead_trace.seen (transaction, tag) VALUES (txid_current(), TG_TAG);
END $$;
CREATE FUNCTION fairlead_trace.rewrote() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
AS $$
BEGIN
    INSERT INTO fairlead_trace.seen (transaction, tag, relation, statement, rewritten)
    SELECT txid_current(), TG_TAG, r.name, left(current_query(), 20000), true
    FROM fairlead_trace.relation r WHERE r.id = pg_event_trigger_table_rewrite_oid();
END $$;
CREATE EVENT TRIGGER fairlead_began ON ddl_command_start EXECUTE FUNCTION fairlead_trace.began();
CREATE EVENT TRIGGER fairlead_ended ON ddl_command_end EXECUTE FUNCTION fairlead_trace.ended();
CREATE EVENT TRIGGER fairlead_rewrote ON table_rewrite EXECUTE FUNCTION fairlead_trace.rewrote();
ALTER EVENT TRIGGER fairlead_began ENABLE ALWAYS;
ALTER EVENT TRIGGER fairlead_ended ENABLE ALWAYS;
ALTER EVENT TRIGGER fairlead_rewrote ENABLE ALWAYS;
"""  # noqa: S608

# Whether the trace is still whole, and what it holds.
TRACED = """
SELECT json_build_object(
'whole', (SELECT count(*) = 3 FROM pg_event_trigger
    WHERE evtname LIKE 'fairlead\\_%' AND evtenabled = 'A'),
'commands', (SELECT count(*) FROM fairlead_trace.seen WHERE relation IS NULL),
'seen', (SELECT coalesce(json_agg(json_build_object('transaction', transaction, 'tag', tag,
    'relation', relation, 'statement', statement, 'modes', coalesce(modes, '{}'),
    'held', coalesce(held, '[]'), 'scans', coalesce(scans, 0),
    'rewritten', coalesce(rewritten, false)) ORDER BY number), '[]') FROM fairlead_trace.seen
    WHERE relation IS NOT NULL));
"""
UNTRACE = "SET client_min_messages = warning; DROP SCHEMA fairlead_trace CASCADE;"
