#include "pg_catalog_sql.h"

#include <stddef.h>

/* PostgreSQL's documentation, chapter "System Catalogs"; for what came when,
   the release notes of 10 to 17. */
const struct pg_catalog_word pg_catalog_words[] = {
    {"generated", 120000, "nullif(a.attgenerated::text, '')", "NULL::text"},
    {"key_count", 110000, "i.indnkeyatts", "i.indnatts"},
    {"not_distinct", 150000, "i.indnullsnotdistinct", "false"},
    {"rows", 140000, "c.reltuples",
     "CASE WHEN c.relpages = 0 THEN -1 ELSE c.reltuples END"},
    {"function_kind", 110000, "p.prokind::text",
     "CASE WHEN p.proisagg THEN 'a' WHEN p.proiswindow THEN 'w' ELSE 'f' END"},
    {"parent", 110000, "nullif(k.conparentid, 0)", "NULL::oid"},
    {"sql_body", 140000, "pg_get_function_sqlbody(p.oid)", "NULL"},
    {NULL, 0, NULL, NULL},
};

/* clang-format off */
#define USER_SCHEMA " n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' "
#define NOT_MADE_BY(how, catalog, id) \
    " NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype IN (" how ") " \
    "AND e.classid = '" catalog "'::regclass AND e.objid = " id ") "
/* It does not belong to an extension. */
#define NO_MEMBER(catalog, id) NOT_MADE_BY("'e'", catalog, id)
/* Nor to a type: the constructors of a range come and go with it. */
#define NO_PART(catalog, id) NOT_MADE_BY("'e', 'i'", catalog, id)

/* {"role":["SELECT",..]} of an aclitem[], or NULL where it is the default. */
#define ACL(acl) \
    " CASE WHEN " acl " IS NOT NULL THEN (SELECT " \
    "coalesce(json_object_agg(x.role, x.rights ORDER BY x.role), '{}') " \
    "FROM (SELECT CASE g.grantee WHEN 0 THEN 'PUBLIC' " \
    "ELSE pg_get_userbyid(g.grantee) END AS role, " \
    "json_agg(DISTINCT g.privilege_type) AS rights " \
    "FROM aclexplode(" acl ") g GROUP BY 1) x) END "

/* Rows of the relations whose ids are $1; sequences are not among them. */
#define OF(relation) " JOIN unnest($1::oid[]) r(id) ON r.id = " relation " "

/* pg_total_relation_size would wait for the locks of a migration under way,
   and look at every file: what the last VACUUM has seen is enough here. */
static const char relations[] =
    "SELECT c.oid AS id, n.nspname AS schema, c.relname AS name, "
    "CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned_table' "
    "WHEN 'v' THEN 'view' WHEN 'm' THEN 'matview' WHEN 'S' THEN 'sequence' "
    "ELSE 'foreign_table' END AS kind, "
    "c.relpersistence::text AS persistence, "
    "pg_get_userbyid(c.relowner) AS owner, " ACL("c.relacl") " AS acl, "
    "c.relrowsecurity AS row_security, "
    "c.relforcerowsecurity AS force_row_security, "
    "CASE WHEN c.relkind IN ('r', 'p', 'm') THEN c.relreplident::text END "
    "AS replica_identity, "
    "c.relkind = 'm' AND c.relispopulated AS populated, "
    "CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END "
    "AS definition, "
    "CASE WHEN c.relkind = 'v' THEN "
    "pg_relation_is_updatable(c.oid, false) & 28 = 28 END AS updatable, "
    "CASE WHEN c.relkind = 'v' THEN to_json(c.reloptions) END AS options, "
    "CASE WHEN c.relispartition THEN (SELECT h.inhparent FROM pg_inherits h "
    "WHERE h.inhrelid = c.oid) END AS \"partition_of.id\", "
    "CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, c.oid) END "
    "AS \"partition_of.bound\", "
    "CASE WHEN c.relispartition THEN pg_get_partition_constraintdef(c.oid) END "
    "AS \"partition_of.constraint\", "
    "CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END "
    "AS partition_key, "
    "CASE WHEN c.relkind IN ('r', 'p', 'm', 'f') THEN (@rows@)::int8 END "
    "AS rows, "
    "CASE WHEN c.relkind IN ('r', 'm') AND c.relpages > 0 THEN (c.relpages + "
    "coalesce((SELECT y.relpages FROM pg_class y WHERE y.oid = "
    "c.reltoastrelid), 0) + coalesce((SELECT sum(y.relpages) FROM pg_index i "
    "JOIN pg_class y ON y.oid = i.indexrelid WHERE i.indrelid = c.oid), 0)) "
    "::int8 * current_setting('block_size')::int8 END AS bytes, "
    "CASE WHEN s.seqrelid IS NOT NULL THEN format_type(s.seqtypid, NULL) END "
    "AS \"sequence.type\", s.seqstart AS \"sequence.start\", "
    "s.seqincrement AS \"sequence.increment\", s.seqmin AS \"sequence.min\", "
    "s.seqmax AS \"sequence.max\", s.seqcycle AS \"sequence.cycle\", "
    "CASE WHEN s.seqrelid IS NOT NULL THEN (SELECT json_build_object('id', "
    "d.refobjid::int8, 'column', d.refobjsubid) FROM pg_depend d "
    "WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid "
    "AND d.objsubid = 0 AND d.refclassid = 'pg_class'::regclass "
    "AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i') LIMIT 1) END "
    "AS \"sequence.owned_by\" "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "LEFT JOIN pg_sequence s ON s.seqrelid = c.oid "
    "WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND" USER_SCHEMA
    "AND" NO_MEMBER("pg_class", "c.oid") "ORDER BY c.oid";

/* type_id is the user's type that it is, or is an array of. */
static const char columns[] =
    "SELECT a.attrelid AS _of, a.attnum, a.attname AS name, "
    "format_type(a.atttypid, a.atttypmod) AS type, "
    "nullif(tn.nspname, 'pg_catalog') AS \"type_id.schema\", "
    "CASE WHEN tn.nspname <> 'pg_catalog' "
    "THEN coalesce(te.typname, t.typname) END AS \"type_id.name\", "
    "a.attnotnull AS not_null, CASE WHEN a.atthasdef THEN (SELECT "
    "pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d WHERE d.adrelid = "
    "a.attrelid AND d.adnum = a.attnum) END AS default, "
    "nullif(a.attidentity::text, '') AS identity, @generated@ AS generated, "
    "CASE WHEN a.attcollation <> t.typcollation THEN (SELECT o.collname "
    "FROM pg_collation o WHERE o.oid = a.attcollation) END AS collation, "
    ACL("a.attacl") " AS acl FROM pg_attribute a" OF("a.attrelid")
    "JOIN pg_type t ON t.oid = a.atttypid "
    "LEFT JOIN pg_type te ON te.oid = t.typelem AND t.typlen = -1 "
    "AND t.typcategory = 'A' "
    "JOIN pg_namespace tn ON tn.oid = "
    "coalesce(te.typnamespace, t.typnamespace) "
    "WHERE a.attnum > 0 AND NOT a.attisdropped "
    "ORDER BY a.attrelid, a.attnum";

static const char constraints[] =
    "SELECT k.conrelid AS _of, k.oid AS id, k.conname AS name, "
    "k.contype::text AS type, k.conkey AS columns, "
    "pg_get_constraintdef(k.oid) AS definition, "
    "CASE WHEN k.contype = 'c' THEN pg_get_expr(k.conbin, k.conrelid) END "
    "AS expression, k.convalidated AS validated, "
    "k.condeferrable AS deferrable, k.condeferred AS deferred, "
    "k.contype = 'c' AND k.connoinherit AS no_inherit, k.conislocal AS local, "
    "CASE WHEN k.contype IN ('p', 'u', 'x') THEN k.conindid END AS index, "
    "CASE WHEN k.contype = 'u' THEN @not_distinct@ END AS nulls_not_distinct, "
    "@parent@ AS parent, nullif(k.confrelid, 0) AS \"references.id\", "
    "fn.nspname AS \"references.schema\", f.relname AS \"references.name\", "
    "nullif(k.confrelid, 0) AS _to, k.confkey AS \"references.columns\", "
    "nullif(k.confdeltype::text, ' ') AS \"references.on_delete\", "
    "nullif(k.confupdtype::text, ' ') AS \"references.on_update\", "
    "nullif(k.confmatchtype::text, ' ') AS \"references.match\" "
    "FROM pg_constraint k" OF("k.conrelid")
    "LEFT JOIN pg_class f ON f.oid = k.confrelid "
    "LEFT JOIN pg_namespace fn ON fn.oid = f.relnamespace "
    "LEFT JOIN pg_index i ON i.indexrelid = k.conindid "
    "WHERE k.contype IN ('p', 'u', 'f', 'c', 'x') "
    "ORDER BY k.conrelid, k.oid";

/* Only where there are expressions are the keys put together here. */
static const char indexes[] =
    "SELECT i.indrelid AS _of, i.indexrelid AS id, c.relname AS name, "
    "i.indisunique AS unique, i.indisprimary AS primary, "
    "i.indisvalid AS valid, m.amname AS method, "
    "CASE WHEN i.indexprs IS NULL THEN "
    "(i.indkey::int2[])[0:@key_count@ - 1] END AS columns, "
    "CASE WHEN i.indexprs IS NOT NULL THEN (SELECT json_agg(CASE WHEN "
    "q.number = 0 THEN json_build_object('expression', "
    "pg_get_indexdef(i.indexrelid, q.n::int, true)) "
    "ELSE to_json(x.attname) END ORDER BY q.n) "
    "FROM unnest(i.indkey::int2[]) WITH ORDINALITY q(number, n) "
    "LEFT JOIN pg_attribute x ON x.attrelid = i.indrelid "
    "AND x.attnum = q.number WHERE q.n <= @key_count@) END AS columns, "
    "CASE WHEN @key_count@ < i.indnatts THEN "
    "(i.indkey::int2[])[@key_count@:] END AS include, "
    "pg_get_expr(i.indpred, i.indrelid) AS predicate, "
    "pg_get_indexdef(i.indexrelid) AS definition, k.oid AS constraint, "
    "@not_distinct@ AS nulls_not_distinct FROM pg_index i" OF("i.indrelid")
    "JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam "
    "LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid "
    "AND k.contype IN ('p', 'u', 'x') AND k.conrelid = i.indrelid "
    "ORDER BY i.indrelid, i.indexrelid";

static const char triggers[] =
    "SELECT g.tgrelid AS _of, g.oid AS id, g.tgname AS name, "
    "g.tgenabled::text AS enabled, pg_get_triggerdef(g.oid) AS definition, "
    "n.nspname AS \"function.schema\", p.proname AS \"function.name\" "
    "FROM pg_trigger g" OF("g.tgrelid") "JOIN pg_proc p ON p.oid = g.tgfoid "
    "JOIN pg_namespace n ON n.oid = p.pronamespace WHERE NOT g.tgisinternal "
    "ORDER BY g.tgrelid, g.oid";

static const char policies[] =
    "SELECT p.polrelid AS _of, p.oid AS id, p.polname AS name, "
    "CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' "
    "WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END AS command, "
    "p.polpermissive AS permissive, (SELECT json_agg(CASE x WHEN 0 "
    "THEN 'PUBLIC' ELSE pg_get_userbyid(x) END) FROM unnest(p.polroles) x) "
    "AS roles, pg_get_expr(p.polqual, p.polrelid) AS using, "
    "pg_get_expr(p.polwithcheck, p.polrelid) AS check "
    "FROM pg_policy p" OF("p.polrelid") "ORDER BY p.polrelid, p.oid";

static const char rules[] =
    "SELECT w.ev_class AS _of, w.oid AS id, w.rulename AS name, "
    "pg_get_ruledef(w.oid) AS definition, w.ev_enabled::text AS enabled "
    "FROM pg_rewrite w" OF("w.ev_class") "WHERE w.rulename <> '_RETURN' "
    "ORDER BY w.ev_class, w.oid";

static const char depends[] =
    "SELECT DISTINCT w.ev_class AS _of, d.refobjid AS id, "
    "nullif(d.refobjsubid, 0) AS column FROM pg_rewrite w" OF("w.ev_class")
    "JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass "
    "AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass "
    "AND d.refobjid <> w.ev_class WHERE w.rulename = '_RETURN' "
    "ORDER BY 1, 2, 3";

static const char inherits[] =
    "SELECT h.inhrelid AS _of, h.inhparent AS _value FROM pg_inherits h"
    OF("h.inhrelid") "JOIN pg_class c ON c.oid = h.inhrelid "
    "WHERE NOT c.relispartition ORDER BY h.inhrelid, h.inhseqno";

static const char schemas[] =
    "SELECT n.oid AS id, n.nspname AS name, "
    "pg_get_userbyid(n.nspowner) AS owner, " ACL("n.nspacl") " AS acl "
    "FROM pg_namespace n WHERE" USER_SCHEMA
    "AND" NO_MEMBER("pg_namespace", "n.oid") "ORDER BY n.oid";

/* A label that was renamed has the same id. */
static const char types[] =
    "SELECT t.oid AS id, n.nspname AS schema, t.typname AS name, "
    "CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' "
    "WHEN 'r' THEN 'range' WHEN 'c' THEN 'composite' ELSE 'base' END AS kind, "
    "CASE WHEN t.typtype = 'e' THEN (SELECT json_agg(l.enumlabel "
    "ORDER BY l.enumsortorder) FROM pg_enum l WHERE l.enumtypid = t.oid) END "
    "AS labels, CASE WHEN t.typtype = 'e' THEN (SELECT json_agg(l.oid::int8 "
    "ORDER BY l.enumsortorder) FROM pg_enum l WHERE l.enumtypid = t.oid) END "
    "AS label_ids, CASE t.typtype "
    "WHEN 'd' THEN format_type(t.typbasetype, t.typtypmod) "
    "WHEN 'r' THEN (SELECT format_type(g.rngsubtype, NULL) FROM pg_range g "
    "WHERE g.rngtypid = t.oid) END AS base, "
    "t.typtype = 'd' AND t.typnotnull AS not_null, "
    "CASE WHEN t.typtype = 'd' THEN t.typdefault END AS default, "
    "CASE WHEN t.typtype = 'd' THEN (SELECT json_agg(json_build_object("
    "'id', k.oid::int8, 'name', k.conname, 'expression', "
    "pg_get_expr(k.conbin, 0), 'validated', k.convalidated) ORDER BY k.oid) "
    "FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c') END "
    "AS checks, CASE WHEN t.typtype = 'c' THEN (SELECT json_agg("
    "json_build_object('attnum', a.attnum, 'name', a.attname, 'type', "
    "format_type(a.atttypid, a.atttypmod)) ORDER BY a.attnum) "
    "FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 "
    "AND NOT a.attisdropped) END AS attributes, "
    "pg_get_userbyid(t.typowner) AS owner, " ACL("t.typacl") " AS acl "
    "FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace "
    "LEFT JOIN pg_class c ON c.oid = t.typrelid "
    "WHERE (t.typtype IN ('e', 'd', 'r') "
    "OR t.typtype = 'c' AND c.relkind = 'c' "
    "OR t.typtype = 'b' AND NOT (t.typlen = -1 AND t.typelem <> 0 "
    "AND t.typcategory = 'A')) AND" USER_SCHEMA
    "AND" NO_MEMBER("pg_type", "t.oid") "ORDER BY t.oid";

static const char functions[] =
    "SELECT p.oid AS id, n.nspname AS schema, p.proname AS name, "
    "@function_kind@ AS kind, (SELECT coalesce(json_agg("
    "format_type(x.t, NULL) ORDER BY x.n), '[]') "
    "FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY x(t, n)) AS args, "
    "to_json(p.proargnames) AS arg_names, "
    "to_json(p.proargmodes::text[]) AS arg_modes, "
    "p.pronargdefaults AS defaults, "
    "pg_get_function_result(p.oid) AS result, l.lanname AS language, "
    "CASE WHEN g.aggfnoid IS NOT NULL THEN concat_ws(' ', "
    "g.aggtransfn::regproc, format_type(g.aggtranstype, NULL), "
    "nullif(g.aggfinalfn::oid, 0)::regproc, quote_literal(g.agginitval)) "
    "ELSE coalesce(@sql_body@, p.prosrc) END AS body, "
    "p.proisstrict AS strict, p.provolatile::text AS volatility, "
    "p.prosecdef AS security_definer, "
    "pg_get_userbyid(p.proowner) AS owner, " ACL("p.proacl") " AS acl, "
    "to_json(p.proconfig) AS settings FROM pg_proc p "
    "JOIN pg_namespace n ON n.oid = p.pronamespace "
    "JOIN pg_language l ON l.oid = p.prolang "
    "LEFT JOIN pg_aggregate g ON g.aggfnoid = p.oid WHERE" USER_SCHEMA
    "AND" NO_PART("pg_proc", "p.oid") "ORDER BY p.oid";

static const char extensions[] =
    "SELECT x.oid AS id, x.extname AS name, x.extversion AS version, "
    "n.nspname AS schema FROM pg_extension x "
    "JOIN pg_namespace n ON n.oid = x.extnamespace "
    "WHERE x.extname <> 'plpgsql' ORDER BY x.oid";

/* Below 16384 is what initdb made (FirstNormalObjectId). */
static const char casts[] =
    "SELECT k.oid AS id, format_type(k.castsource, NULL) || ' -> ' || "
    "format_type(k.casttarget, NULL) AS name, "
    "format_type(k.castsource, NULL) AS source, "
    "format_type(k.casttarget, NULL) AS target, "
    "k.castmethod::text AS method, k.castcontext::text AS context "
    "FROM pg_cast k WHERE k.oid >= 16384 AND" NO_PART("pg_cast", "k.oid")
    "ORDER BY k.oid";

static const char operators[] =
    "SELECT o.oid AS id, n.nspname AS schema, o.oprname AS name, "
    "CASE WHEN o.oprleft <> 0 THEN format_type(o.oprleft, NULL) END AS left, "
    "CASE WHEN o.oprright <> 0 THEN format_type(o.oprright, NULL) END "
    "AS right, format_type(o.oprresult, NULL) AS result FROM pg_operator o "
    "JOIN pg_namespace n ON n.oid = o.oprnamespace WHERE o.oid >= 16384 "
    "AND" USER_SCHEMA "AND" NO_MEMBER("pg_operator", "o.oid")
    "ORDER BY o.oid";
/* clang-format on */

const struct pg_catalog_part pg_catalog_parts[] = {
    {"relations", 0, relations},
    {"columns", 1, columns},
    {"constraints", 1, constraints},
    {"indexes", 1, indexes},
    {"triggers", 1, triggers},
    {"policies", 1, policies},
    {"rules", 1, rules},
    {"depends", 1, depends},
    {"inherits", 1, inherits},
    {"schemas", 0, schemas},
    {"types", 0, types},
    {"functions", 0, functions},
    {"extensions", 0, extensions},
    {"casts", 0, casts},
    {"operators", 0, operators},
    {NULL, 0, NULL},
};
