-- More rows of catalog_diff_spec: types, functions, what runs beside
-- statements, rights, and the rest. row: see catalog_rows.lua.
return function(row)

-- types

row("enums", "CREATE TYPE a AS ENUM ('x', 'y'); CREATE TYPE b AS ENUM ('x'); "
    .. "CREATE TYPE c AS ENUM ('x'); CREATE TYPE d AS ENUM ('x', 'y')",
    "ALTER TYPE a ADD VALUE 'm' BEFORE 'y'; ALTER TYPE a RENAME VALUE 'y' "
    .. "TO 'z'; DROP TYPE b; ALTER TYPE c RENAME TO c2; DROP TYPE d; "
    .. "CREATE TYPE d AS ENUM ('x')",
    { "enum_value_added: s.a m", "enum_value_renamed: s.a y -> z",
      "enum_removed: s.b", "enum_renamed: s.c -> s.c2",
      "enum_value_removed: s.d y" })
row("columns of types that move", "CREATE TYPE e AS ENUM ('x'); "
    .. "CREATE TABLE t (a e DEFAULT 'x', b e[], "
    .. "CONSTRAINT c CHECK (a <> 'x'::e))", "ALTER TYPE e SET SCHEMA s_b",
    { "enum_renamed: s.e -> s_b.e" })
row("domains", "CREATE DOMAIN a AS int; CREATE DOMAIN b AS int; "
    .. "CREATE DOMAIN c AS int CHECK (VALUE > 1); CREATE DOMAIN d AS int; "
    .. "CREATE DOMAIN e AS int; CREATE DOMAIN f AS int DEFAULT 1; "
    .. "CREATE DOMAIN g AS int DEFAULT 1; CREATE DOMAIN h AS int NOT NULL",
    "ALTER DOMAIN a ADD CHECK (VALUE > 1); ALTER DOMAIN b SET NOT NULL; "
    .. "ALTER DOMAIN c DROP CONSTRAINT c_check; DROP DOMAIN d; "
    .. "ALTER DOMAIN e RENAME TO e2; ALTER DOMAIN f SET DEFAULT 2; "
    .. "ALTER DOMAIN g DROP DEFAULT; ALTER DOMAIN h DROP NOT NULL",
    { "domain_check_added: s.a", "domain_not_null_added: s.b",
      "domain_check_relaxed: s.c", "domain_removed: s.d",
      "domain_renamed: s.e -> s.e2", "default_changed: s.f",
      "default_dropped: s.g", "not_null_dropped: s.h" })
row("a domain on another type", "CREATE DOMAIN a AS int",
    "DROP DOMAIN a; CREATE DOMAIN a AS bigint",
    { "domain_base_changed: s.a integer -> bigint" })
row("a domain that becomes an enum", "CREATE DOMAIN a AS int",
    "DROP DOMAIN a; CREATE TYPE a AS ENUM ('x')",
    { "type_kind_changed: s.a domain -> enum" })
row("ranges", "CREATE TYPE a AS RANGE (subtype = int4); "
    .. "CREATE TYPE b AS RANGE (subtype = int4); "
    .. "CREATE TYPE c AS RANGE (subtype = int4)",
    "DROP TYPE a; ALTER TYPE b RENAME TO b2; DROP TYPE c; "
    .. "CREATE TYPE c AS RANGE (subtype = int8)",
    { "range_removed: s.a", "range_renamed: s.b -> s.b2",
      "range_subtype_changed: s.c integer -> bigint" })
row("composite types", "CREATE TYPE a AS (x int, y int); "
    .. "CREATE TYPE b AS (x int); CREATE TYPE c AS (x int); "
    .. "CREATE TYPE d AS (x int); "
    .. "CREATE TYPE e AS (x int)",
    "DROP TYPE e; CREATE TYPE e AS (x int); "
    .. "ALTER TYPE a ADD ATTRIBUTE z int, DROP ATTRIBUTE y, "
    .. "ALTER ATTRIBUTE x TYPE numeric; DROP TYPE b; "
    .. "ALTER TYPE c RENAME TO c2; ALTER TYPE d RENAME ATTRIBUTE x TO w",
    { "composite_attribute_added: s.a.z", "column_removed: s.a.y",
      "column_type_changed: s.a.x integer -> numeric",
      "composite_type_removed: s.b", "composite_type_renamed: s.c -> s.c2",
      "column_renamed: s.d.x -> w" })

-- functions

row("functions", "CREATE FUNCTION a(x int) RETURNS int LANGUAGE sql "
    .. "AS 'SELECT 1'; CREATE FUNCTION b(x int) RETURNS int LANGUAGE sql AS "
    .. "'SELECT 1'; CREATE FUNCTION c(x int) RETURNS int LANGUAGE sql AS "
    .. "'SELECT 1'; CREATE FUNCTION d(x int) RETURNS int LANGUAGE sql AS "
    .. "'SELECT 1'; CREATE FUNCTION e(x int) RETURNS int LANGUAGE sql AS "
    .. "'SELECT 1'; CREATE FUNCTION f(x int) RETURNS int LANGUAGE sql AS "
    .. "'SELECT 1'",
    "DROP FUNCTION a(int); ALTER FUNCTION b(int) RENAME TO b2; "
    .. "CREATE OR REPLACE FUNCTION c(x int) RETURNS int LANGUAGE sql AS "
    .. "'SELECT 2'; DROP FUNCTION d(int); CREATE FUNCTION d(x int) "
    .. "RETURNS text LANGUAGE sql AS 'SELECT 1::text'; DROP FUNCTION e(int); "
    .. "CREATE PROCEDURE e(x int) LANGUAGE sql AS 'SELECT 1'; "
    .. "ALTER FUNCTION f(int) SECURITY DEFINER",
    { "function_removed: s.a(integer)",
      "function_renamed: s.b(integer) -> s.b2(integer)",
      "function_body_changed: s.c(integer)",
      "function_result_changed: s.d(integer) integer -> text",
      "function_body_changed: s.d(integer)",
      "function_kind_changed: s.e(integer)",
      "function_attributes_changed: s.f(integer)" })
row("signatures", "CREATE FUNCTION a(x int) RETURNS int LANGUAGE sql AS "
    .. "'SELECT 1'; CREATE FUNCTION b(x int, y int DEFAULT 1) RETURNS int "
    .. "LANGUAGE sql AS 'SELECT 1'; CREATE FUNCTION c(x int) RETURNS int "
    .. "LANGUAGE sql AS 'SELECT 1'; CREATE FUNCTION d(x int) RETURNS int "
    .. "LANGUAGE sql AS 'SELECT 1'; CREATE FUNCTION e(x int) RETURNS int "
    .. "LANGUAGE sql AS 'SELECT 1'; CREATE FUNCTION f(x int, y int DEFAULT 1)"
    .. " RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "DROP FUNCTION a(int); CREATE FUNCTION a(x int, y int DEFAULT 1) "
    .. "RETURNS int LANGUAGE sql AS 'SELECT 1'; DROP FUNCTION b(int, int); "
    .. "CREATE FUNCTION b(x int, y int) RETURNS int LANGUAGE sql AS "
    .. "'SELECT 1'; CREATE FUNCTION c(x int, y text DEFAULT 'a') RETURNS int "
    .. "LANGUAGE sql AS 'SELECT 1'; DROP FUNCTION d(int); CREATE FUNCTION "
    .. "d(z int) RETURNS int LANGUAGE sql AS 'SELECT 1'; "
    .. "CREATE FUNCTION e(x text) RETURNS int LANGUAGE sql AS 'SELECT 1'; "
    .. "CREATE FUNCTION f(x int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
    { "function_signature_extended: s.a(integer)",
      "function_default_removed: s.b(integer, integer)",
      "function_call_ambiguous: s.c(integer) vs s.c(integer, text)",
      "function_argnames_changed: s.d(integer)",
      "function_overload_added: s.e(text)",
      "function_call_ambiguous: s.f(integer, integer) vs s.f(integer)" })
row("an overload of a function that was made again",
    "CREATE FUNCTION f(x int, y int DEFAULT 1) RETURNS int LANGUAGE sql "
    .. "AS 'SELECT 1'", "DROP FUNCTION f(int, int); CREATE FUNCTION f(x int, "
    .. "y int DEFAULT 1) RETURNS int LANGUAGE sql AS 'SELECT 1'; "
    .. "CREATE FUNCTION f(x int) RETURNS int LANGUAGE sql AS 'SELECT 2'",
    { "function_call_ambiguous: s.f(integer, integer) vs s.f(integer)" })
row("trigger functions", "CREATE FUNCTION a() RETURNS trigger LANGUAGE "
    .. "plpgsql AS 'BEGIN RETURN NEW; END'", "DROP FUNCTION a()", {}, {})

-- triggers, rules, policies

local TRIGGER = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS "
  .. "'BEGIN RETURN NEW; END'; CREATE TABLE t (a int); "

row("triggers", TRIGGER
    .. "CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();"
    .. "CREATE TRIGGER b BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();"
    .. "CREATE TRIGGER c BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();"
    .. "CREATE TRIGGER d BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
    "DROP TRIGGER a ON t; ALTER TABLE t DISABLE TRIGGER b; DROP TRIGGER c "
    .. "ON t; CREATE TRIGGER c AFTER INSERT ON t FOR EACH ROW EXECUTE "
    .. "FUNCTION f(); ALTER TRIGGER d ON t RENAME TO d2; CREATE TRIGGER e "
    .. "BEFORE DELETE ON t FOR EACH ROW EXECUTE FUNCTION f()",
    { "trigger_removed: a on s.t", "trigger_enabled_changed: b on s.t",
      "trigger_changed: c on s.t", "trigger_added: e on s.t" })
row("rules", "CREATE TABLE t (a int); "
    .. "CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING; "
    .. "CREATE RULE q AS ON DELETE TO t DO INSTEAD NOTHING",
    "DROP RULE r ON t; CREATE RULE n AS ON UPDATE TO t DO INSTEAD NOTHING; "
    .. "DROP RULE q ON t; "
    .. "CREATE RULE q AS ON UPDATE TO t DO INSTEAD NOTHING",
    { "rule_removed: r on s.t", "rule_added: n on s.t",
      "rule_changed: q on s.t" })
row("row security", "CREATE TABLE t (a int); CREATE TABLE u (a int); "
    .. "ALTER TABLE u ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE t ENABLE ROW LEVEL SECURITY; "
    .. "ALTER TABLE u FORCE ROW LEVEL SECURITY",
    { "row_security_enabled: s.t", "row_security_forced: s.u" },
    { "row_security_disabled: s.t" })

local SECURED = "CREATE TABLE t (a int, b int); "
  .. "ALTER TABLE t ENABLE ROW LEVEL SECURITY; "

row("policies", SECURED .. "CREATE POLICY a ON t USING (a > 1); "
    .. "CREATE POLICY b ON t USING (a > 1); CREATE POLICY c ON t "
    .. "USING (a > 1); CREATE POLICY g ON t TO reader USING (a > 1)",
    "DROP POLICY a ON t; ALTER POLICY b ON t USING (a > 5); "
    .. "ALTER POLICY c ON t USING (a >= 0); CREATE POLICY d ON t AS "
    .. "RESTRICTIVE USING (b > 1); CREATE POLICY e ON t USING (b > 2); "
    .. "ALTER POLICY g ON t TO other",
    { "policy_removed: a on s.t", "policy_changed: b on s.t",
      "policy_relaxed: c on s.t", "restrictive_policy_added: d on s.t",
      "policy_added: e on s.t", "policy_changed: g on s.t" },
    { "policy_added: a on s.t", "policy_relaxed: b on s.t",
      "policy_changed: c on s.t", "policy_relaxed: d on s.t",
      "policy_removed: e on s.t", "policy_changed: g on s.t" })
row("restrictive policies", SECURED .. "CREATE POLICY a ON t AS RESTRICTIVE "
    .. "FOR SELECT TO reader USING (a > 1); CREATE POLICY b ON t AS "
    .. "RESTRICTIVE FOR SELECT USING (a > 1)",
    "DROP POLICY a ON t; CREATE POLICY a ON t AS RESTRICTIVE USING (a > 1); "
    .. "DROP POLICY b ON t; CREATE POLICY b ON t AS RESTRICTIVE FOR SELECT "
    .. "TO reader USING (a > 1)",
    { "policy_changed: a on s.t", "policy_relaxed: b on s.t" },
    { "policy_relaxed: a on s.t", "policy_changed: b on s.t" })
row("policies without row security", "CREATE TABLE t (a int); "
    .. "CREATE POLICY a ON t USING (a > 1)", "DROP POLICY a ON t", {}, {})

-- rights

row("rights", "CREATE TABLE t (a int, b int); GRANT SELECT, INSERT ON t TO "
    .. "reader; GRANT UPDATE ON t TO PUBLIC; GRANT SELECT (b) ON t TO other; "
    .. "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "REVOKE INSERT ON t FROM reader; REVOKE UPDATE ON t FROM PUBLIC; "
    .. "REVOKE SELECT (b) ON t FROM other; "
    .. "REVOKE EXECUTE ON FUNCTION f() FROM PUBLIC",
    { "privilege_lost: s.t reader:INSERT", "privilege_lost: s.t PUBLIC:UPDATE",
      "privilege_lost: s.t.b other:SELECT",
      "privilege_lost: s.f() PUBLIC:EXECUTE" }, {})
row("rights that another grant gives", "CREATE TABLE t (a int, b int); "
    .. "GRANT SELECT ON t TO reader; GRANT SELECT (b) ON t TO other",
    "GRANT SELECT ON t TO PUBLIC; REVOKE SELECT ON t FROM reader; "
    .. "REVOKE SELECT (b) ON t FROM other", {})
row("rights lost by making it again", "CREATE VIEW v AS SELECT 1 AS x; "
    .. "GRANT SELECT ON v TO reader",
    "DROP VIEW v; CREATE VIEW v AS SELECT 1 AS x",
    { "privilege_lost: s.v reader:SELECT" })
row("owners", "CREATE TABLE t (a int); CREATE FUNCTION f() RETURNS int "
    .. "LANGUAGE sql AS 'SELECT 1'; GRANT SELECT ON t TO reader",
    "ALTER TABLE t OWNER TO other; ALTER FUNCTION f() OWNER TO other",
    { "owner_changed: s.t postgres -> other",
      "owner_changed: s.f() postgres -> other" })
row("rights on schemas", "GRANT USAGE ON SCHEMA s TO reader",
    "REVOKE USAGE ON SCHEMA s FROM reader",
    { "privilege_lost: s reader:USAGE" })

-- the rest

row("schemas", "CREATE TABLE s_b.t (a int); CREATE TYPE s_b.e AS ENUM ('x')",
    "ALTER SCHEMA s_b RENAME TO s_c",
    { "schema_removed: s_b", "table_moved_schema: s_b.t -> s_c.t",
      "enum_renamed: s_b.e -> s_c.e" })
row("casts and operators", "CREATE TYPE c AS (x int); CREATE FUNCTION "
    .. "f(c) RETURNS int LANGUAGE sql AS 'SELECT 1'; "
    .. "CREATE CAST (c AS int) WITH FUNCTION f(c); "
    .. "CREATE FUNCTION g(c, c) RETURNS boolean LANGUAGE sql AS "
    .. "'SELECT true'; CREATE OPERATOR === (LEFTARG = c, RIGHTARG = c, "
    .. "FUNCTION = g)",
    "DROP CAST (c AS int); DROP OPERATOR === (c, c)",
    { "cast_removed: s.c -> integer", "operator_removed: s.===(s.c, s.c)" },
    {})
row("what older code does not meet", "CREATE TABLE t (a int)",
    "CREATE TABLE u (a int UNIQUE NOT NULL); CREATE VIEW v AS SELECT 1 AS x; "
    .. "CREATE SEQUENCE q; CREATE TYPE e AS ENUM ('x'); "
    .. "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; "
    .. "COMMENT ON TABLE t IS 'x'; GRANT SELECT ON t TO reader", {})

end
