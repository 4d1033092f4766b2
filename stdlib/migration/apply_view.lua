-- luacheck: globals host migration
--- Views, materialized views, rules, sequences, schemas and extensions.

local state, types = migration.apply_state, migration.apply_types
local tables, query = migration.apply_table, migration.apply_query

local view = {}

local function lock_sources(s, tree)
  for _, source in ipairs(query.sources(s, tree)) do
    s:lock(source.relation, "AccessShareLock")
  end
end

local function option_value(arg)
  if not arg then return "true" end
  local text = arg.String and arg.String.sval or arg.TypeName and
    select(2, types.qualified(arg.TypeName.names))
  return text or arg.Integer and tostring(arg.Integer.ival or 0) or "?"
end

local CHECKS = { LOCAL_CHECK_OPTION = "local",
                 CASCADED_CHECK_OPTION = "cascaded" }

--- As pg_class.reloptions has them; WITH CHECK OPTION is one of them.
local function reloptions(stmt)
  local out = {}
  for _, node in ipairs(stmt.options or {}) do
    local def = node.DefElem
    out[#out + 1] = def.defname .. "=" .. option_value(def.arg)
  end
  local check = CHECKS[stmt.withCheckOption]
  if check then out[#out + 1] = "check_option=" .. check end
  return #out > 0 and out or nil
end

local function describe(s, relation, stmt)
  local found = query.columns(s, stmt.query)
  local aliases = types.texts(stmt.aliases)
  local old = relation.columns
  relation.columns, relation.assumed = {}, not found or nil
  for i, one in ipairs(found or {}) do
    relation.columns[i] = { attnum = i, name = aliases[i] or one.name,
                            type = one.type or old[i] and old[i].type,
                            type_id = one.type_id, not_null = false }
  end
  relation.definition, relation.options = stmt.query, reloptions(stmt)
  relation.depends, relation.stars = query.depends(s, stmt.query)
  relation.updatable = query.is_updatable(s, stmt.query)
  s.cat:connect(relation)
end

--- A view that nobody has described, or one of which only the name is known,
--- may get other rows now.
local function replaced_unknown(s, relation)
  s:find { level = "unknown", code = "view_definition_changed",
           object = state.label(relation),
           text = "if the view is older, its rows may be others now" }
end

function view.create(s, stmt)
  local range = stmt.view
  local schema = range.schemaname or s:home_schema()
  if range.relpersistence == "t" then schema = "pg_temp" end
  local there = s.cat:get("relations", schema, range.relname)
  lock_sources(s, stmt.query)
  if there and stmt.replace and there.kind == "view" then
    s:lock(there, "AccessExclusiveLock")
    if there.assumed and s:is_old("relations", there) then
      replaced_unknown(s, there)
    end
    describe(s, s:edit(there), stmt)
    return
  end
  if not tables.is_free(s, { schemaname = schema, relname = range.relname })
  then
    return
  end
  local relation = s:add_relation {
    schema = schema, name = range.relname, kind = "view", columns = {},
    persistence = range.relpersistence or "p" }
  if stmt.replace and not s.closed then replaced_unknown(s, relation) end
  describe(s, relation, stmt)
end

--- CREATE TABLE AS and CREATE MATERIALIZED VIEW.
function view.create_as(s, stmt)
  local kind = stmt.objtype == "OBJECT_MATVIEW" and "matview" or "table"
  if not stmt.query.SelectStmt then
    s:unknown("dynamic_sql", state.text(stmt.into.rel),
              "what EXECUTE gives is not known")
  end
  tables.create_as(s, stmt.into, stmt.query, kind, stmt.if_not_exists)
end

function view.refresh(s, stmt)
  local relation = s:relation(stmt.relation, "matview")
  if not relation then return end
  s:lock(relation, stmt.concurrent and "ExclusiveLock"
    or "AccessExclusiveLock", "rewrite")
  for _, d in ipairs(relation.depends or {}) do
    local source = s.cat.relations[d.id]
    if source then s:lock(source, "AccessShareLock") end
  end
  if relation.assumed and relation.populated == nil then
    local before = s.cat.before.relations[relation.id]
    if before then before.populated = true end
    relation.populated = true
  end
  s:edit(relation).populated = not stmt.skipData
end

function view.rule(s, stmt)
  local relation = s:relation(stmt.relation)
  if not relation then return end
  s:lock(relation, "AccessExclusiveLock")
  local there, at = state.by_name(relation.rules, stmt.rulename)
  s:edit(relation)
  if there then table.remove(relation.rules, at) end
  table.insert(relation.rules, {
    id = s.cat:new_id(), name = stmt.rulename, enabled = "O",
    definition = { event = stmt.event, instead = stmt.instead,
                   where = stmt.whereClause, actions = stmt.actions } })
  if relation.assumed then
    s:unknown("rule_added", state.label(relation),
              "the rule may change what older statements do")
  end
end

local function options_of(list)
  local out = {}
  for _, node in ipairs(list or {}) do
    out[node.DefElem.defname] = node.DefElem
  end
  return out
end
view.options_of = options_of

local function number(option)
  local arg = option and option.arg
  return arg and (arg.Integer and (arg.Integer.ival or 0) or
    arg.Float and tonumber(arg.Float.fval))
end

--- OWNED BY table.column
local function owner_of(s, option)
  local list = option and option.arg and option.arg.List
  local parts = types.texts(list and list.items)
  if #parts < 2 then return nil end
  local name = table.remove(parts)
  local relation = s:relation { relname = parts[#parts],
                                schemaname = parts[#parts - 1] }
  local found = relation and s:column(relation, name)
  return found and { id = relation.id, column = found.attnum }
end

local highest = { smallint = 32767, integer = 2147483647,
                  bigint = math.maxinteger }

--- What a sequence of that type and direction can give (sequence.c).
local function limits(q)
  local top = highest[q.type] or math.maxinteger
  if (q.increment or 1) < 0 then return -top - 1, -1 end
  return 1, top
end

--- The numbers that the options leave to a sequence. One that was at the end
--- of its type's range follows the type.
function view.retype(q, type, given)
  given = given or {}
  local low, high = limits(q)
  local at_low = q.min == nil or q.min == low
  local at_high = q.max == nil or q.max == high
  q.type = type or q.type
  q.increment = number(given.increment) or q.increment or 1
  low, high = limits(q)
  q.min = number(given.minvalue) or (at_low or given.minvalue) and low or q.min
  q.max = number(given.maxvalue) or (at_high or given.maxvalue) and high
    or q.max
  if given.cycle then
    local arg = given.cycle.arg
    q.cycle = arg == nil or arg.Boolean == nil or arg.Boolean.boolval == true
  end
end

local function change_range(s, q, given)
  view.retype(q, given.as and types.spell(s, given.as.arg.TypeName), given)
end

function view.sequence(s, stmt)
  local range = stmt.sequence
  if not tables.is_free(s, range, stmt.if_not_exists) then return end
  local given = options_of(stmt.options)
  local schema = range.relpersistence == "t" and "pg_temp" or range.schemaname
  local q = { type = "bigint", start = number(given.start) or 1,
              increment = 1, cycle = false,
              owned_by = owner_of(s, given.owned_by) }
  change_range(s, q, given)
  local relation = s:add_relation {
    schema = schema or s:home_schema(), name = range.relname,
    kind = "sequence", columns = {},
    persistence = range.relpersistence or "p", sequence = q,
  }
  s.cat:connect(relation)
end

function view.alter_sequence(s, stmt)
  local relation = s:relation(stmt.sequence, "sequence", stmt.missing_ok)
  if not relation then return end
  local given = options_of(stmt.options)
  s:edit(relation)
  relation.sequence = relation.sequence or {}
  local q = relation.sequence
  if given.owned_by then
    q.owned_by = owner_of(s, given.owned_by)
    given.owned_by = nil
    s.cat:connect(relation)
  end
  change_range(s, q, given)
  if (given.restart or relation.assumed and next(given)) and
    s:is_old("relations", relation) then
    s:find { level = "caution", kind = "behaviour", code = "sequence_changed",
             object = state.label(relation),
             text = given.restart and "RESTART: the next numbers are others "
               .. "than older code expects" or nil }
  end
end

--- CREATE SCHEMA, with the statements that may be inside.
function view.schema(s, stmt)
  local name = stmt.schemaname or stmt.authrole and stmt.authrole.rolename
  if not name then
    return s:unknown("not_judged", "schema", "a schema without a name")
  end
  if not s.cat:get("schemas", nil, name) and
    not (stmt.if_not_exists and not s.closed) then
    s:add("schemas", { name = name })
  end
  local path = s.path
  s.path = { name, table.unpack(path) }
  for _, element in ipairs(stmt.schemaElts or {}) do
    local kind, inner = next(element)
    migration.apply.statement(s, kind, inner)
  end
  s.path = path
end

function view.extension(s, stmt)
  local schema = options_of(stmt.options).schema
  if s.cat:get("extensions", nil, stmt.extname) then return end
  s:add("extensions", { name = stmt.extname, version = "",
                        schema = schema and schema.arg.String.sval
                          or s:home_schema() })
end

return view
