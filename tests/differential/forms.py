"""Statements at random over what a database holds, table by table."""

import words


class Forms:
    """Makers of parts and of whole statements; each gives text or None where
    there is nothing that it could be about."""

    def __init__(self, world, rng):
        self.w, self.r = world, rng
        self.q = world.quote

    # -- parts --------------------------------------------------------------

    def one(self, items):
        return self.r.choice(items) if items else None

    def maybe(self, share, text):
        return text if self.r.random() < share else ""

    def new_name(self, names):
        name = self.one(names)
        return name + self.maybe(0.25, self.one(["2", "_old", "_v3"]))

    def new_relation(self, names=None):
        name = self.q(self.new_name(names or words.TABLES))
        if self.r.random() < 0.25:
            return f"{self.q(self.one(self.w.schemas))}.{name}"
        return name

    def new_column(self, table):
        taken = {c["n"] for c in table["cols"]} if table else set()
        for _ in range(6):
            name = self.new_name(words.COLUMNS)
            if name not in taken:
                return name
        return name

    def table(self, test=None, kinds="rp"):
        return self.one(self.w.kinds(kinds, test))

    def column(self, table, test=None):
        return self.one([c for c in table["cols"]
                         if not test or test(c)]) if table else None

    def user_type(self):
        found = self.one(self.w.types)
        return found and self.w.name(found, self.w.types)

    def type(self):
        if self.r.random() < 0.15:
            found = self.user_type()
            if found:
                return found + self.maybe(0.15, "[]")
        return self.one(words.TYPES)

    def value(self, kind):
        return self.one(words.VALUES.get(words.family(kind), ["NULL"]))

    def check(self, table, column=None):
        first = column or self.column(table)
        if first is None:
            return "true"
        name = self.q(first["n"])
        if len(table["cols"]) > 1 and self.r.random() < 0.2:
            other = self.column(table)
            return self.one(words.PAIR_CHECKS).format(name,
                                                      self.q(other["n"]))
        options = words.CHECKS.get(words.family(first["t"])) \
            if self.r.random() < 0.8 else None
        text = self.one(options or words.ANY_CHECK).format(name)
        if self.r.random() < 0.15:
            other = self.column(table)
            more = self.one(words.CHECKS.get(words.family(other["t"])) or
                            words.ANY_CHECK)
            text = f'({text}) {self.one(["AND", "OR"])} ' \
                   f'({more.format(self.q(other["n"]))})'
        return text

    def key_of(self, table):
        """Columns of a unique key of the table, or None."""
        keys = [i["cols"] for i in table["idx"] if i["u"] and i["plain"]
                and i["cols"]]
        return self.one(keys)

    def actions(self):
        action = ["CASCADE", "SET NULL", "NO ACTION", "RESTRICT",
                  "SET DEFAULT"]
        return self.maybe(0.5, f" ON DELETE {self.one(action)}") + \
            self.maybe(0.2, f" ON UPDATE {self.one(action)}") + \
            self.maybe(0.1, " DEFERRABLE INITIALLY DEFERRED")

    def references(self):
        target = self.table(lambda t: self.key_of(t) and
                            len(self.key_of(t)) == 1)
        if not target:
            return None, None
        key = self.key_of(target)
        name = next(c for c in target["cols"] if c["n"] == key[0])
        text = f"REFERENCES {self.w.name(target)}" + \
            self.maybe(0.6, f" ({self.q(key[0])})") + self.actions()
        return text, name["t"]

    def column_def(self, table, name=None):
        """A column with what may stand behind it."""
        name = name or self.new_column(table)
        if self.r.random() < 0.15:
            text, kind = self.references()
            if text:
                return f"{self.q(name)} {kind}" + \
                    self.maybe(0.2, " NOT NULL") + " " + text
        if self.r.random() < 0.05:
            return f"{self.q(name)} {self.one(['serial', 'bigserial'])}"
        if self.r.random() < 0.05:
            how = self.one(["ALWAYS", "BY DEFAULT"])
            return f"{self.q(name)} bigint GENERATED {how} AS IDENTITY"
        if table and self.r.random() < 0.06:
            of = self.column(table, lambda c: words.family(c["t"]) in
                             ("number", "text") and not c["g"])
            if of:
                expr = self.one(words.EXPRESSIONS[words.family(of["t"])])
                return f"{self.q(name)} text GENERATED ALWAYS AS " \
                       f"(({expr.format(self.q(of['n']))})::text) STORED"
        kind = self.type()
        full = self.full_type(kind)
        parts = [self.q(name), kind]
        if words.family(full) == "text" and self.r.random() < 0.06:
            parts.append('COLLATE "C"')
        extra = []
        if self.r.random() < 0.35:
            extra.append("NOT NULL")
        if self.r.random() < 0.45:
            extra.append(f"DEFAULT {self.value(full)}")
        if self.r.random() < 0.1:
            extra.append("UNIQUE")
        if self.r.random() < 0.12:
            checks = words.CHECKS.get(words.family(full), words.ANY_CHECK)
            label = self.maybe(0.3, f"CONSTRAINT {self.q(name + '_chk')} ")
            extra.append(f"{label}CHECK "
                         f"({self.one(checks).format(self.q(name))})")
        if self.r.random() < 0.04:
            extra.append("NULL" if "NOT NULL" not in extra else "")
        self.r.shuffle(extra)
        return " ".join(p for p in parts + extra if p)

    def full_type(self, kind):
        """As format_type spells it, or the text itself."""
        try:
            return self.w.session.run(
                f"SAVEPOINT kind; SELECT format_type('{kind}'::regtype, NULL)"
            ) or kind
        except Exception:
            self.w.session.run("ROLLBACK TO kind")
            return kind
        finally:
            self.w.session.run("RELEASE kind")

    def table_constraint(self, table):
        column = self.column(table)
        if not column:
            return None
        label = self.maybe(0.5, "CONSTRAINT " + self.q(
            self.new_name(["ck", "uq", "fk", table["n"] + "_" + column["n"] +
                           self.one(["_check", "_key", "_fkey"])])) + " ")
        kind = self.r.random()
        if kind < 0.4:
            return f"{label}CHECK ({self.check(table)})" + \
                self.maybe(0.15, " NOT VALID") + \
                self.maybe(0.04, " NO INHERIT")
        if kind < 0.65:
            return f"{label}UNIQUE {self.maybe(0.1, 'NULLS NOT DISTINCT ')}" \
                f"({self.columns(table)})" + \
                self.maybe(0.1, " DEFERRABLE")
        if kind < 0.72:
            return f"{label}PRIMARY KEY ({self.columns(table)})"
        if kind < 0.95:
            text, want = self.references()
            own = self.column(table, lambda c: c["t"] == want) or column
            return text and f"{label}FOREIGN KEY ({self.q(own['n'])}) " \
                + text + self.maybe(0.2, " NOT VALID")
        return f"{label}EXCLUDE USING btree ({self.q(column['n'])} WITH =)"

    def columns(self, table, most=3):
        if not table["cols"]:
            return "1"
        count = self.r.randint(1, min(most, len(table["cols"])))
        if self.r.random() < 0.6:
            count = 1
        return ", ".join(self.q(c["n"])
                         for c in self.r.sample(table["cols"], count))

    # -- tables -------------------------------------------------------------

    def create_table(self):
        fake = {"n": self.new_name(words.TABLES), "cols": []}
        name = self.q(fake["n"])
        if self.r.random() < 0.2:
            name = f"{self.q(self.one(self.w.schemas))}.{name}"
        parts = []
        key = self.r.random()
        if key < 0.85:
            parts.append(self.one([
                "id serial PRIMARY KEY", "id bigserial PRIMARY KEY",
                "id uuid PRIMARY KEY DEFAULT gen_random_uuid()",
                "id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
                "id int GENERATED ALWAYS AS IDENTITY (START WITH 10) UNIQUE",
                "id text NOT NULL, PRIMARY KEY (id)", "id int NOT NULL",
                '"Id" SERIAL NOT NULL, CONSTRAINT pk PRIMARY KEY ("Id")']))
            fake["cols"].append({"n": "Id" if '"Id"' in parts[0] else "id",
                                 "t": "integer", "g": ""})
        for _ in range(self.r.randint(1, 6)):
            text = self.column_def(fake)
            label = text.split(" ")[0]
            plain = label.strip('"') if label[0] == '"' else label.lower()
            kind = text.split(" ")[1] if " " in text else "text"
            fake["cols"].append({"n": plain, "t": self.full_type(kind),
                                 "g": ""})
            parts.append(text)
        for _ in range(self.one([0, 0, 0, 1, 2])):
            text = self.table_constraint(fake)
            if text:
                parts.append(text)
        return f"CREATE {self.maybe(0.04, 'UNLOGGED ')}TABLE " \
            f"{self.maybe(0.25, 'IF NOT EXISTS ')}{name} (\n  " + \
            ",\n  ".join(parts) + "\n)"

    def create_like(self):
        source = self.table(kinds="rpv")
        if not source:
            return None
        what = self.one(["ALL", "DEFAULTS", "INDEXES", "CONSTRAINTS",
                         "IDENTITY", "GENERATED", "ALL EXCLUDING INDEXES"])
        return f"CREATE TABLE {self.new_relation()} " \
            f"(LIKE {self.w.name(source)} INCLUDING {what}" + \
            self.maybe(0.3, ", extra_column int DEFAULT 1") + ")"

    def create_as(self):
        source = self.table(kinds="rpvm")
        if not source:
            return None
        return f"CREATE {self.maybe(0.1, 'TEMP ')}TABLE " \
            f"{self.new_relation()} AS SELECT " + \
            self.one(["*", self.columns(source), "count(*) AS n",
                      self.columns(source) + ", 1 AS one, 'x' AS word, "
                      "now() AS at"]) + f" FROM {self.w.name(source)}" + \
            self.maybe(0.3, " WITH NO DATA")

    def create_child(self):
        parent = self.table()
        if not parent:
            return None
        return f"CREATE TABLE {self.new_relation()} (" + \
            self.maybe(0.6, f"own_{self.r.randint(1, 9)} int NOT NULL") + \
            f") INHERITS ({self.w.name(parent)})"

    def create_partitioned(self):
        name = self.new_relation()
        return self.one([
            f"CREATE TABLE {name} (id int, at date NOT NULL, note text) "
            "PARTITION BY RANGE (at)",
            f"CREATE TABLE {name} (k text NOT NULL, v int DEFAULT 0) "
            "PARTITION BY LIST (k)",
            f"CREATE TABLE {name} (id bigint PRIMARY KEY, w text) "
            "PARTITION BY HASH (id)"])

    def bound(self, parent):
        key = parent["key"]
        if self.r.random() < 0.15 and not key.startswith("HASH"):
            return "DEFAULT"
        number = self.r.randint(1, 8)
        if key.startswith("RANGE"):
            return f"FOR VALUES FROM ('202{number}-01-01') " \
                   f"TO ('202{number + 1}-01-01')"
        if key.startswith("LIST"):
            return f"FOR VALUES IN ('k{number}')"
        return f"FOR VALUES WITH (MODULUS 4, REMAINDER {number % 4})"

    def create_partition(self):
        parent = self.one(self.w.kinds("p"))
        return parent and f"CREATE TABLE {self.new_relation()} PARTITION OF" \
            f" {self.w.name(parent)} {self.bound(parent)}"

    def attach(self):
        parent = self.one(self.w.kinds("p"))
        if not parent:
            return None
        parts = [t for t in self.w.kinds("r") if t["part"]]
        if parts and self.r.random() < 0.5:
            part = self.one(parts)
            return f"ALTER TABLE {part['parent']} DETACH PARTITION " \
                f"{self.w.name(part)}"
        names = [c["n"] for c in parent["cols"]]
        fits = self.table(lambda t: not t["part"] and
                          [c["n"] for c in t["cols"]] == names, "r")
        if not fits:
            return f"CREATE TABLE {self.new_relation()} " \
                f"(LIKE {self.w.name(parent)} INCLUDING ALL)"
        return f"ALTER TABLE {self.w.name(parent)} ATTACH PARTITION " \
            f"{self.w.name(fits)} {self.bound(parent)}"

    def drop_table(self):
        table = self.table()
        if not table:
            return None
        name = self.w.name(table)
        text = f"DROP TABLE {self.maybe(0.3, 'IF EXISTS ')}{name}" + \
            self.maybe(0.4, " CASCADE")
        if self.r.random() < 0.3:
            columns = ", ".join(f"{self.q(c['n'])} {c['t']}"
                                for c in table["cols"])
            return f"{text};\nCREATE TABLE {name} ({columns})"
        return text

    def rename_table(self):
        table = self.table(kinds="rpvmS")
        if not table:
            return None
        kind = {"v": "VIEW", "m": "MATERIALIZED VIEW", "S": "SEQUENCE"}.get(
            table["k"], "TABLE")
        name = self.w.name(table)
        roll = self.r.random()
        if roll < 0.15:
            return f"ALTER {kind} {name} SET SCHEMA " \
                f"{self.q(self.one(self.w.schemas))}"
        new = self.q(self.new_name(words.TABLES))
        text = f"ALTER {kind} {self.maybe(0.1, 'IF EXISTS ')}{name} " \
            f"RENAME TO {new}"
        other = self.table(lambda t: t["s"] == table["s"] and t != table,
                           "rp")
        schema = self.q(table["s"])
        if roll < 0.3 and other and kind == "TABLE":  # a swap
            return f"ALTER TABLE {name} RENAME TO swap_tmp;\n" \
                f"ALTER TABLE {schema}.{self.q(other['n'])} RENAME TO " \
                f"{self.q(table['n'])};\nALTER TABLE {schema}.swap_tmp " \
                f"RENAME TO {self.q(other['n'])}"
        if roll < 0.5 and kind == "TABLE":  # and a view of the old name
            columns = "*" if self.r.random() < 0.6 else self.columns(table)
            return f"{text};\nCREATE VIEW {schema}.{self.q(table['n'])} AS " \
                f"SELECT {columns} FROM {schema}.{new}"
        return text
