--- A change that an older release does not survive, as several releases that
--- each survive the one before: expand now, contract a release later. From a
--- finding's code and object come the steps with their SQL, as far as the
--- finding names what they need; what it does not name is <in brackets>.

local expand = {}

--- When a step is made: in this release, in the next one, or in one behind
--- which nobody goes back any more.
local NOW, NEXT, LATER = "now", "next", "later"

local function step(release, what, ...)
  local sql = { ... }
  return { release = release, what = what, sql = sql[1] and sql or nil }
end

--- "public.users.email" as "public.users" and "email".
local function split(object)
  local table, column = object:match "^(.*)%.([^.]+)$"
  return table or object, column or object
end

--- "old -> new" as both; the new one is what a person has to fill in.
local function sides(detail)
  local old, new = (detail or ""):match "^%s*(.-)%s*%->%s*(.-)%s*$"
  return old, new or "<new>"
end

--- "public.t(a, b)" as "public.t" and "a, b".
local function key(object)
  local table, columns = object:match "^([^(]+)(%b())"
  return table or object, columns and columns:sub(2, -2) or "<columns>"
end

local function last(name) return name:match "[^.]+$" end

local function alter(table, format, ...)
  return ("ALTER TABLE %s %s;"):format(table, format:format(...))
end

local function unused(what)
  return step(NOW, "ship code that neither reads nor writes " .. what ..
    "; leave it in the schema")
end

local function backfill(table, set, where)
  return ("UPDATE %s SET %s WHERE %s; -- in batches, outside of the " ..
    "migration"):format(table, set, where)
end

local function column_removed(f)
  local table, column = split(f.object)
  return {
    unused(f.object),
    step(NOW, "let INSERTs that do not name it through, if it is NOT NULL " ..
      "without a default",
      alter(table, "ALTER COLUMN %s DROP NOT NULL", column)),
    step(LATER, "remove it when nobody goes back to code that uses it",
      alter(table, "DROP COLUMN %s", column)),
  }
end

local function relation_removed(words)
  return function(f)
    return {
      unused(f.object),
      step(LATER, "remove it when nobody goes back to code that uses it",
        ("DROP %s %s;"):format(words, f.object)),
    }
  end
end

--- Two columns that hold the same for as long as both codes run.
local function two_columns(table, old, new, definition, convert)
  return {
    step(NOW, "add the new column beside the old one, and let a trigger or " ..
      "the code write both",
      alter(table, "ADD COLUMN %s %s", new, definition),
      backfill(table, ("%s = %s"):format(new, convert), new .. " IS NULL")),
    step(NEXT, "read the new column, and go on writing both"),
    step(LATER, "stop writing the old column, then remove it",
      alter(table, "DROP COLUMN %s", old)),
  }
end

local function column_renamed(f)
  local table, old = split(f.object)
  local _, new = sides(f.detail)
  return two_columns(table, old, last(new), "<type>", old)
end

local function type_changed(f)
  local table, column = split(f.object)
  local _, type = sides(f.detail)
  return two_columns(table, column, column .. "_new", type,
    ("%s::%s"):format(column, type))
end

--- A cast to a shorter type cuts off or rounds and says nothing: the values
-- are mended by people, and no copy is made.
local function type_narrowed(f)
  local table, column = split(f.object)
  local _, type = sides(f.detail)
  return {
    step(NOW, "ship code that writes only values that fit, and mend the " ..
      "rows that do not", ("SELECT * FROM %s WHERE %s <> %s::%s;"):format(
        table, column, column, type)),
    step(LATER, "make the type narrower when no older code writes any more",
      alter(table, "ALTER COLUMN %s TYPE %s", column, type)),
  }
end

local function relation_renamed(word, f)
  local old, new = sides((f.detail and f.object .. " " .. f.detail)
    or f.object)
  old = old or f.object
  return {
    step(NOW, "rename it, and leave a view of the old name in the same " ..
      "transaction; PostgreSQL writes through it",
      ("ALTER %s %s RENAME TO %s;"):format(word, old, last(new)),
      ("CREATE VIEW %s AS SELECT * FROM %s;"):format(old, new)),
    step(NEXT, "use the new name in the code"),
    step(LATER, "remove the view", ("DROP VIEW %s;"):format(old)),
  }
end

--- The way to NOT NULL that locks for moments only (PostgreSQL 12 and later).
local function make_not_null(table, column)
  local name = column .. "_is_there"
  return step(LATER, "tighten when no older code writes NULL any more",
    alter(table, "ADD CONSTRAINT %s CHECK (%s IS NOT NULL) NOT VALID", name,
      column),
    alter(table, "VALIDATE CONSTRAINT %s", name),
    alter(table, "ALTER COLUMN %s SET NOT NULL", column),
    alter(table, "DROP CONSTRAINT %s", name))
end

local function not_null_added(f)
  local table, column = split(f.object)
  return {
    step(NOW, "ship code that always writes it, and give older INSERTs a " ..
      "default", alter(table, "ALTER COLUMN %s SET DEFAULT <value>", column),
      backfill(table, column .. " = <value>", column .. " IS NULL")),
    make_not_null(table, column),
  }
end

local function required_column(f)
  local table, column = split(f.object)
  return {
    step(NOW, "add it without NOT NULL, or with a default that stays",
      alter(table, "ADD COLUMN %s <type>", column)),
    step(NEXT, "ship code that always writes it, and fill the older rows",
      backfill(table, column .. " = <value>", column .. " IS NULL")),
    make_not_null(table, column),
  }
end

local function default_dropped(f)
  local table, column = split(f.object)
  return {
    step(NOW, "keep the default, and ship code that always writes the column"),
    step(LATER, "drop it when no older code inserts any more",
      alter(table, "ALTER COLUMN %s DROP DEFAULT", column)),
  }
end

local function unique_added(f)
  local table, columns = key(f.object)
  local name = last(table) .. "_unique"
  return {
    step(NOW, "ship code that writes no duplicates, and remove those that " ..
      "are there",
      ("SELECT %s, count(*) FROM %s GROUP BY %s HAVING count(*) > 1;"):format(
        columns, table, columns)),
    step(LATER, "make it unique when no older code writes any more",
      ("CREATE UNIQUE INDEX CONCURRENTLY %s ON %s (%s);"):format(name, table,
        columns),
      alter(table, "ADD CONSTRAINT %s UNIQUE USING INDEX %s", name, name)),
  }
end

local function foreign_key_added(f)
  local table, columns = key(f.object)
  local _, parent = sides((f.detail and f.object .. " " .. f.detail)
    or f.object)
  local name = last(table) .. "_fk"
  return {
    step(NOW, "ship code that writes no orphans and deletes children before " ..
      "their parents; mend those that are there"),
    step(LATER, "add the key when no older code writes any more, in two " ..
      "transactions",
      alter(table, "ADD CONSTRAINT %s FOREIGN KEY (%s) REFERENCES %s " ..
        "NOT VALID", name, columns, parent),
      alter(table, "VALIDATE CONSTRAINT %s", name)),
  }
end

local function check_added(f)
  local table = f.object:match "^%S+"
  return {
    step(NOW, "ship code that writes only what the check will let through, " ..
      "and mend the rows that are there"),
    step(LATER, "add the check when no older code writes any more, in two " ..
      "transactions",
      alter(table, "ADD CONSTRAINT <name> CHECK (<condition>) NOT VALID"),
      alter(table, "VALIDATE CONSTRAINT <name>")),
  }
end

local function label_removed(f)
  return {
    unused(("the value %s of %s"):format(f.detail or "", f.object)),
    step(NEXT, "give the rows that hold it another value"),
    step(LATER, "leave it in the type: PostgreSQL cannot take a value away, " ..
      "and an unused one costs nothing"),
  }
end

local function label_renamed(f)
  local old, new = sides(f.detail)
  return {
    step(NOW, "add the new value, and ship code that understands both and " ..
      "writes the old one",
      ("ALTER TYPE %s ADD VALUE '%s';"):format(f.object, new)),
    step(NEXT, "write the new value, and change the rows that hold " ..
      (old or "the old one")),
    step(LATER, "stop reading the old value; leave it in the type"),
  }
end

local function partial(word)
  return function(f) return relation_renamed(word, f) end
end

local ways = {
  column_removed = column_removed,
  view_column_removed = relation_removed "VIEW",
  column_renamed = column_renamed,
  column_type_changed = type_changed,
  column_type_narrowed = type_narrowed,
  column_type_int_widened = type_changed,
  column_type_int_narrowed = type_changed,
  table_removed = relation_removed "TABLE",
  view_removed = relation_removed "VIEW",
  matview_removed = relation_removed "MATERIALIZED VIEW",
  sequence_removed = relation_removed "SEQUENCE",
  enum_removed = relation_removed "TYPE",
  domain_removed = relation_removed "DOMAIN",
  function_removed = relation_removed "FUNCTION",
  table_renamed = partial "TABLE",
  view_renamed = partial "VIEW",
  not_null_added = not_null_added,
  required_column_added = required_column,
  default_dropped_on_not_null = default_dropped,
  unique_added = unique_added,
  unique_changed = unique_added,
  fk_added = foreign_key_added,
  check_added = check_added,
  check_changed = check_added,
  enum_value_removed = label_removed,
  enum_value_renamed = label_renamed,
}

--- The steps of a finding: a list of { release = "now"|"next"|"later", what,
--- sql = {texts} or nil } in their order; nil for a code without a common
--- way, whose `safe` text is all there is to say.
function expand.steps(finding)
  local way = ways[finding.code]
  if not way or type(finding.object) ~= "string" then return nil end
  return way(finding)
end

--- The same for a reply, whose lists are made by `list`; nil where there is
--- nothing to say, as for a finding that older code survives.
function expand.reply(finding, list)
  local steps = finding.level == "incompatible" and expand.steps(finding)
  if not steps then return nil end
  local out = list()
  for i, one in ipairs(steps) do
    local sql = list()
    table.move(one.sql or {}, 1, #(one.sql or {}), 1, sql)
    out[i] = { release = one.release, what = one.what, sql = sql }
  end
  return out
end

--- The codes that have steps, sorted; for the documents and tests.
function expand.codes()
  local list = {}
  for code in pairs(ways) do list[#list + 1] = code end
  table.sort(list)
  return list
end

return expand
