-- luacheck: globals host migration
--- Conditions and expressions in a migration (Q, F, Lower, ..) as SQL, with
--- columns without their table's name. The lookups of a column itself only;
--- everything else is not known.
--- Source: https://docs.djangoproject.com/en/stable/ref/models/querysets/

local program, state = migration.program, migration.django_state
local q = {}

local MAX_DEPTH = 40

local compare = { exact = "=", gt = ">", gte = ">=", lt = "<", lte = "<=" }
local match = { contains = "%%%s%%", startswith = "%s%%", endswith = "%%%s" }

local term

local function call_kind(scope, node)
  local path = scope:called(node)
  return path and path:match "^django%." and path:match "[^.]*$"
end

--- A value or an expression. Returns SQL, or nil.
local function value(scope, model, node, depth)
  local found = scope:resolve(node)
  if not found or depth > MAX_DEPTH then return nil end
  local text, n, b = scope:text(found), scope:number(found),
    scope:boolean(found)
  if text then return program.literal(text) end
  if n then return ("%s"):format(found.k == "num" and found.v or n) end
  if b ~= nil then return tostring(b) end
  local kind = call_kind(scope, found)
  local first = kind and found.args[1]
  if kind == "F" then
    local column = state.column(model, scope:text(first) or "")
    return column and program.name(column)
  end
  if kind == "Value" then return value(scope, model, first, depth + 1) end
  if kind == "Now" then return "STATEMENT_TIMESTAMP()" end
  if kind == "Lower" or kind == "Upper" or kind == "Length" or
    kind == "Coalesce" then
    local out = {}
    for i, arg in ipairs(found.args) do
      local column = state.column(model, scope:text(arg) or "")
      out[i] = column and program.name(column) or
        value(scope, model, arg, depth + 1)
      if not out[i] then return nil end
    end
    return ("%s(%s)"):format(kind:upper(), table.concat(out, ", "))
  end
end

local function in_list(scope, model, column, node, depth)
  local items, out = scope:list(node), {}
  for i, item in ipairs(items or {}) do
    out[i] = value(scope, model, item, depth)
    if not out[i] then return nil end
  end
  if #out == 0 then return nil end
  return ("%s IN (%s)"):format(column, table.concat(out, ", "))
end

--- One lookup: price__gte = 0.
local function lookup(scope, model, key, node, depth)
  local name, how = key:match "^(.-)__(%a+)$"
  local column = state.column(model, name or key)
  if not column and key:match "_id$" then
    column = state.column(model, key:match "^(.*)_id$")
  end
  if not column then return nil end
  column, how = program.name(column), name and how or "exact"
  if how == "isnull" then
    local yes = scope:boolean(node)
    if yes == nil then return nil end
    return column .. (yes and " IS NULL" or " IS NOT NULL")
  end
  if how == "in" then return in_list(scope, model, column, node, depth) end
  if how == "exact" and scope:is_none(node) then return column .. " IS NULL" end
  if how == "range" then
    local pair = scope:list(node)
    local low = pair and value(scope, model, pair[1], depth)
    local high = pair and value(scope, model, pair[2], depth)
    return low and high and ("%s BETWEEN %s AND %s"):format(column, low, high)
  end
  local yes = how == "exact" and scope:boolean(node)
  if yes ~= nil and how == "exact" then
    return yes and column or "NOT " .. column
  end
  local text = match[how] and scope:text(node)
  if text and not text:find "[%%_\\]" then
    return ("%s::text LIKE %s"):format(column,
      program.literal(match[how]:format(text)))
  end
  local right = compare[how] and value(scope, model, node, depth)
  return right and ("%s %s %s"):format(column, compare[how], right)
end

--- Q(a=1, ("b", 2), Q(..), _connector="OR", _negated=True)
local function q_call(scope, model, call, depth)
  local out, kw = {}, call.kw
  for _, arg in ipairs(call.args) do
    local pair = scope:list(arg)
    local text = pair and scope:text(pair[1])
    out[#out + 1] = text and lookup(scope, model, text, pair[2], depth) or
      not pair and term(scope, model, arg, depth + 1) or nil
  end
  local asked = #call.args
  for _, key in ipairs(call.order) do
    if key:sub(1, 1) ~= "_" then
      asked = asked + 1
      out[#out + 1] = lookup(scope, model, key, kw[key], depth)
    end
  end
  if #out ~= asked or asked == 0 or call.star then return nil end
  local way = kw._connector and scope:text(kw._connector) or "AND"
  if way ~= "AND" and way ~= "OR" then return nil end
  local sql = table.concat(out, " " .. way .. " ")
  if asked > 1 then sql = "(" .. sql .. ")" end
  if kw._negated and scope:boolean(kw._negated) then
    sql = "NOT (" .. sql .. ")"
  end
  return sql
end

--- a & b | c: `&` binds closer.
local function operators(scope, model, node, depth)
  local groups, group = {}, {}
  for i, part in ipairs(node) do
    if i % 2 == 1 then
      group[#group + 1] = term(scope, model, part, depth + 1)
      if not group[#group] then return nil end
    elseif part == "|" then
      groups[#groups + 1] = table.concat(group, " AND ")
      group = {}
    elseif part ~= "&" then
      return nil
    end
  end
  if #group == 0 or #node % 2 == 0 then return nil end
  groups[#groups + 1] = table.concat(group, " AND ")
  return "((" .. table.concat(groups, ") OR (") .. "))"
end

function term(scope, model, node, depth)
  local found = scope:resolve(node)
  if not found or depth > MAX_DEPTH then return nil end
  if found.k == "op" then return operators(scope, model, found, depth) end
  if found.k == "unary" and found.op == "~" then
    local inner = term(scope, model, found.of, depth + 1)
    return inner and "NOT (" .. inner .. ")"
  end
  if call_kind(scope, found) == "Q" then
    return q_call(scope, model, found, depth)
  end
end

--- A condition as SQL, or nil.
function q.condition(scope, model, node)
  return term(scope, model, node, 1)
end

--- An expression of an index: Lower("name"), F("a").desc(), "name".
function q.expression(scope, model, node)
  local found = scope:resolve(node)
  local text = scope:text(found)
  if text then
    local column = state.column(model, (text:gsub("^%-", "")))
    return column and program.name(column) ..
      (text:sub(1, 1) == "-" and " DESC" or "")
  end
  local way = ""
  if found and found.k == "call" and found.f.k == "attr" and
    (found.f.v == "desc" or found.f.v == "asc") and #found.args == 0 then
    way = found.f.v == "desc" and " DESC" or ""
    found = scope:resolve(found.f.of)
  end
  local sql = found and value(scope, model, found, 1)
  return sql and ("(%s)%s"):format(sql, way)
end

return q
