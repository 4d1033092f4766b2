-- luacheck: globals host migration
--- Rails' tables: columns, references, keys and indexes, as the adapter for
--- PostgreSQL says them.
--- Source: active_record/connection_adapters/abstract/schema_definitions.rb,
--- postgresql/schema_creation.rb (6.1 to 7.1).
---
--- c: {v = values, out, line, version, history}

local program, values = migration.program, migration.rails_values
local name = program.name

local tables = {}

local key_actions = { cascade = "CASCADE", nullify = "SET NULL",
                      restrict = "RESTRICT" }

local known = {}
for word in ([[null default limit precision scale array comment collation
  primary_key enum_type as stored type if_not_exists index foreign_key
  polymorphic cast_as using first_or_last unsigned charset bulk
  if_exists]]):gmatch "%S+" do
  known[word] = true
end

--- A column's definition behind its name. Returns SQL, or nil and what is not
--- known.
function tables.column(c, column, word, kw)
  for key in pairs(kw) do
    if not known[key] then return nil, "the option " .. key end
  end
  local kind, problem = c.v:type(word, kw, c.version)
  if not kind then return nil, problem end
  local default
  default, problem = c.v:default(kw.default, word)
  if problem then return nil, problem end
  local sql = name(column) .. " " .. kind
  local collation = kw.collation and c.v:text(kw.collation)
  if collation then sql = sql .. " COLLATE " .. name(collation) end
  if word == "virtual" then
    local as = kw.as and c.v:text(kw.as)
    if not as then return nil, "a computed column" end
    sql = sql .. " GENERATED ALWAYS AS (" .. as .. ") STORED"
  end
  if default then sql = sql .. " DEFAULT " .. default end
  if kw.null and c.v:boolean(kw.null) == false then
    sql = sql .. " NOT NULL"
  end
  if kw.primary_key and c.v:boolean(kw.primary_key) then
    sql = sql .. " PRIMARY KEY"
  end
  return sql
end

function tables.comment(c, table_name, column, kw)
  local text = kw.comment and c.v:text(kw.comment)
  if text then
    c.out:sql(c.line, ("COMMENT ON COLUMN %s.%s IS %s"):format(
      values.table(table_name), name(column), program.literal(text)))
  end
end

-- Indexes --------------------------------------------------------------------

--- Rails remembers no index; the names it gives follow those of columns.
function tables.remember(c, table_name, index, columns)
  local all = c.history.indexes
  all[table_name] = all[table_name] or {}
  all[table_name][index] = columns
end

local function of_column(c, node, column)
  local text = node and c.v:text(node)
  if text then return text end
  local found = node and c.v:hash(node)
  return found and found[column] and c.v:text(found[column]) or nil
end

local function index_columns(c, columns, kw)
  local out = {}
  for i, column in ipairs(columns) do
    local expression = #columns == 1 and column:find "[^%w_]"
    local class = of_column(c, kw.opclass, column)
    local order = of_column(c, kw.order, column)
    out[i] = (expression and column or name(column)) ..
      (class and " " .. class or "") .. (order and " " .. order:upper() or "")
  end
  return table.concat(out, ", ")
end

local index_known = {}
for word in ([[unique name where using algorithm order opclass include
  if_not_exists length comment nulls_not_distinct column internal
  type]]):gmatch "%S+" do
  index_known[word] = true
end

--- CREATE INDEX. Returns what is not known, or nothing.
function tables.add_index(c, table_name, columns, kw)
  for key in pairs(kw) do
    if not index_known[key] then return "the option " .. key end
  end
  local own = kw.name and c.v:text(kw.name)
  if kw.name and not own and not c.v:is_nil(kw.name) then
    return "an index's name"
  end
  own = own or values.index_name(table_name, columns)
  local way = kw.algorithm and c.v:text(kw.algorithm)
  local using = kw.using and c.v:text(kw.using)
  local where = kw.where and c.v:text(kw.where)
  if kw.where and not where then return "an index's condition" end
  local include = kw.include and c.v:texts(kw.include)
  c.out:sql(c.line, ("CREATE %sINDEX %s%s%s ON %s %s(%s)%s%s%s"):format(
    kw.unique and c.v:boolean(kw.unique) and "UNIQUE " or "",
    way == "concurrently" and "CONCURRENTLY " or "",
    kw.if_not_exists and c.v:boolean(kw.if_not_exists) and
      "IF NOT EXISTS " or "", name(own), values.table(table_name),
    using and "USING " .. using .. " " or "", index_columns(c, columns, kw),
    include and " INCLUDE (" .. program.names(include) .. ")" or "",
    kw.nulls_not_distinct and c.v:boolean(kw.nulls_not_distinct) and
      " NULLS NOT DISTINCT" or "", where and " WHERE " .. where or ""))
  tables.remember(c, table_name, own, columns)
end

-- Keys -----------------------------------------------------------------------

local function action(c, node)
  if not node or c.v:is_nil(node) then return "" end
  return key_actions[c.v:text(node) or ""]
end

--- "CONSTRAINT .. FOREIGN KEY .. REFERENCES ..", or nil and what is not known.
function tables.key(c, table_name, to_table, kw)
  local column = kw.column and c.v:text(kw.column) or
    values.singular(values.bare(to_table)) .. "_id"
  local primary = kw.primary_key and c.v:text(kw.primary_key) or "id"
  local own = kw.name and c.v:text(kw.name) or
    values.key_name(table_name, column)
  local on_delete, on_update = action(c, kw.on_delete), action(c, kw.on_update)
  if not on_delete or not on_update then return nil, "what a key does" end
  local deferrable = kw.deferrable and c.v:text(kw.deferrable)
  local not_valid = kw.validate and c.v:boolean(kw.validate) == false
  c.history.keys[table_name .. "." .. own] = { column = column, to = to_table,
                                              table = table_name, name = own }
  return ("CONSTRAINT %s FOREIGN KEY (%s) REFERENCES %s (%s)%s%s%s%s"):format(
    name(own), name(column), values.table(to_table), name(primary),
    on_delete ~= "" and " ON DELETE " .. on_delete or "",
    on_update ~= "" and " ON UPDATE " .. on_update or "",
    deferrable and " DEFERRABLE INITIALLY " .. deferrable:upper() or "",
    not_valid and " NOT VALID" or "")
end

-- References -----------------------------------------------------------------

local function wants(c, node, usual)
  if not node then return usual end
  local yes = c.v:boolean(node)
  if yes == nil then return c.v:hash(node) or not c.v:is_nil(node) end
  return yes
end

local function passed(kw, keys)
  local out = {}
  for _, key in ipairs(keys) do out[key] = kw[key] end
  return out
end

--- A reference: {columns = {{name, type, kw}..}, key = {to, kw} or nil,
--- index = {columns, kw} or nil}; or nil and what is not known.
function tables.reference(c, table_name, word, kw)
  local kind = kw.type and c.v:text(kw.type) or
    (c.version >= 5.1 and "bigint" or "integer")
  local column = word .. "_id"
  local out = { columns = {} }
  local shared = passed(kw, { "null", "default", "comment", "array",
                              "if_not_exists" })
  local many = wants(c, kw.polymorphic, false)
  if many then
    local options = passed(kw, { "null", "if_not_exists" })
    for key, node in pairs(type(many) == "table" and many or {}) do
      options[key] = node
    end
    out.columns[1] = { word .. "_type", "string", options }
  end
  table.insert(out.columns, { column, kind, shared })
  local index = wants(c, kw.index, c.version >= 5.0)
  if index then
    local options, columns = {}, many and { word .. "_type", column } or
      { column }
    for key, node in pairs(type(index) == "table" and index or {}) do
      options[key] = node
    end
    if many and not options.name and c.version >= 6.1 then
      options.name = { k = "str", v = values.index_name(table_name, { word }) }
    end
    out.index = { columns, options }
  end
  local key = wants(c, kw.foreign_key, false)
  if key then
    local options = {}
    for k, node in pairs(type(key) == "table" and key or {}) do
      options[k] = node
    end
    local to = options.to_table and c.v:text(options.to_table) or
      values.plural(word)
    options.column = options.column or { k = "str", v = column }
    out.key = { to, options }
  end
  return out
end

-- CREATE TABLE ---------------------------------------------------------------

local integer_keys = { integer = "serial", bigint = "bigserial",
                       primary_key = "bigserial" }

--- The id that a table gets by itself. Returns a line, or nil for none; or
--- false and what is not known.
function tables.primary(c, kw)
  if kw.id and c.v:boolean(kw.id) == false then return nil end
  local list = kw.primary_key and c.v:resolve(kw.primary_key)
  if list and list.k == "array" then
    local columns = c.v:texts(list)
    if not columns then return false, "a primary key" end
    return nil, "PRIMARY KEY (" .. program.names(columns) .. ")"
  end
  local own = list and c.v:text(list) or "id"
  local options = kw.id and c.v:hash(kw.id)
  local kind = options and options.type and c.v:text(options.type) or
    kw.id and c.v:text(kw.id) or
    (c.version >= 5.1 and "bigint" or "integer")
  local default_node = options and options.default or kw.default
  if integer_keys[kind] and not default_node then
    return ("%s %s PRIMARY KEY"):format(name(own), integer_keys[kind])
  end
  local default, problem = c.v:default(default_node, kind)
  if problem then return false, problem end
  if kind == "uuid" and not default_node then
    default = c.version >= 5.1 and "gen_random_uuid()" or
      "uuid_generate_v4()"
  end
  local sql = c.v:type(kind, options or { limit = kw.limit }, c.version)
  if not sql then return false, "the type of the key" end
  return ("%s %s%s NOT NULL PRIMARY KEY"):format(name(own), sql,
    default and " DEFAULT " .. default or "")
end

return tables
