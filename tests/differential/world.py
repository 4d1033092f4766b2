"""What a database holds now, as the makers of statements need it."""

import json

# Lists in the order of names, so that a seed always gives the same history.
READ = """
SELECT json_build_object(
 'path', current_schemas(false),
 'schemas', (SELECT json_agg(nspname ORDER BY nspname) FROM pg_namespace
   WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'),
 'relations', (SELECT json_agg(json_build_object(
   's', n.nspname, 'n', c.relname, 'k', c.relkind,
   'part', c.relispartition, 'rls', c.relrowsecurity,
   'parent', (SELECT i.inhparent::regclass::text FROM pg_inherits i
              WHERE i.inhrelid = c.oid LIMIT 1),
   'key', CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
   'owned', EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND
                    d.classid = 'pg_class'::regclass AND
                    d.deptype IN ('a', 'i') AND c.relkind = 'S'),
   'cols', coalesce((SELECT json_agg(json_build_object('n', a.attname,
       't', format_type(a.atttypid, a.atttypmod), 'nn', a.attnotnull,
       'd', a.atthasdef, 'i', a.attidentity, 'g', a.attgenerated)
       ORDER BY a.attnum)
     FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
       AND NOT a.attisdropped), '[]'),
   'cons', coalesce((SELECT json_agg(json_build_object('n', o.conname,
       't', o.contype, 'd', pg_get_constraintdef(o.oid), 'v', o.convalidated)
       ORDER BY o.conname)
     FROM pg_constraint o WHERE o.conrelid = c.oid AND o.contype <> 't'),
     '[]'),
   'idx', coalesce((SELECT json_agg(json_build_object('n', x.relname,
       'u', i.indisunique, 'plain', i.indpred IS NULL AND i.indexprs IS NULL,
       'c', EXISTS (SELECT 1 FROM pg_constraint o WHERE o.conindid = x.oid),
       'cols', (SELECT json_agg(a.attname ORDER BY a.attnum)
          FROM pg_attribute a
          WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey)))
       ORDER BY x.relname)
     FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
     WHERE i.indrelid = c.oid), '[]'),
   'trg', coalesce((SELECT json_agg(tgname ORDER BY tgname)
     FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal), '[]'),
   'pol', coalesce((SELECT json_agg(polname ORDER BY polname)
     FROM pg_policy WHERE polrelid = c.oid), '[]'))
   ORDER BY n.nspname, c.relname)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND c.relkind IN ('r', 'p', 'v', 'm', 'S')),
 'types', (SELECT json_agg(json_build_object('s', n.nspname, 'n', t.typname,
   'k', t.typtype, 'labels', (SELECT json_agg(e.enumlabel
      ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid),
   'base', format_type(t.typbasetype, t.typtypmod),
   'attrs', (SELECT json_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
      WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped),
   'cons', (SELECT json_agg(o.conname ORDER BY o.conname)
      FROM pg_constraint o WHERE o.contypid = t.oid))
   ORDER BY n.nspname, t.typname)
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
  WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND (t.typtype IN ('e', 'd') OR t.typtype = 'c' AND EXISTS (SELECT 1
      FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))),
 'functions', (SELECT json_agg(json_build_object('s', n.nspname,
   'n', p.proname, 'k', p.prokind, 'a', pg_get_function_identity_arguments(
     p.oid), 'trigger', p.prorettype = 'trigger'::regtype)
   ORDER BY n.nspname, p.proname, p.oid::regprocedure::text)
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid
     AND d.deptype = 'e')))
"""

PLAIN = set("abcdefghijklmnopqrstuvwxyz0123456789_")
RESERVED = {"order", "user", "group", "select", "table", "default", "limit",
            "check", "end", "desc", "offset"}


class World:
    """The lists of READ, and names as one may write them in a statement."""

    def __init__(self, session, rng):
        self.session, self.rng = session, rng
        self.refresh()

    def refresh(self):
        data = json.loads(self.session.run(READ))
        for key, value in data.items():
            setattr(self, key, value or [])
        self.schemas = self.schemas or ["public"]  # even that was dropped

    def quote(self, name):
        """An identifier in one of the ways it can be written."""
        simple = set(name) <= PLAIN and not name[0].isdigit() and \
            name not in RESERVED
        if not simple or self.rng.random() < 0.12:
            return '"' + name.replace('"', '""') + '"'
        return name.upper() if self.rng.random() < 0.05 else name

    def name(self, thing, among=None):
        """An object's name, with its schema unless the path finds it."""
        if among is None:
            among = self.relations
        first = None
        for schema in self.path:
            if any(o["s"] == schema and o["n"] == thing["n"] for o in among):
                first = schema
                break
        if first == thing["s"] and self.rng.random() < 0.75:
            return self.quote(thing["n"])
        return f'{self.quote(thing["s"])}.{self.quote(thing["n"])}'

    def kinds(self, kinds, test=None):
        return [r for r in self.relations if r["k"] in kinds and
                (not test or test(r))]
