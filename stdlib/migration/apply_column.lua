-- luacheck: globals host migration
--- Columns: what a ColumnDef makes.

local state, names = migration.apply_state, migration.apply_names
local types, constraint = migration.apply_types, migration.apply_constraint
local query = migration.apply_query

local column = {}

local function nextval(sequence)
  local text = types.quote(sequence.schema) .. "."
    .. types.quote(sequence.name)
  return { FuncCall = {
    funcname = { { String = { sval = "nextval" } } },
    args = { { TypeCast = {
      arg = { A_Const = { sval = { sval = text } } },
      typeName = { names = { { String = { sval = "regclass" } } } } } } } } }
end

local highest = { smallint = 32767, integer = 2147483647 }

--- A sequence that belongs to a column.
function column.own_sequence(s, relation, one, type)
  return s:add_relation {
    schema = relation.schema, kind = "sequence",
    name = names.relation(s, relation.schema, relation.name, one.name,
                          "seq"),
    persistence = relation.persistence, columns = {},
    sequence = { type = type, start = 1, increment = 1, min = 1,
                 max = highest[type] or math.maxinteger, cycle = false,
                 owned_by = { id = relation.id, column = one.attnum } },
  }
end

local function is_null(tree)
  return tree and tree.A_Const and tree.A_Const.isnull
end

-- One function a kind of column constraint.
local attributes = {}

function attributes.CONSTR_NOTNULL(one)
  one.not_null = true
end

function attributes.CONSTR_NULL() end

function attributes.CONSTR_DEFAULT(one, c)
  -- of a domain it is another default than the domain's own
  if one.type_id or not is_null(c.raw_expr) then one.default = c.raw_expr end
end

function attributes.CONSTR_GENERATED(one, c)
  one.generated, one.default = "s", c.raw_expr
end

function attributes.CONSTR_IDENTITY(one, c)
  one.identity, one.not_null = c.generated_when or "d", true
end

local function collation(def)
  local list = def.collClause and def.collClause.collname
  return list and select(2, types.qualified(list)) or nil
end

--- The column of a ColumnDef, and its constraints that are the table's.
function column.define(s, relation, def)
  local text, id, serial = types.spell(s, def.typeName)
  local one = { name = def.colname, attnum = state.next_attnum(relation),
                type = text, type_id = id, collation = collation(def),
                not_null = def.is_not_null or serial ~= nil,
                default = def.raw_default }
  local rest = {}
  for _, node in ipairs(def.constraints or {}) do
    local c = node.Constraint
    local set = attributes[c.contype]
    if set then
      set(one, c)
    elseif constraint.is_one(c) then
      rest[#rest + 1] = c
    elseif c.contype:find("^CONSTR_ATTR_") and #rest > 0 then
      local last = {} -- trees are not changed in place
      for k, v in pairs(rest[#rest]) do last[k] = v end
      last.deferrable = last.deferrable or
        c.contype == "CONSTR_ATTR_DEFERRABLE" or
        c.contype == "CONSTR_ATTR_DEFERRED" or nil
      last.initdeferred = last.initdeferred or
        c.contype == "CONSTR_ATTR_DEFERRED" or nil
      rest[#rest] = last
    end
  end
  one.serial = serial
  return one, rest
end

--- Remember whose numbers a default takes.
function column.connect(s, relation, default)
  if type(default) ~= "table" then return end
  for _, call in ipairs(query.scan(default).calls) do
    local sequence = query.sequence_of(s, call)
    if sequence then s.cat:use(relation, sequence.id) end
  end
end

--- Put a column that column.define has made on its relation.
function column.put(s, relation, one)
  local serial = one.serial
  one.serial = nil
  s:edit(relation, "column:" .. one.attnum)
  table.insert(relation.columns, one)
  column.connect(s, relation, one.default)
  if serial then
    local sequence = column.own_sequence(s, relation, one, serial.type)
    one.default = nextval(sequence)
    s.cat:use(relation, sequence.id)
  elseif one.identity then
    column.own_sequence(s, relation, one, one.type)
  end
end

-- Functions that give another value for every row, so that a default of them
-- rewrites the table (pg_proc.provolatile = 'v').
local volatile = { random = true, gen_random_uuid = true,
                   uuid_generate_v4 = true, uuid_generate_v1 = true,
                   clock_timestamp = true, timeofday = true, nextval = true,
                   txid_current = true, setval = true }
local stable = { now = true, current_setting = true, to_timestamp = true,
                 statement_timestamp = true, transaction_timestamp = true,
                 lower = true, upper = true, date_trunc = true, md5 = true,
                 timezone = true, to_char = true, concat = true,
                 jsonb_build_object = true, json_build_object = true,
                 array_length = true, age = true, length = true,
                 date_part = true, encode = true, decode = true }

--- Whether adding the column writes every row anew (documentation of ALTER
--- TABLE, "Notes").
function column.rewrites(s, one)
  if one.serial or one.identity or one.generated then return true end
  local domain = one.type_id and
    s:lookup("types", one.type_id.schema, one.type_id.name)
  if domain and domain.kind == "domain" and
    (domain.not_null or #(domain.checks or {}) > 0) then
    return true
  end
  local found = false
  query.walk(one.default, function(kind, node)
    if kind ~= "FuncCall" then return end
    local _, name = types.qualified(node.funcname)
    found = found or volatile[name] or not stable[name]
  end)
  return found
end

column.is_null = is_null
return column
