-- luacheck: globals host migration
--- Names of types as PostgreSQL's format_type() spells them, from the
--- parser's TypeName (src/backend/utils/adt/format_type.c).

local state = migration.apply_state

local types = {}

-- Types of PostgreSQL's own whose spelling is not their name.
local spelling = {
  bool = "boolean", int2 = "smallint", int4 = "integer", int8 = "bigint",
  float4 = "real", float8 = "double precision",
  varchar = "character varying", bpchar = "character", char = '"char"',
  bit = "bit", varbit = "bit varying", numeric = "numeric",
  timestamp = "timestamp", timestamptz = "timestamp", time = "time",
  timetz = "time", interval = "interval",
}
for name in ([[
  text uuid json jsonb jsonpath bytea date inet cidr macaddr macaddr8 money
  name oid xml tsvector tsquery point line lseg box path polygon circle
  int4range int8range numrange tsrange tstzrange daterange int4multirange
  int8multirange nummultirange tsmultirange tstzmultirange datemultirange
  regclass regproc regprocedure regtype regrole regnamespace regoper
  regoperator regconfig regdictionary regcollation record void trigger
  event_trigger any anyelement anyarray anynonarray anyenum anyrange
  anymultirange anycompatible anycompatiblearray anycompatiblenonarray
  anycompatiblerange internal cstring language_handler refcursor oidvector
  int2vector pg_lsn txid_snapshot pg_snapshot xid xid8 cid tid unknown
]]):gmatch("%S+") do
  spelling[name] = name
end

local zoned = { timestamp = "without", timestamptz = "with",
                time = "without", timetz = "with" }

--- Serial types: the column's type; a sequence of the column's own fills it.
local serials = {
  serial = "integer", serial4 = "integer", bigserial = "bigint",
  serial8 = "bigint", smallserial = "smallint", serial2 = "smallint",
}

local function texts(list)
  local out = {}
  for i, node in ipairs(list or {}) do
    out[i] = node.String and node.String.sval or "?"
  end
  return out
end
types.texts = texts

--- schema (or nil), name from a list of String nodes.
function types.qualified(list)
  local parts = texts(list)
  return parts[#parts - 1], parts[#parts]
end

local function modifiers(type)
  local out = {}
  for i, node in ipairs(type.typmods or {}) do
    local const = node.A_Const
    out[i] = const and const.ival and (const.ival.ival or 0)
      or const and const.sval and const.sval.sval or "?"
  end
  return out
end

-- INTERVAL_MASK of src/include/utils/timestamp.h
local fields = { [4] = " year", [2] = " month", [8] = " day",
                 [1024] = " hour", [2048] = " minute", [4096] = " second",
                 [6] = " year to month", [1032] = " day to hour",
                 [3080] = " day to minute", [7176] = " day to second",
                 [3072] = " hour to minute", [7168] = " hour to second",
                 [6144] = " minute to second" }

local function interval(mods)
  local precision = mods[2] and ("(%s)"):format(mods[2]) or ""
  return "interval" .. (fields[mods[1]] or "") .. precision
end

local function builtin(name, mods)
  if name == "interval" then return interval(mods) end
  if name == "numeric" and #mods == 1 then mods[2] = 0 end
  -- without a limit it is not character, which is character(1)
  if name == "bpchar" and #mods == 0 then return name end
  local list = #mods > 0 and ("(%s)"):format(table.concat(mods, ",")) or ""
  local text = spelling[name] .. list
  if zoned[name] then text = text .. " " .. zoned[name] .. " time zone" end
  return text
end

function types.quote(name)
  if name:find("^[%l_][%l%d_$]*$") then return name end
  return '"' .. name:gsub('"', '""') .. '"'
end

local function is_visible(s, schema)
  for _, one in ipairs(s.home) do
    if one == schema then return true end
  end
end

--- A type that somebody has made: its text, and {schema, name}.
local function own(s, schema, name, mods)
  local found = s:lookup("types", schema, name) or
    s:lookup("relations", schema, name)
  schema = found and found.schema or schema
  local text = types.quote(name)
  if schema and not is_visible(s, schema) then
    text = types.quote(schema) .. "." .. text
  end
  if #mods > 0 then
    text = ("%s(%s)"):format(text, table.concat(mods, ","))
  end
  return text, { schema = schema or s:home_schema(), name = name }
end

--- table.column%TYPE
local function of_column(s, type)
  local parts = texts(type.names)
  local column = table.remove(parts)
  local relation = s:lookup("relations", parts[#parts - 1], parts[#parts])
  local found = relation and state.by_name(relation.columns, column)
  return found and found.type or "?", found and found.type_id
end

--- The type's text; {schema, name} of a user's type or nil; the details of a
--- serial type or nil.
function types.spell(s, type)
  if not type then return nil end
  if type.pct_type then return of_column(s, type) end
  local schema, name = types.qualified(type.names)
  local mods = modifiers(type)
  local array = #(type.arrayBounds or {}) > 0 and "[]" or ""
  if not schema and serials[name] then
    return serials[name] .. array, nil, { type = serials[name] }
  end
  if (not schema or schema == "pg_catalog") and spelling[name] then
    return builtin(name, mods) .. array
  end
  local text, id = own(s, schema, name, mods)
  return text .. array, id
end

--- As a function's signature shows it: without a limit.
function types.bare(s, type)
  local mods = type.typmods
  type.typmods = nil
  local text, id = types.spell(s, type)
  type.typmods = mods
  return (text:gsub("^bpchar", "character")), id
end

return types
