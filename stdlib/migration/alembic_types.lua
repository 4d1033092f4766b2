-- luacheck: globals host migration
--- SQLAlchemy's types in PostgreSQL's words, as the dialect "postgresql"
--- compiles them (sqlalchemy/dialects/postgresql, versions 1.4 and 2.0). A
--- type that is not SQLAlchemy's own is not known.

local program = migration.program
local types = {}

--- By the last part of the name. A text is the type itself, with "%s" for a
--- first argument that may be missing; a function gets (scope, call).
local spelled = {}

local function plain(list, sql)
  for word in list:gmatch "%S+" do spelled[word] = sql end
end

plain("Integer INTEGER INT", "integer")
plain("SmallInteger SMALLINT", "smallint")
plain("BigInteger BIGINT", "bigint")
plain("Text UnicodeText TEXT", "text")
plain("Boolean BOOLEAN", "boolean")
plain("Date DATE", "date")
plain("LargeBinary BYTEA PickleType", "bytea")
plain("JSON", "json")
plain("JSONB", "jsonb")
plain("UUID Uuid", "uuid")
plain("REAL", "real")
plain("Double DOUBLE DOUBLE_PRECISION", "double precision")
plain("INET", "inet")
plain("CIDR", "cidr")
plain("MACADDR", "macaddr")
plain("MACADDR8", "macaddr8")
plain("MONEY", "money")
plain("OID", "oid")
plain("REGCLASS", "regclass")
plain("TSVECTOR", "tsvector")
plain("TSQUERY", "tsquery")
plain("HSTORE", "hstore")
plain("CITEXT", "citext")
for word in ("INT4 INT8 NUM DATE TS TSTZ"):gmatch "%S+" do
  spelled[word .. "RANGE"] = word:lower() .. "range"
  spelled[word .. "MULTIRANGE"] = word:lower() .. "multirange"
end

--- The argument at a place or under a name, or nil.
local function argument(call, place, key)
  return call and (call.args[place] or call.kw[key])
end

--- The number there: n, or nil and whether there is something else.
local function whole(scope, call, place, key)
  local node = argument(call, place, key)
  if not node or scope:is_none(node) then return nil, false end
  local n = scope:number(node)
  return n and math.tointeger(n), n == nil or math.tointeger(n) == nil
end

local function sized(word)
  return function(scope, call)
    local n, strange = whole(scope, call, 1, "length")
    if strange then return nil, "a length that is not a number" end
    local collation = argument(call, 2, "collation")
    local sql = n and ("%s(%d)"):format(word, n) or word
    if collation and not scope:is_none(collation) then
      local text = scope:text(collation)
      if not text then return nil, "a collation that is not a text" end
      sql = sql .. " COLLATE " .. program.name(text)
    end
    return sql
  end
end
for word in ("String Unicode VARCHAR NVARCHAR AutoString"):gmatch "%S+" do
  spelled[word] = sized "character varying"
end
spelled.CHAR, spelled.NCHAR = sized "character", sized "character"

local function numeric(scope, call)
  local p, odd = whole(scope, call, 1, "precision")
  local s, strange = whole(scope, call, 2, "scale")
  if odd or strange then return nil, "a precision that is not a number" end
  if p and s then return ("numeric(%d, %d)"):format(p, s) end
  return p and ("numeric(%d)"):format(p) or "numeric"
end
spelled.Numeric, spelled.NUMERIC, spelled.DECIMAL = numeric, numeric, numeric

function spelled.Float(scope, call)
  local p, odd = whole(scope, call, 1, "precision")
  if odd then return nil, "a precision that is not a number" end
  return p and ("float(%d)"):format(p) or "double precision"
end
spelled.FLOAT = spelled.Float

local function timed(word)
  return function(scope, call)
    local zone = argument(call, 1, "timezone")
    local p, odd = whole(scope, call, 2, "precision")
    local with = zone and scope:boolean(zone)
    if odd or (zone and with == nil) then
      return nil, "a time zone that is not True or False"
    end
    return ("%s%s %s time zone"):format(word, p and ("(%d)"):format(p) or "",
                                        with and "with" or "without")
  end
end
spelled.DateTime, spelled.TIMESTAMP = timed "timestamp", timed "timestamp"
spelled.DATETIME = spelled.DateTime
spelled.Time, spelled.TIME = timed "time", timed "time"

function spelled.Interval(scope, call)
  local p, odd = whole(scope, call, 2, "second_precision")
  if odd then return nil, "a precision that is not a number" end
  return p and ("interval(%d)"):format(p) or "interval"
end

function spelled.INTERVAL(scope, call)
  local p, odd = whole(scope, call, 1, "precision")
  local fields = argument(call, 2, "fields")
  local text = fields and scope:text(fields)
  if odd or (fields and not text) then return nil, "an unknown interval" end
  return "interval" .. (text and " " .. text or "") ..
    (p and ("(%d)"):format(p) or "")
end

function spelled.BIT(scope, call)
  local n, odd = whole(scope, call, 1, "length")
  local varying = argument(call, 2, "varying")
  if odd then return nil, "a length that is not a number" end
  local word = varying and scope:boolean(varying) and "bit varying" or "bit"
  return n and ("%s(%d)"):format(word, n) or word
end

function spelled.ARRAY(scope, call)
  local inner = argument(call, 1, "item_type")
  if not inner then return nil, "an array of nothing" end
  local sql, what = types.of(scope, inner)
  if not sql then return nil, what end
  local n = whole(scope, call, 3, "dimensions") or
    whole(scope, call, 9, "dimensions") or 1
  return sql .. ("[]"):rep(math.min(n, 6)), what
end

--- Labels of Enum("a", "b") or ENUM(*names): nil when they are not written.
local function labels_of(scope, call)
  local out = {}
  for i, node in ipairs(call.args) do
    out[i] = scope:text(node)
    if not out[i] then return nil end
  end
  return not call.star and out or nil
end

local function longest(labels)
  local n = 0
  for _, label in ipairs(labels) do n = math.max(n, utf8.len(label) or 0) end
  return n
end

local function enum(scope, call)
  if not call then return nil, "an enum without labels" end
  local labels = labels_of(scope, call)
  local native = call.kw.native_enum
  if native and scope:boolean(native) == false then
    local n = whole(scope, call, 99, "length") or labels and longest(labels)
    if not n then return nil, "an enum whose labels are not written here" end
    return ("character varying(%d)"):format(n)
  end
  local text = call.kw.name and scope:text(call.kw.name)
  if not text then return nil, "an enum without a name" end
  local schema = call.kw.schema and scope:text(call.kw.schema)
  local kept = call.kw.create_type and
    scope:boolean(call.kw.create_type) == false
  return program.qualified(schema, text),
    { enum = text, schema = schema, labels = labels, kept = kept,
      inherits = call.kw.inherit_schema ~= nil }
end
spelled.Enum, spelled.ENUM = enum, enum

function spelled.DOMAIN(scope, call)
  local text = call and scope:text(call.args[1])
  if not text then return nil, "a domain without a name" end
  return program.name(text)
end

--- base.with_variant(other, "postgresql"): ours if it names PostgreSQL.
local function variant(scope, node)
  if node.k ~= "call" or node.f.k ~= "attr" or node.f.v ~= "with_variant" then
    return node
  end
  for i = 2, #node.args do
    if scope:text(node.args[i]) == "postgresql" then return node.args[1] end
  end
  return variant(scope, scope:resolve(node.f.of))
end

--- The type of a node. Returns the SQL, and for an enum what must exist:
--- {enum, schema, labels, kept, inherits}; or nil and what is not known.
function types.of(scope, node)
  local found = variant(scope, scope:resolve(node))
  found = scope:resolve(found)
  local call = found and found.k == "call" and found or nil
  local path = scope:path(call and call.f or found)
  local known = path and (path:match "^sqlalchemy%." or
    path:match "^sqlmodel%." or path:match "^citext%.")
  local sql = known and spelled[path:match "[^.]*$"]
  if call and call.star and sql ~= enum then sql = nil end
  if not sql then
    return nil, "the type " .. (path and path:gsub("^=", "") or
      "of a column") .. " is not known"
  end
  if type(sql) == "string" then return sql end
  return sql(scope, call)
end

return types
