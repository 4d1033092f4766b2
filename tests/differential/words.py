"""Names, types, values and conditions that migrations are full of."""

TABLES = ["users", "account", "orders", "order_items", "product", "User",
          "invoice", "payment", "session", "audit_log", "tag", "message",
          "organisation", "membership", "order", "OrderLine", "event",
          "a_table_whose_name_is_long_enough_to_make_implicit_names_cut"]
COLUMNS = ["name", "email", "status", "amount", "created_at", "updated_at",
           "user_id", "account_id", "data", "kind", "position", "note",
           "deleted_at", "token", "Email", "createdAt", "order", "flag",
           "price", "total", "code", "tags", "external_id", "owner_id",
           "a_column_with_quite_a_long_name_in_it_to_be_cut"]
OTHERS = ["state", "level", "mood", "address", "amount_t", "email_t", "Kind"]
FUNCTIONS = ["touch", "f_total", "normalize", "Compute", "next_code"]
LABELS = ["new", "open", "done", "closed", "In Progress", "it''s", "late"]

TYPES = [
    "int", "integer", "int4", "bigint", "int8", "smallint", "int2", "text",
    "text", "varchar", "varchar(50)", "varchar(255)", "character varying(20)",
    "char(3)", "char", "bpchar", "numeric", "numeric(10,2)", "decimal(6)",
    "boolean", "bool", "timestamptz", "timestamp", "timestamp(3)",
    "timestamp with time zone", "timestamptz(6)", "time", "timetz", "date",
    "interval", "interval day to second", "uuid", "jsonb", "json", "bytea",
    "inet", "cidr", "int[]", "text[]", "varchar(10)[]", "real",
    "double precision", "float8", "float(10)", "float", "bit", "bit(8)",
    "varbit(5)", "tsvector", "int4range", '"char"', "money", "oid", "name",
    "macaddr", "xml", "point", "regclass", "pg_catalog.int4", "dec",
    "national character varying(9)", "integer ARRAY", "tstzrange"]


def family(name):
    """The family of a type as format_type gives it, or None."""
    base = name.split("(")[0].strip()
    if name.endswith("[]"):
        return "array"
    if base in ("integer", "bigint", "smallint", "numeric", "real",
                "double precision"):
        return "number"
    if base in ("text", "character varying", "character", "name", "bpchar"):
        return "text"
    if base.startswith("timestamp") or base == "date":
        return "time"
    return {"boolean": "boolean", "uuid": "uuid", "jsonb": "jsonb"}.get(base)


VALUES = {
    "number": ["0", "1", "-1", "'7'", "100", "(1 + 1)", "NULL", "42::bigint",
               "CAST(5 AS int)"],
    "text": ["''", "'x'", "'a b'", "'x'::text", "'new'::character varying",
             "lower('A')", "NULL", "CURRENT_USER", "'it''s'",
             "E'tab\\t'", "('a' || 'b')", "md5(random()::text)"],
    "time": ["now()", "CURRENT_TIMESTAMP", "'2020-01-01'", "NULL",
             "now() + interval '1 day'", "statement_timestamp()",
             "timezone('utc', now())", "'infinity'", "CURRENT_DATE"],
    "boolean": ["true", "false", "'t'", "NULL", "'f'::boolean", "NOT true"],
    "uuid": ["gen_random_uuid()", "NULL",
             "'00000000-0000-0000-0000-000000000000'"],
    "jsonb": ["'{}'", "'{}'::jsonb", "'[]'", "NULL",
              "jsonb_build_object('a', 1)"],
    "array": ["'{}'", "NULL"],
}

CHECKS = {
    "number": ["{0} > 0", "{0} >= 0", "{0} >= 0 AND {0} < 100", "{0} <> 5",
               "{0} BETWEEN 1 AND 10", "{0} IN (1, 2, 3)", "{0} IN (1, 2)",
               "{0} = ANY (ARRAY[1, 2, 3, 4])", "{0} = 1 OR {0} = 2",
               "NOT ({0} < 0)", "{0} IS NULL OR {0} > 10", "{0} % 2 = 0"],
    "text": ["{0} <> ''", "length({0}) > 0", "char_length({0}) <= 40",
             "{0} IN ('a', 'b')", "{0} IN ('a', 'b', 'c')",
             "{0} = ANY (ARRAY['a', 'b', 'x'])", "{0} LIKE 'a%'",
             "{0} ~ '^[a-z]+$'", "{0} NOT IN ('q')", "{0} = lower({0})",
             "{0} IS NOT NULL", "trim({0}) <> ''"],
    "time": ["{0} > '2000-01-01'", "{0} IS NOT NULL", "{0} <= 'infinity'"],
    "boolean": ["{0}", "{0} IS NOT FALSE", "NOT {0}", "{0} = true"],
    "jsonb": ["jsonb_typeof({0}) = 'object'", "{0} ? 'a'"],
    "array": ["array_length({0}, 1) > 0", "cardinality({0}) < 9"],
}
ANY_CHECK = ["{0} IS NOT NULL", "({0}) IS NOT NULL", "true", "{0} IS NULL",
             "{0} IS NOT DISTINCT FROM {0}"]
PAIR_CHECKS = ["{0} IS NOT NULL OR {1} IS NOT NULL",
               "({0} IS NULL) = ({1} IS NULL)", "num_nonnulls({0}, {1}) = 1",
               "{0} IS NULL OR {1} IS NOT NULL",
               "CASE WHEN {0} IS NULL THEN {1} IS NULL ELSE true END",
               "{0} IS NOT NULL AND {1} IS NOT NULL"]

EXPRESSIONS = {"text": ["lower({0})", "({0} || '')", "md5({0})",
                        "({0}::int)", "substring({0} from 1 for 3)"],
               "number": ["({0} + 1)", "abs({0})", "(1 / {0})"],
               "jsonb": ["({0} ->> 'a')", "(({0} ->> 'b')::int)"],
               "time": ["date_trunc('day', {0})"]}
