"""Statements at random: views, types, functions, triggers, rights."""

import words
from forms_change import Changes


class Statements(Changes):
    """All makers; WEIGHTS says how often each is asked."""

    def __init__(self, world, rng):
        super().__init__(world, rng)
        self.bodies = []  # of views, as they were written

    def query(self, source):
        other = self.table(kinds="rpv")
        key = self.q(source["cols"][0]["n"])
        return self.one([
            f"SELECT * FROM {self.w.name(source)}",
            f"SELECT * FROM {self.w.name(source)}",
            f"SELECT {self.columns(source)} FROM {self.w.name(source)}",
            f"SELECT {self.columns(source)}, 1 AS extra, 'x'::text AS w "
            f"FROM {self.w.name(source)} WHERE {self.check(source)}",
            f"SELECT a.*, count(*) OVER () AS n FROM {self.w.name(source)} a",
            f"SELECT {key}, count(*) AS n, max({key}) AS top FROM "
            f"{self.w.name(source)} GROUP BY {key}",
            f"SELECT a.{key} AS first_one, b.* FROM {self.w.name(source)} a, "
            f"{self.w.name(other)} b",
            f"WITH w AS (SELECT * FROM {self.w.name(source)}) "
            f"SELECT w.{key}, coalesce(NULL, 'x') AS c FROM w",
            f"SELECT {key} FROM {self.w.name(source)} UNION ALL SELECT {key} "
            f"FROM {self.w.name(source)}"])

    def create_view(self):
        source = self.table(lambda t: t["cols"], "rpvm")
        if not source:
            return None
        kind = self.one(["VIEW", "VIEW", "OR REPLACE VIEW",
                         "MATERIALIZED VIEW", "RECURSIVE"])
        names = ["v_users", "active_users", "v_totals", "Report"]
        if kind == "RECURSIVE":
            kind = "VIEW"
        self.bodies.append(self.query(source))
        return f"CREATE {kind} {self.new_relation(names)} AS " \
            f"{self.bodies[-1]}" + \
            (self.maybe(0.15, " WITH NO DATA")
             if kind.startswith("MAT") else "")

    def change_view(self):
        view = self.table(kinds="vm", test=lambda t: t["cols"])
        if not view:
            return None
        kind = "VIEW" if view["k"] == "v" else "MATERIALIZED VIEW"
        name = self.w.name(view)
        body = self.one(self.bodies) or "SELECT 1 AS one"
        first = self.q(view["cols"][0]["n"])
        options = [f"DROP {kind} {self.maybe(0.3, 'IF EXISTS ')}{name}"
                   + self.maybe(0.5, " CASCADE"),
                   f"DROP {kind} {name};\nCREATE {kind} {name} AS {body}",
                   f"DROP {kind} {name};\nCREATE {kind} {name} AS SELECT "
                   f"{first} FROM ({body}) q"]
        if view["k"] == "v":
            options += [f"CREATE OR REPLACE VIEW {name} AS {body}",
                        f"CREATE OR REPLACE VIEW {name} AS SELECT q.*, "
                        f"7 AS added_{self.r.randint(1, 9)} FROM ({body}) q",
                        f"ALTER VIEW {name} ALTER COLUMN {first} "
                        "DROP DEFAULT"]
        else:
            options.append(f"REFRESH MATERIALIZED VIEW {name}" +
                           self.maybe(0.3, " WITH NO DATA"))
        return self.one(options)

    def create_type(self):
        name = self.new_relation(words.OTHERS)
        labels = self.r.sample(words.LABELS, self.r.randint(1, 4))
        listed = ", ".join(f"'{label}'" for label in labels)
        return self.one([
            f"CREATE TYPE {name} AS ENUM ({listed})",
            f"CREATE TYPE {name} AS ENUM ({listed})",
            f"CREATE DOMAIN {name} AS {self.one(['text', 'int'])}",
            f"CREATE DOMAIN {name} AS text CHECK (VALUE <> '')"
            + self.maybe(0.3, " NOT NULL"),
            f"CREATE DOMAIN {name} AS numeric(8,2) DEFAULT 0 "
            "CONSTRAINT pos CHECK (VALUE >= 0)",
            f"CREATE TYPE {name} AS (street text, number int)"])

    def change_type(self):
        found = self.one(self.w.types)
        if not found:
            return None
        name = self.w.name(found, self.w.types)
        kind = "DOMAIN" if found["k"] == "d" else "TYPE"
        new = self.q(self.new_name(words.OTHERS))
        options = [
            f"ALTER {kind} {name} RENAME TO {new}",
            f"ALTER {kind} {name} SET SCHEMA {self.one(self.w.schemas)}",
            f"ALTER {kind} {name} OWNER TO app",
            f"DROP {kind} {self.maybe(0.3, 'IF EXISTS ')}{name}"
            + self.maybe(0.5, " CASCADE")]
        if found["k"] == "e":
            label = self.one(found["labels"] or ["x"]).replace("'", "''")
            fresh = self.one(words.LABELS)
            options += 2 * [
                f"ALTER TYPE {name} ADD VALUE "
                f"{self.maybe(0.3, 'IF NOT EXISTS ')}'{fresh}'"
                + self.maybe(0.3, f" BEFORE '{label}'"),
                f"ALTER TYPE {name} RENAME VALUE '{label}' TO '{fresh}'",
                self.remake_enum(found, name)]
        elif found["k"] == "d":
            options += 2 * [
                f"ALTER DOMAIN {name} ADD "
                + self.maybe(0.5, "CONSTRAINT dc ") + "CHECK "
                + self.one(["(VALUE IS NOT NULL)", "(VALUE::text <> 'q')",
                            "(VALUE > 0)", "(length(VALUE) < 9)"])
                + self.maybe(0.2, " NOT VALID"),
                f"ALTER DOMAIN {name} {self.one(['SET', 'DROP'])} NOT NULL",
                f"ALTER DOMAIN {name} " + self.one(
                    ["SET DEFAULT '1'", "DROP DEFAULT"])]
            if found["cons"]:
                con = self.q(self.one(found["cons"]))
                options += 3 * [f"ALTER DOMAIN {name} DROP CONSTRAINT {con}",
                                f"ALTER DOMAIN {name} RENAME CONSTRAINT "
                                f"{con} TO dcr"]
        else:
            attr = self.q(self.one(found["attrs"] or ["street"]))
            options += [f"ALTER TYPE {name} ADD ATTRIBUTE zip "
                        f"{self.type()}",
                        f"ALTER TYPE {name} DROP ATTRIBUTE {attr} CASCADE",
                        f"ALTER TYPE {name} RENAME ATTRIBUTE {attr} TO b2"]
        return self.one(options)

    def remake_enum(self, found, name):
        """What every guide says about removing a value of an enum."""
        labels = (found["labels"] or ["a"])[:-1] or ["only"]
        listed = ", ".join("'" + x.replace("'", "''") + "'" for x in labels)
        users = [(t, c) for t in self.w.kinds("r") for c in t["cols"]
                 if c["t"].split(".")[-1].strip('"') == found["n"]]
        text = f"ALTER TYPE {name} RENAME TO old_one;\n" \
            f"CREATE TYPE {self.q(found['s'])}.{self.q(found['n'])} AS ENUM" \
            f" ({listed});\n"
        for table, column in users:
            own, full = self.q(column["n"]), self.w.name(table)
            kind = f"{self.q(found['s'])}.{self.q(found['n'])}"
            text += f"ALTER TABLE {full} ALTER {own} DROP DEFAULT, " \
                f"ALTER {own} TYPE {kind} USING {own}::text::{kind};\n"
        return text + f"DROP TYPE {self.q(found['s'])}.old_one"

    def create_function(self):
        name = self.new_relation(words.FUNCTIONS)
        replace = self.maybe(0.5, "OR REPLACE ")
        return self.one([
            f"CREATE {replace}FUNCTION {name}() RETURNS trigger AS $fn$\n"
            "BEGIN NEW := NEW; RETURN NEW; END;\n$fn$ LANGUAGE plpgsql",
            f"CREATE {replace}FUNCTION {name}(a int, b int DEFAULT "
            f"{self.r.randint(0, 1)}) RETURNS int LANGUAGE sql "
            f"{self.one(['', 'IMMUTABLE ', 'STRICT '])}AS 'SELECT a + b'",
            f"CREATE {replace}FUNCTION {name}({self.one(['x', 'y'])} text) "
            f"RETURNS {self.one(['text', 'varchar'])} LANGUAGE sql AS "
            f"$$ SELECT lower($1) {self.maybe(0.3, ';')} $$",
            f"CREATE {replace}FUNCTION {name}(x text, VARIADIC r int[]) "
            "RETURNS int LANGUAGE sql RETURN 1",
            f"CREATE {replace}FUNCTION {name}(OUT a int, OUT b text) "
            "LANGUAGE sql AS $_$ SELECT 1, 'x' $_$",
            f"CREATE {replace}FUNCTION {name}(x int) RETURNS TABLE (n int) "
            "LANGUAGE sql SECURITY DEFINER AS $$ SELECT 1; $$",
            f"CREATE {replace}PROCEDURE {name}(x int) LANGUAGE sql AS "
            "'SELECT 1'"])

    def change_function(self):
        found = self.one(self.w.functions)
        if not found:
            return None
        kind = {"p": "PROCEDURE"}.get(found["k"], "FUNCTION")
        name = self.w.name(found, self.w.functions)
        args = self.maybe(0.8, f"({found['a']})")
        return self.one([
            f"DROP {kind} {self.maybe(0.3, 'IF EXISTS ')}{name}{args}"
            + self.maybe(0.4, " CASCADE"),
            f"ALTER {kind} {name}{args} RENAME TO "
            f"{self.q(self.new_name(words.FUNCTIONS))}",
            f"ALTER {kind} {name}{args} OWNER TO app",
            f"ALTER {kind} {name}{args} SET SCHEMA "
            f"{self.one(self.w.schemas)}",
            f"ALTER {kind} {name}{args} SET search_path = ''",
            f"ALTER FUNCTION {name}{args} {self.one(['STRICT', 'STABLE'])}",
            f"REVOKE ALL ON {kind} {name}{args} FROM PUBLIC",
            f"GRANT EXECUTE ON {kind} {name}{args} TO app_ro"])

    def trigger(self):
        table = self.table(kinds="rp")
        functions = [f for f in self.w.functions if f["trigger"]]
        if not table:
            return None
        if table["trg"] and self.r.random() < 0.5:
            name = self.q(self.one(table["trg"]))
            return self.one([
                f"DROP TRIGGER {self.maybe(0.4, 'IF EXISTS ')}{name} ON "
                f"{self.w.name(table)}",
                f"ALTER TRIGGER {name} ON {self.w.name(table)} RENAME TO "
                f"{self.q(self.new_name(['trg_x', 'trg_y']))}"])
        if not functions:
            return None
        of = self.column(table)
        event = self.one(["INSERT", "INSERT OR UPDATE", "UPDATE", "DELETE"])
        if of and event == "UPDATE":
            event += self.maybe(0.4, f" OF {self.q(of['n'])}")
        return f"CREATE {self.maybe(0.2, 'OR REPLACE ')}TRIGGER " \
            f"{self.q(self.new_name(['set_updated', 'trg', 'Audit']))} " \
            f"{self.one(['BEFORE', 'AFTER'])} {event} ON " \
            f"{self.w.name(table)} FOR EACH ROW EXECUTE " \
            f"{self.one(['FUNCTION', 'PROCEDURE'])} " \
            f"{self.w.name(self.one(functions), self.w.functions)}()"

    def policy(self):
        table = self.table(kinds="rp", test=lambda t: t["cols"])
        if not table:
            return None
        name = self.w.name(table)
        if table["pol"] and self.r.random() < 0.6:
            own = self.q(self.one(table["pol"]))
            return self.one([
                f"DROP POLICY {own} ON {name}",
                f"ALTER POLICY {own} ON {name} TO "
                f"{self.one(['app_ro', 'PUBLIC', 'app'])}",
                f"ALTER POLICY {own} ON {name} USING "
                f"({self.check(table)})",
                f"ALTER POLICY {own} ON {name} RENAME TO "
                f"{self.new_name(['p9', 'p8'])}"])
        return f"CREATE POLICY {self.q(self.new_name(['p_read', 'P one']))} "\
            f"ON {name} " + self.maybe(0.2, "AS RESTRICTIVE ") + \
            self.maybe(0.4, f"FOR {self.one(['SELECT', 'ALL', 'UPDATE'])} ")\
            + self.maybe(0.4, "TO app_ro ") + f"USING ({self.check(table)})"

    def right(self):
        relation = self.table(kinds="rpvmS")
        role = self.one(["app_ro", "app", "PUBLIC"])
        if not relation:
            return None
        words_ = "USAGE" if relation["k"] == "S" else self.one(
            ["SELECT", "SELECT, INSERT", "ALL", "ALL PRIVILEGES", "UPDATE"])
        what = "SEQUENCE " if relation["k"] == "S" else self.maybe(
            0.5, "TABLE ")
        column = self.column(relation) if relation["k"] != "S" else None
        schema = self.q(self.one(self.w.schemas))
        verb, link = self.one([("GRANT", "TO"), ("GRANT", "TO"),
                               ("REVOKE", "FROM")])
        options = [f"{verb} {words_} ON {what}{self.w.name(relation)} "
                   f"{link} {role}"] * 4
        options += [
            f"{verb} USAGE ON SCHEMA {schema} {link} {role}",
            f"{verb} SELECT ON ALL TABLES IN SCHEMA {schema} {link} {role}",
            f"{verb} ALL ON ALL SEQUENCES IN SCHEMA {schema} {link} {role}",
            f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} "
            f"{verb} SELECT ON TABLES {link} {role}"]
        if column:
            options.append(f"{verb} SELECT ({self.q(column['n'])}) ON "
                           f"{self.w.name(relation)} {link} {role}")
        return self.one(options)

    def sequence(self):
        found = self.table(kinds="S")
        if not found or self.r.random() < 0.3:
            return f"CREATE SEQUENCE {self.new_relation(['sq', 'Seq'])}" + \
                self.one(["", " START 10", " AS int INCREMENT BY 5",
                          " OWNED BY NONE", " CYCLE MAXVALUE 9"])
        name = self.w.name(found)
        table = self.table(kinds="r", test=lambda t: t["cols"])
        options = [f"DROP SEQUENCE {name}" + self.maybe(0.5, " CASCADE"),
                   f"ALTER SEQUENCE {name} INCREMENT BY 3",
                   f"ALTER SEQUENCE {name} RESTART WITH 50",
                   f"ALTER SEQUENCE {name} AS {self.one(['bigint', 'int'])}",
                   f"ALTER SEQUENCE {name} MAXVALUE 5000 CYCLE",
                   f"ALTER SEQUENCE {name} OWNED BY NONE"]
        if table:
            column = self.q(self.column(table)["n"])
            options += [f"ALTER SEQUENCE {name} OWNED BY "
                        f"{self.q(found['s'])}.{self.q(table['n'])}."
                        f"{column}",
                        f"ALTER TABLE {self.w.name(table)} ALTER {column} "
                        f"SET DEFAULT nextval('{name}')",
                        f"ALTER TABLE {self.w.name(table)} ADD q_"
                        f"{self.r.randint(1, 9)} bigint NOT NULL DEFAULT "
                        f"nextval('{name}'::regclass)"]
        return self.one(options)

    def schema(self):
        name = self.one(["app", "Mixed", "archive"])
        return self.one([
            f"CREATE SCHEMA {self.maybe(0.7, 'IF NOT EXISTS ')}"
            f"{self.q(name)}",
            f"SET search_path TO {self.q(self.one(self.w.schemas))}, public",
            "SET search_path = public", f"SET LOCAL search_path TO "
            f"{self.q(self.one(self.w.schemas))}",
            f"ALTER SCHEMA {self.q(self.one(self.w.schemas))} RENAME TO "
            f"{self.one(['renamed', 'app2'])}" if self.r.random() < 0.2
            else "SELECT 1",
            f"DROP SCHEMA {self.q(self.one(self.w.schemas))}"
            + self.maybe(0.3, " CASCADE") if self.r.random() < 0.2
            else "RESET search_path",
            "CREATE EXTENSION IF NOT EXISTS pg_trgm",
            "DROP EXTENSION IF EXISTS pg_trgm"])

    def rule(self):
        table = self.table(kinds="r")
        return table and self.one([
            f"CREATE OR REPLACE RULE no_delete AS ON DELETE TO "
            f"{self.w.name(table)} DO INSTEAD NOTHING",
            f"DROP RULE IF EXISTS no_delete ON {self.w.name(table)}"])

    WEIGHTS = {
        "create_table": 9, "create_like": 2, "create_as": 2,
        "create_child": 1, "create_partitioned": 1, "create_partition": 2,
        "attach": 2, "drop_table": 2, "rename_table": 4, "alter_table": 34,
        "rename_column": 5, "recreate_column": 2, "replace_constraint": 4,
        "create_index": 9, "change_index": 4, "data": 5, "create_view": 5,
        "change_view": 5, "create_type": 4, "change_type": 7,
        "create_function": 5, "change_function": 4, "trigger": 4,
        "policy": 3, "right": 5, "sequence": 4, "schema": 3, "rule": 1}

    def statement(self):
        """One statement, or some that belong together, or None."""
        names = list(self.WEIGHTS)
        kind = self.r.choices(names, [self.WEIGHTS[n] for n in names])[0]
        return getattr(self, kind)()
