-- luacheck: globals host migration
--- What the way back of a migration does: applied behind its up, to the same
--- catalog, which is put back afterwards.

local state = migration.apply_state

local down = {}

--- Codes of the comparison that are a loss of data, as people say it.
local losses = {
  table_removed = "table", column_removed = "column",
  sequence_removed = "sequence",
  enum_value_removed = "enum_value", column_type_narrowed = "type_narrowed",
  column_type_int_narrowed = "type_int_narrowed",
  column_type_changed = "type_changed",
}

--- Codes that the rows there may refuse.
local hazards = {
  not_null_added = true, unique_added = true, unique_changed = true,
  fk_added = true, check_added = true, check_changed = true,
  required_column_added = true, column_type_changed = true,
  column_type_narrowed = true, column_type_int_narrowed = true,
  exclusion_added = true, domain_check_added = true,
  domain_not_null_added = true, enum_value_removed = true,
}

local function named(f)
  return { code = losses[f.code] or f.code,
           object = f.detail and f.object .. " " .. f.detail or f.object }
end

-- What is no part of an object's shape.
local unseen = { id = true, attnum = true, index = true, constraint = true,
                 next_attnum = true, depends = true, definition = true,
                 assumed_columns = true, rows = true, bytes = true,
                 label_ids = true, maybe = true, inherits = true,
                 owned_by = true, column = true }
local expressions = { default = true, expression = true, predicate = true,
                      using = true, check = true }

local shape

local function expression_shape(value)
  local tree = migration.expression.of(value)
  return tree and migration.expression.key(tree) or "?"
end

--- Lists of named things have no order here.
local function list_shape(list)
  local out = {}
  for i, item in ipairs(list) do out[i] = shape(item) end
  if type(list[1]) == "table" and list[1].name then table.sort(out) end
  return table.concat(out, ";")
end

function shape(value)
  if type(value) ~= "table" then return tostring(value) end
  if #value > 0 then return "[" .. list_shape(value) .. "]" end
  local keys, out = {}, {}
  for key in pairs(value) do
    if not unseen[key] then keys[#keys + 1] = key end
  end
  table.sort(keys)
  for _, key in ipairs(keys) do
    local part = value[key]
    if part ~= false and not (type(part) == "table" and next(part) == nil)
    then
      out[#out + 1] = key .. "=" .. (expressions[key]
        and expression_shape(part) or shape(part))
    end
  end
  return "{" .. table.concat(out, ",") .. "}"
end

local function add(set, kind, object)
  if object then
    set[kind .. "\0" .. state.label(object)] = shape(object)
  end
end

--- Names and shapes of what either way touched: before the up, and now.
local function shapes(cat, up)
  local old, new = {}, {}
  for _, kind in ipairs(cat.KINDS) do
    local ids = {}
    for id in pairs(up[kind]) do ids[id] = true end
    for id in pairs(cat.before[kind]) do ids[id] = true end
    for id in pairs(ids) do
      local was = up[kind][id]
      if was == nil then was = cat.before[kind][id] end
      add(old, kind, was)
      add(new, kind, cat[kind][id])
    end
  end
  return old, new
end

local function differs(old, new)
  local out = {}
  for key, value in pairs(old) do
    if new[key] ~= value then out[key] = true end
  end
  for key in pairs(new) do
    if not old[key] then out[key] = true end
  end
  local list = host.list()
  for key in pairs(out) do list[#list + 1] = key:match("%z(.*)$") end
  table.sort(list)
  return list
end

local function restores(s, up, unsure)
  if unsure then return "unknown", nil end
  local rest = differs(shapes(s.cat, up))
  return #rest == 0 and "yes" or "no", #rest > 0 and rest or nil
end

local function has_unknown(findings)
  for _, f in ipairs(findings) do
    if f.level == "unknown" then return true end
  end
  return false
end

--- Describe what has been applied: entry (of the file), its parts, findings
--- of the unit `down`; up: the catalog's `before` of the up; unsure: the up
--- itself was not wholly understood.
function down.describe(s, entry, parts, findings, up, unsure)
  local out = { present = true, parses = entry.parsed, empty = #parts == 0,
                refuses = false, loses = host.list(), needs = host.list(),
                data = host.list(), locks = entry.locks }
  for _, part in ipairs(parts) do
    local body = part.kind == "DoStmt" and part.sql:upper() or ""
    if body:find("RAISE%s+EXCEPTION") then out.refuses = true end
  end
  for _, f in ipairs(findings) do
    if f.code == "object_unknown" then
      out.fails = out.fails or f.object .. ": " .. f.text
    end
    local of_type = (not f.where or f.where.kind == "types") and
      f.code ~= "enum_value_removed"
    if losses[f.code] and not of_type then
      out.loses[#out.loses + 1] = named(f)
    end
    if hazards[f.code] then
      local one = named(f)
      one.code = f.code
      out.needs[#out.needs + 1] = one
    end
  end
  for _, one in ipairs(s.data) do out.data[#out.data + 1] = one end
  out.restores, out.differs = restores(s, up,
                                       unsure or has_unknown(findings))
  return out
end

function down.missing()
  return { present = false, parses = true, empty = true, refuses = false,
           loses = host.list(), needs = host.list(), data = host.list(),
           restores = "no" }
end

return down
