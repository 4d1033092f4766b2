-- Rows of catalog_diff_spec: name, base (SQL before), up (SQL between), want
-- (labels of reasons and cautions), back (the same when the sides are
-- exchanged). "s." is the row's own schema, s_b and s_c
-- others of its own.
local rows = {}

local function row(name, base, up, want, back)
  rows[#rows + 1] = { name = name, base = base, up = up, want = want,
                      back = back }
end

-- relations

row("a table dropped", "CREATE TABLE t (id serial)", "DROP TABLE t",
    { "table_removed: s.t" }, {})
row("a table renamed", "CREATE TABLE t (id int)",
    "ALTER TABLE t RENAME TO t2", { "table_renamed: s.t -> s.t2" },
    { "table_renamed: s.t2 -> s.t" })
row("a table in another schema", "CREATE TABLE t (id serial)",
    "ALTER TABLE t SET SCHEMA s_b",
    { "table_moved_schema: s.t -> s_b.t",
      "sequence_moved_schema: s.t_id_seq -> s_b.t_id_seq" })
row("a table made again", "CREATE TABLE t (id int, a text)",
    "DROP TABLE t; CREATE TABLE t (id int, a text)",
    { "table_recreated: s.t" })
row("a table made again with less", "CREATE TABLE t (id int, a text)",
    "DROP TABLE t; CREATE TABLE t (id int NOT NULL)",
    { "table_recreated: s.t", "column_removed: s.t.a",
      "not_null_added: s.t.id" })
row("a table rebuilt under its name", "CREATE TABLE t (a int, b int)",
    "CREATE TABLE n (b int, z int, a int); DROP TABLE t; "
    .. "ALTER TABLE n RENAME TO t",
    { "table_recreated: s.t", "column_order_changed: s.t",
      "column_inserted_before_end: s.t.z" })
row("two tables that swap names", "CREATE TABLE t (a int); "
    .. "CREATE TABLE u (a int, b int)",
    "ALTER TABLE t RENAME TO x; ALTER TABLE u RENAME TO t; "
    .. "ALTER TABLE x RENAME TO u",
    { "table_swapped: s.t (old table is now s.u)",
      "table_swapped: s.u (old table is now s.t)",
      "column_removed: s.u.b" })
row("a view of the old name", "CREATE TABLE t (a int NOT NULL DEFAULT 1)",
    "ALTER TABLE t RENAME TO u; CREATE VIEW t AS SELECT * FROM u",
    { "table_swapped: s.t (old table is now s.u)",
      "relation_kind_changed: s.t: table -> view" })
row("a view of the old name without a column",
    "CREATE TABLE t (a int, b int)",
    "ALTER TABLE t RENAME TO u; CREATE VIEW t AS SELECT a FROM u",
    { "table_swapped: s.t (old table is now s.u)", "column_removed: s.t.b",
      "relation_kind_changed: s.t: table -> view" })
row("a view of the old name that cannot be written",
    "CREATE TABLE t (a int)",
    "ALTER TABLE t RENAME TO u; "
    .. "CREATE VIEW t AS SELECT DISTINCT a FROM u",
    { "table_swapped: s.t (old table is now s.u)",
      "relation_kind_changed: s.t: table -> view",
      "relation_no_longer_writable: s.t table -> view" })
row("a view that cannot be written any more",
    "CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t",
    "CREATE OR REPLACE VIEW v AS SELECT a FROM t GROUP BY a",
    { "relation_no_longer_writable: s.v", "view_definition_changed: s.v" },
    { "view_definition_changed: s.v" })
row("a view of the old name that triggers write for",
    "CREATE TABLE t (a int)",
    "ALTER TABLE t RENAME TO u; CREATE VIEW t AS SELECT DISTINCT a FROM u; "
    .. "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS "
    .. "'BEGIN RETURN NEW; END'; CREATE TRIGGER i INSTEAD OF INSERT OR UPDATE "
    .. "OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION f()",
    { "table_swapped: s.t (old table is now s.u)",
      "relation_kind_changed: s.t: table -> view" })
row("a view that checks what is written through it",
    "CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t WHERE a > 1; "
    .. "CREATE VIEW w AS SELECT a FROM t",
    "ALTER VIEW v SET (check_option = local); "
    .. "ALTER VIEW w SET (security_barrier)",
    { "check_added: s.v WITH LOCAL CHECK OPTION",
      "view_definition_changed: s.v", "view_definition_changed: s.w" },
    { "view_definition_changed: s.v", "view_definition_changed: s.w" })
row("a sequence in a table's place", "CREATE TABLE t (a int)",
    "DROP TABLE t; CREATE SEQUENCE t",
    { "table_recreated: s.t", "relation_kind_changed: s.t: table -> sequence",
      "relation_no_longer_writable: s.t table -> sequence",
      "column_removed: s.t.a" })
row("views dropped, renamed, moved",
    "CREATE VIEW a AS SELECT 1 AS x; CREATE VIEW b AS SELECT 1 AS x; "
    .. "CREATE VIEW c AS SELECT 1 AS x",
    "DROP VIEW a; ALTER VIEW b RENAME TO b2; ALTER VIEW c SET SCHEMA s_b",
    { "view_removed: s.a", "view_renamed: s.b -> s.b2",
      "view_moved_schema: s.c -> s_b.c" })
row("materialized views dropped, renamed, moved, emptied",
    "CREATE MATERIALIZED VIEW a AS SELECT 1 AS x; "
    .. "CREATE MATERIALIZED VIEW b AS SELECT 1 AS x; "
    .. "CREATE MATERIALIZED VIEW c AS SELECT 1 AS x; "
    .. "CREATE MATERIALIZED VIEW d AS SELECT 1 AS x",
    "DROP MATERIALIZED VIEW a; ALTER MATERIALIZED VIEW b RENAME TO b2; "
    .. "ALTER MATERIALIZED VIEW c SET SCHEMA s_b; "
    .. "REFRESH MATERIALIZED VIEW d WITH NO DATA",
    { "matview_removed: s.a", "matview_renamed: s.b -> s.b2",
      "matview_moved_schema: s.c -> s_b.c", "matview_unpopulated: s.d" },
    { "matview_renamed: s.b2 -> s.b", "matview_moved_schema: s_b.c -> s.c" })
row("a materialized view made again", "CREATE MATERIALIZED VIEW m AS "
    .. "SELECT 1 AS x; CREATE UNIQUE INDEX ON m (x); CREATE INDEX i ON m (x)",
    "DROP MATERIALIZED VIEW m; CREATE MATERIALIZED VIEW m AS SELECT 1 AS x",
    { "unique_removed: s.m(x)", "index_removed: s.m(x)" })
row("a view made again", "CREATE VIEW v AS SELECT 1 AS x, 2 AS y",
    "DROP VIEW v; CREATE VIEW v AS SELECT 1 AS x",
    { "view_definition_changed: s.v", "view_column_removed: s.v.y" },
    { "view_definition_changed: s.v" })
row("a view's column renamed", "CREATE VIEW v AS SELECT 1 AS x",
    "ALTER VIEW v RENAME COLUMN x TO y",
    { "view_definition_changed: s.v", "column_renamed: s.v.x -> y" })
row("sequences", "CREATE SEQUENCE a; CREATE SEQUENCE b; CREATE SEQUENCE c; "
    .. "CREATE SEQUENCE d",
    "DROP SEQUENCE a; ALTER SEQUENCE b RENAME TO b2; "
    .. "ALTER SEQUENCE c SET SCHEMA s_b; ALTER SEQUENCE d INCREMENT 5",
    { "sequence_removed: s.a", "sequence_renamed: s.b -> s.b2",
      "sequence_moved_schema: s.c -> s_b.c", "sequence_changed: s.d" })
row("a sequence made again", "CREATE SEQUENCE a",
    "DROP SEQUENCE a; CREATE SEQUENCE a", {})
row("a serial's sequence renamed", "CREATE TABLE t (id serial)",
    "ALTER SEQUENCE t_id_seq RENAME TO ids",
    { "sequence_renamed: s.t_id_seq -> s.ids" })
row("foreign tables",
    "CREATE FOREIGN DATA WRAPPER w_s; CREATE SERVER srv_s FOREIGN DATA "
    .. "WRAPPER w_s; CREATE FOREIGN TABLE a (x int) SERVER srv_s; "
    .. "CREATE FOREIGN TABLE b (x int) SERVER srv_s; "
    .. "CREATE FOREIGN TABLE c (x int) SERVER srv_s",
    "DROP FOREIGN TABLE a; ALTER FOREIGN TABLE b RENAME TO b2; "
    .. "ALTER FOREIGN TABLE c SET SCHEMA s_b",
    { "foreign_table_removed: s.a", "foreign_table_renamed: s.b -> s.b2",
      "foreign_table_moved_schema: s.c -> s_b.c" })
row("a table that loses its log", "CREATE TABLE t (id int)",
    "ALTER TABLE t SET UNLOGGED; ALTER TABLE t REPLICA IDENTITY FULL", {})

-- partitions and inheritance

row("partitions", "CREATE TABLE p (k int) PARTITION BY RANGE (k); "
    .. "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1) TO (9); "
    .. "CREATE TABLE lone (k int); CREATE TABLE fits (k int NOT NULL, "
    .. "CHECK (k >= 30 AND k < 40))",
    "ALTER TABLE p DETACH PARTITION p1; ALTER TABLE p ATTACH PARTITION lone "
    .. "FOR VALUES FROM (20) TO (30); ALTER TABLE p ATTACH PARTITION fits "
    .. "FOR VALUES FROM (30) TO (40); "
    .. "CREATE TABLE more PARTITION OF p DEFAULT",
    { "partition_detached: s.p1 from s.p",
      "partition_constraint_added: s.lone" })
row("a default partition that a new one narrows",
    "CREATE TABLE p (k int) PARTITION BY LIST (k); "
    .. "CREATE TABLE d PARTITION OF p DEFAULT",
    "CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)", {})
row("another partition key", "CREATE TABLE p (k int, l int) "
    .. "PARTITION BY RANGE (k)", "DROP TABLE p; CREATE TABLE p "
    .. "(k int, l int) PARTITION BY RANGE (l)",
    { "table_recreated: s.p", "partition_key_changed: s.p" })
row("a child that leaves its parent", "CREATE TABLE p (a int); "
    .. "CREATE TABLE c () INHERITS (p)", "ALTER TABLE c NO INHERIT p",
    { "inheritance_removed: s.c from s.p" }, {})

-- columns

row("columns dropped and renamed", "CREATE TABLE t (a int, b int, c int)",
    "ALTER TABLE t DROP a; ALTER TABLE t RENAME b TO bb",
    { "column_removed: s.t.a", "column_renamed: s.t.b -> bb" })
row("a column swapped", "CREATE TABLE t (a text, b int)",
    "ALTER TABLE t RENAME a TO a_old; ALTER TABLE t ADD a text",
    { "column_swapped: s.t.a (old column is now a_old)",
      "column_order_changed: s.t", "column_inserted_before_end: s.t.a_old" })
row("a column made again with another type", "CREATE TABLE t (a text)",
    "ALTER TABLE t DROP a; ALTER TABLE t ADD a int",
    { "column_recreated: s.t.a", "column_type_changed: s.t.a text -> integer"
    })
row("types that hold every value", "CREATE TABLE t (a varchar(5), "
    .. "b varchar(5), c numeric(6,2), d numeric(6,2), e char(3), f text, "
    .. "g varbit(3), h timestamp(0), i varchar(3)[])",
    "ALTER TABLE t ALTER a TYPE varchar(9), ALTER b TYPE text, "
    .. "ALTER c TYPE numeric(8,3), ALTER d TYPE numeric, "
    .. "ALTER e TYPE char(9), ALTER f TYPE varchar, ALTER g TYPE varbit(9), "
    .. "ALTER h TYPE timestamp(6), ALTER i TYPE varchar(9)[]", {},
    { "column_type_narrowed: s.t.a character varying(9) -> "
        .. "character varying(5)",
      "column_type_narrowed: s.t.b text -> character varying(5)",
      "column_type_narrowed: s.t.c numeric(8,3) -> numeric(6,2)",
      "column_type_narrowed: s.t.d numeric -> numeric(6,2)",
      "column_type_narrowed: s.t.e character(9) -> character(3)",
      "column_type_narrowed: s.t.g bit varying(9) -> bit varying(3)",
      "column_type_narrowed: s.t.h timestamp(6) without time zone -> "
        .. "timestamp(0) without time zone",
      "column_type_narrowed: s.t.i character varying(9)[] -> "
        .. "character varying(3)[]" })
row("types that are others", "CREATE TABLE t (a int, b smallint, "
    .. "c timestamp, d char(3), e text, f numeric(6,2), g real, h bit(3))",
    "ALTER TABLE t ALTER a TYPE bigint, ALTER b TYPE bigint, "
    .. "ALTER c TYPE date, ALTER d TYPE varchar(3), "
    .. "ALTER e TYPE text[] USING NULL, ALTER f TYPE numeric(6,3), "
    .. "ALTER g TYPE float8, ALTER h TYPE bit(5)",
    { "column_type_int_widened: s.t.a integer -> bigint",
      "column_type_int_widened: s.t.b smallint -> bigint",
      "column_type_changed: s.t.c timestamp without time zone -> date",
      "column_type_changed: s.t.d character(3) -> character varying(3)",
      "column_type_changed: s.t.e text -> text[]",
      "column_type_narrowed: s.t.f numeric(6,2) -> numeric(6,3)",
      "column_type_changed: s.t.g real -> double precision",
      "column_type_changed: s.t.h bit(3) -> bit(5)" })
row("an integer narrowed", "CREATE TABLE t (a bigint)",
    "ALTER TABLE t ALTER a TYPE int",
    { "column_type_int_narrowed: s.t.a bigint -> integer" })
row("a collation", "CREATE TABLE t (a text)",
    [[ALTER TABLE t ALTER a TYPE text COLLATE "C"]],
    { "collation_changed: s.t.a None -> C" },
    { "collation_changed: s.t.a C -> None" })
row("NOT NULL", "CREATE TABLE t (a int, b int NOT NULL)",
    "ALTER TABLE t ALTER a SET NOT NULL, ALTER b DROP NOT NULL",
    { "not_null_added: s.t.a", "not_null_dropped: s.t.b" })
row("NOT NULL that a CHECK has demanded",
    "CREATE TABLE t (a int, b int, "
    .. "CHECK (a IS NOT NULL AND b > 1), CHECK (b IS NOT NULL))",
    "ALTER TABLE t ALTER a SET NOT NULL, ALTER b SET NOT NULL", {})
row("NOT NULL that becomes a CHECK", "CREATE TABLE t (a int NOT NULL)",
    "ALTER TABLE t ADD CHECK (a IS NOT NULL), ALTER a DROP NOT NULL", {})
row("defaults", "CREATE TABLE t (a int DEFAULT 1, b int NOT NULL DEFAULT 1, "
    .. "c int DEFAULT 1, d int, e int DEFAULT 1)",
    "ALTER TABLE t ALTER a DROP DEFAULT, ALTER b DROP DEFAULT, "
    .. "ALTER c SET DEFAULT 2, ALTER d SET DEFAULT 1, ALTER e SET DEFAULT 1",
    { "default_dropped: s.t.a", "default_dropped_on_not_null: s.t.b",
      "default_changed: s.t.c 1 -> 2" },
    { "default_changed: s.t.c 2 -> 1", "default_dropped: s.t.d" })
row("defaults that are refused", "CREATE TABLE p (id int PRIMARY KEY); "
    .. "CREATE TABLE t (a int UNIQUE, b int REFERENCES p ON DELETE CASCADE, "
    .. "c int CONSTRAINT c CHECK (c > 5), d int CONSTRAINT d CHECK (d > 5), "
    .. "e int CONSTRAINT e CHECK (e > 5), f uuid UNIQUE)",
    "ALTER TABLE t ALTER a SET DEFAULT 1, ALTER b SET DEFAULT 1, "
    .. "ALTER c SET DEFAULT 1, ALTER d SET DEFAULT 9, "
    .. "ALTER e SET DEFAULT length(current_user), "
    .. "ALTER f SET DEFAULT gen_random_uuid()",
    { "default_refused: s.t.a by t_a_key", "default_refused: s.t.b by "
      .. "t_b_fkey", "default_refused: s.t.c by c",
      "unknown default_refused: s.t.e by e" })
row("columns that older INSERTs need not name", "CREATE TABLE t (a int)",
    "ALTER TABLE t ADD b int NOT NULL DEFAULT 1, ADD c serial, "
    .. "ADD d int GENERATED ALWAYS AS IDENTITY, ADD e int, "
    .. "ADD f int GENERATED ALWAYS AS (a) STORED, "
    .. "ADD g uuid NOT NULL DEFAULT gen_random_uuid()", {})
row("columns that they must name", "CREATE TABLE t (a int)",
    "CREATE DOMAIN need AS int NOT NULL; CREATE DOMAIN has AS int "
    .. "DEFAULT 1 NOT NULL; ALTER TABLE t ADD b int NOT NULL, ADD c need, "
    .. "ADD d has, ADD e int DEFAULT NULL, ADD f json",
    { "required_column_added: s.t.b", "required_column_added: s.t.c",
      "json_column_added: s.t.f" })
row("identity", "CREATE TABLE t (a int GENERATED BY DEFAULT AS IDENTITY, "
    .. "b serial, c int GENERATED ALWAYS AS IDENTITY, "
    .. "d int GENERATED ALWAYS AS IDENTITY)",
    "ALTER TABLE t ALTER a SET GENERATED ALWAYS; "
    .. "ALTER TABLE t ALTER b DROP DEFAULT; "
    .. "ALTER TABLE t ALTER b ADD GENERATED ALWAYS AS IDENTITY; "
    .. "ALTER TABLE t ALTER c SET GENERATED BY DEFAULT; "
    .. "ALTER TABLE t ALTER d DROP IDENTITY",
    { "identity_became_always: s.t.a", "identity_became_always: s.t.b",
      "default_dropped_on_not_null: s.t.d" })
row("generated columns", "CREATE TABLE t (a int, "
    .. "b int GENERATED ALWAYS AS (a) STORED, c int)",
    "ALTER TABLE t ALTER b DROP EXPRESSION; ALTER TABLE t DROP c; "
    .. "ALTER TABLE t ADD c int GENERATED ALWAYS AS (a) STORED",
    { "default_dropped: s.t.b", "column_no_longer_generated: s.t.b",
      "column_recreated: s.t.c", "column_became_generated: s.t.c" })
row("another generated expression", "CREATE TABLE t (a int, "
    .. "b int GENERATED ALWAYS AS (a + 1) STORED)",
    "ALTER TABLE t DROP b; "
    .. "ALTER TABLE t ADD b int GENERATED ALWAYS AS (a + 2) STORED",
    { "column_recreated: s.t.b", "generated_expression_changed: s.t.b" })

-- keys and indexes

row("a key added", "CREATE TABLE t (a int, b int, c int, d int)",
    "ALTER TABLE t ADD UNIQUE (a); CREATE UNIQUE INDEX ON t (b) "
    .. "WHERE c > 1; ALTER TABLE t ADD UNIQUE NULLS NOT DISTINCT (d)",
    { "unique_added: s.t(a)", "unique_added: s.t(b) WHERE (c > 1)",
      "unique_added: s.t(d)" },
    { "unique_removed: s.t(a)", "unique_removed: s.t(b) WHERE (c > 1)",
      "unique_removed: s.t(d)" })
row("a key changed", "CREATE TABLE t (a text, b int, UNIQUE (a))",
    "ALTER TABLE t DROP CONSTRAINT t_a_key; "
    .. "CREATE UNIQUE INDEX ON t (lower(a))",
    { "unique_removed: s.t(a)", "unique_changed: s.t(lower(a))" })
row("a key that a shorter one implies",
    "CREATE TABLE t (a int PRIMARY KEY, b int, c int)",
    "ALTER TABLE t ADD UNIQUE (a, b); "
    .. "CREATE UNIQUE INDEX ON t (a) WHERE b IS NULL", {})
row("a key over fewer rows", "CREATE TABLE t (a int, b int); "
    .. "CREATE UNIQUE INDEX i ON t (a) WHERE b > 1",
    "DROP INDEX i; CREATE UNIQUE INDEX i ON t (a) WHERE b > 1 AND b < 9",
    { "unique_removed: s.t(a) WHERE (b > 1)" },
    { "unique_removed: s.t(a) WHERE ((b > 1) AND (b < 9))",
      "unique_changed: s.t(a) WHERE (b > 1)" })
row("a key that becomes another kind of key",
    "CREATE TABLE t (a int NOT NULL, UNIQUE (a))",
    "ALTER TABLE t DROP CONSTRAINT t_a_key; ALTER TABLE t ADD PRIMARY KEY (a)",
    {}, {})
row("keys on columns that are new", "CREATE TABLE t (a int)",
    "ALTER TABLE t ADD b int UNIQUE, ADD c serial PRIMARY KEY, ADD d int; "
    .. "CREATE UNIQUE INDEX ON t (a) WHERE d IS NOT NULL", {})
row("keys on new columns that older rows all fill alike",
    "CREATE TABLE t (a int)",
    "ALTER TABLE t ADD b int DEFAULT 1 UNIQUE; "
    .. "ALTER TABLE t ADD c int UNIQUE NULLS NOT DISTINCT",
    { "unique_added: s.t(b)", "unique_added: s.t(c)" })
row("a key that can no longer be deferred to",
    "CREATE TABLE t (a int, UNIQUE (a))", "ALTER TABLE t DROP CONSTRAINT "
    .. "t_a_key; ALTER TABLE t ADD UNIQUE (a) DEFERRABLE",
    { "unique_removed: s.t(a)" })
row("a key that is checked at once", "CREATE TABLE t (a int, "
    .. "UNIQUE (a) DEFERRABLE)", "ALTER TABLE t DROP CONSTRAINT "
    .. "t_a_key; ALTER TABLE t ADD UNIQUE (a)",
    { "unique_changed: s.t(a) (no longer deferrable)" })
row("arrays of texts", "CREATE TABLE t (a varchar[], b varchar(5)[])",
    "ALTER TABLE t ALTER a TYPE text[], ALTER b TYPE varchar(9)[]",
    { "column_type_changed: s.t.a character varying[] -> text[]" })
row("a key that goes with its column", "CREATE TABLE t (a int UNIQUE, b int)",
    "ALTER TABLE t DROP a", { "column_removed: s.t.a" })
row("a key on a renamed column", "CREATE TABLE t (a int UNIQUE, b int "
    .. "CHECK (b > 1)); CREATE INDEX ON t (b)",
    "ALTER TABLE t RENAME a TO aa; ALTER TABLE t RENAME b TO bb",
    { "column_renamed: s.t.a -> aa", "column_renamed: s.t.b -> bb" })
row("constraints renamed", "CREATE TABLE t (a int UNIQUE, "
    .. "b int CONSTRAINT ck CHECK (b > 1)); CREATE INDEX i ON t (b)",
    "ALTER TABLE t RENAME CONSTRAINT t_a_key TO k; "
    .. "ALTER TABLE t RENAME CONSTRAINT ck TO c; ALTER INDEX i RENAME TO j",
    { "constraint_renamed: s.t.t_a_key -> k",
      "constraint_renamed: s.t.ck -> c" })
row("an index dropped", "CREATE TABLE t (a int, b int); "
    .. "CREATE INDEX i ON t (a, b) WHERE a > 1; CREATE INDEX k ON t (b)",
    "DROP INDEX i; DROP INDEX k; CREATE INDEX l ON t (b)",
    { "index_removed: s.t(a, b) WHERE (a > 1)" })
row("an index on an expression", "CREATE TABLE t (a text)",
    "CREATE INDEX i ON t (lower(a)); CREATE INDEX k ON t (a)",
    { "expression_index_added: s.i" })

-- foreign keys

row("a foreign key", "CREATE TABLE p (id int PRIMARY KEY); "
    .. "CREATE TABLE t (a int)",
    "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p NOT VALID",
    { "fk_added: s.t(a) -> s.p" }, { "fk_removed: s.t(a) -> s.p" })
row("actions of foreign keys", "CREATE TABLE p (id int PRIMARY KEY); "
    .. "CREATE TABLE t (a int CONSTRAINT f REFERENCES p ON DELETE CASCADE "
    .. "ON UPDATE CASCADE)",
    "ALTER TABLE t DROP CONSTRAINT f, "
    .. "ADD CONSTRAINT g FOREIGN KEY (a) REFERENCES p",
    { "fk_on_delete_tightened: s.t(a) -> s.p c -> a",
      "fk_on_update_tightened: s.t(a) -> s.p c -> a" },
    { "fk_on_delete_changed: s.t(a) -> s.p a -> c",
      "fk_on_update_changed: s.t(a) -> s.p a -> c" })
row("a foreign key that was lost with its action",
    "CREATE TABLE p (id int PRIMARY KEY); "
    .. "CREATE TABLE t (a int CONSTRAINT f REFERENCES p ON DELETE SET NULL)",
    "ALTER TABLE t DROP CONSTRAINT f",
    { "fk_removed: s.t(a) -> s.p (was ON DELETE SET NULL)" })
row("a foreign key that is not deferred any more",
    "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE t (a int CONSTRAINT f "
    .. "REFERENCES p DEFERRABLE INITIALLY DEFERRED)",
    "ALTER TABLE t ALTER CONSTRAINT f NOT DEFERRABLE",
    { "fk_added: s.t(a) -> s.p (no longer deferrable)" }, {})
row("foreign keys on new columns", "CREATE TABLE p (id int PRIMARY KEY); "
    .. "CREATE TABLE t (a int)",
    "ALTER TABLE t ADD b int REFERENCES p, "
    .. "ADD c int REFERENCES p ON DELETE SET NULL, "
    .. "ADD d int DEFAULT 0 REFERENCES p",
    { "new_fk_can_block_parent_delete: s.t(b) -> s.p",
      "fk_added: s.t(d) -> s.p" })
row("foreign keys of new tables", "CREATE TABLE p (id int PRIMARY KEY)",
    "CREATE TABLE a (x int REFERENCES p); CREATE TABLE b (x int "
    .. "REFERENCES p ON DELETE CASCADE); CREATE TABLE q (id int PRIMARY KEY);"
    .. " CREATE TABLE c (x int REFERENCES q)",
    { "new_fk_can_block_parent_delete: s.a(x) -> s.p" })
row("a foreign key to a table that is renamed",
    "CREATE TABLE p (id int PRIMARY KEY); "
    .. "CREATE TABLE t (a int REFERENCES p)", "ALTER TABLE p RENAME TO q",
    { "table_renamed: s.p -> s.q" })

-- checks

row("a check", "CREATE TABLE t (a int, b text)",
    "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 1) NOT VALID; "
    .. "ALTER TABLE t ADD CONSTRAINT d CHECK (b <> '')",
    { "check_added: s.t c CHECK ((a > 1)) NOT VALID",
      "check_added: s.t d CHECK ((b <> ''::text))" }, {})
row("a check relaxed", "CREATE TABLE t (a text CONSTRAINT c "
    .. "CHECK (a IN ('x', 'y')), b int CONSTRAINT d CHECK (b > 5 AND b < 9))",
    "ALTER TABLE t DROP CONSTRAINT c, ADD CONSTRAINT c "
    .. "CHECK (a = 'z' OR a = 'y' OR a = 'x'); ALTER TABLE t "
    .. "DROP CONSTRAINT d, ADD CONSTRAINT d CHECK (b >= 5)",
    { "check_relaxed: s.t c CHECK (((a = 'z'::text) OR (a = 'y'::text) "
        .. "OR (a = 'x'::text)))",
      "check_relaxed: s.t d CHECK ((b >= 5))" },
    { "check_changed: s.t c CHECK ((a = ANY (ARRAY['x'::text, 'y'::text])))",
      "check_changed: s.t d CHECK (((b > 5) AND (b < 9)))" })
row("a check written in another way", "CREATE TABLE t (a text CONSTRAINT c "
    .. "CHECK (a IN ('x', 'y')), b int CONSTRAINT d CHECK (b > 5))",
    "ALTER TABLE t DROP CONSTRAINT c, ADD CONSTRAINT c "
    .. "CHECK (a = 'y' OR a = 'x'), DROP CONSTRAINT d, "
    .. "ADD CONSTRAINT e CHECK (5 < b)", {}, {})
row("values that look like others", "CREATE TABLE t (a text CONSTRAINT c "
    .. "CHECK (a IN ('x>,text<1:y', 'z')))",
    "ALTER TABLE t DROP CONSTRAINT c, ADD CONSTRAINT c "
    .. "CHECK (a IN ('x', 'y', 'z'))",
    { "check_changed: s.t c CHECK ((a = ANY (ARRAY['x'::text, 'y'::text, "
      .. "'z'::text])))" })
row("a check that others imply",
    "CREATE TABLE t (a int NOT NULL CHECK (a > 5), b varchar(9))",
    "ALTER TABLE t ADD CHECK (a > 1); ALTER TABLE t ADD CHECK (a <> 5); "
    .. "ALTER TABLE t ADD CHECK (a IS NOT NULL)", {})
row("checks on new columns", "CREATE TABLE t (a int)",
    "ALTER TABLE t ADD b int CHECK (b > 1), "
    .. "ADD c int DEFAULT 3 CONSTRAINT ok CHECK (c > 2), "
    .. "ADD d int DEFAULT 3 NOT NULL, ADD CONSTRAINT bad CHECK (d + a > 2)",
    { "check_added: s.t bad CHECK (((d + a) > 2))" })
row("an exclusion", "CREATE TABLE t (a int)",
    "ALTER TABLE t ADD CONSTRAINT x EXCLUDE USING btree (a WITH =)",
    { "exclusion_added: s.t x" }, { "index_removed: s.t(a)" })

-- types, functions, triggers, policies, rights, the rest
require "tests.spec.support.catalog_rows_types"(row)

--- Codes that a text gives and catalogs do not, or that need more than one
--- server (another version of an extension).
rows.elsewhere = {}
for code in ([[
  data_changed dynamic_sql unparsable uncut not_judged not_in_catalog
  transaction_control
  object_unknown catalog_incomplete rows_added constraint_removed
  constraint_validated extension_version_changed statement_broken
  generated_column_added migration_changed
  migration_removed ledger_unknown order_unknown type_removed type_renamed
  type_added foreign_table_added composite_type_moved_schema
]]):gmatch "%S+" do rows.elsewhere[code] = true end

--- The table of codes, as the reader has it.
function rows.codes() return dofile "stdlib/migration/codes.lua" end

return rows
