-- luacheck: globals host migration
--- models.Index(..), UniqueConstraint(..) and CheckConstraint(..): read once,
--- said as SQL for the model as it is then.

local program, state = migration.program, migration.django_state
local q, sql = migration.django_q, migration.django_sql
local name = program.name

local index = {}

local methods = { GinIndex = "gin", GistIndex = "gist", SpGistIndex = "spgist",
                  BrinIndex = "brin", HashIndex = "hash", BTreeIndex = "btree",
                  BloomIndex = "bloom" }

--- {kind, name, fields, call, scope, line}; problem when it is not read.
function index.read(scope, node, line)
  local call = scope:resolve(node)
  local path = call and scope:called(call) or ""
  local kind = path:match "^django%." and path:match "[^.]*$"
  local out = { kind = kind, call = call, scope = scope, line = line }
  if not kind or call.star then
    out.problem = "an index or constraint that is not Django's own"
    return out
  end
  out.name = call.kw.name and scope:text(call.kw.name)
  out.fields = call.kw.fields and scope:texts(call.kw.fields)
  if call.kw.fields and not out.fields then
    out.problem = "fields of an index"
  end
  if not out.name then out.problem = "an index without a name" end
  return out
end

local function column_list(model, one)
  local out, scope = {}, one.scope
  local classes = one.call.kw.opclasses and
    scope:texts(one.call.kw.opclasses) or {}
  for i, text in ipairs(one.fields or {}) do
    local column = state.column(model, (text:gsub("^%-", "")))
    if not column then return nil end
    out[i] = name(column) .. (classes[i] and " " .. classes[i] or "") ..
      (text:sub(1, 1) == "-" and " DESC" or "")
  end
  if #out > 0 then return table.concat(out, ", ") end
  for i, node in ipairs(one.call.args) do
    out[i] = q.expression(scope, model, node)
    if not out[i] then return nil end
  end
  return #out > 0 and table.concat(out, ", ") or nil
end

--- " INCLUDE (..)", " WHERE .."; nil when it is not understood.
local function tail(model, one)
  local out, kw, scope = "", one.call.kw, one.scope
  if kw.include then
    local columns = {}
    for i, text in ipairs(scope:texts(kw.include) or { "" }) do
      columns[i] = state.column(model, text)
      if not columns[i] then return nil end
    end
    out = " INCLUDE (" .. program.names(columns) .. ")"
  end
  if kw.nulls_distinct and scope:boolean(kw.nulls_distinct) == false then
    out = out .. " NULLS NOT DISTINCT"
  end
  if kw.condition and not scope:is_none(kw.condition) then
    local text = q.condition(scope, model, kw.condition)
    if not text then return nil end
    out = out .. " WHERE " .. text
  end
  return out
end

local function problem(s, one, what)
  s.out:unknown(s.line, one.problem or ("%s of %s is not understood"):format(
    what, one.name))
end

local function create_index(s, model, one, words)
  local columns, rest = column_list(model, one), tail(model, one)
  if not columns or not rest then
    return problem(s, one, "the index")
  end
  local method = methods[one.kind]
  s.out:sql(s.line, ("CREATE %s %s ON %s %s(%s)%s"):format(words,
    name(one.name), sql.table(model),
    method and "USING " .. method .. " " or "", columns, rest))
end

local function unique(s, model, one)
  local kw = one.call.kw
  if kw.condition or kw.include or kw.opclasses or not one.fields or
    kw.nulls_distinct then
    return create_index(s, model, one, "UNIQUE INDEX")
  end
  local columns = {}
  for i, text in ipairs(one.fields) do
    columns[i] = state.column(model, text)
    if not columns[i] then return problem(s, one, "the constraint") end
  end
  local path = kw.deferrable and one.scope:path(kw.deferrable) or ""
  local way = path:match "%.(%u+)$"
  s.out:sql(s.line, ("ALTER TABLE %s ADD CONSTRAINT %s UNIQUE (%s)%s"):format(
    sql.table(model), name(one.name), program.names(columns),
    way and " DEFERRABLE INITIALLY " .. way or ""))
end

local function check(s, model, one, not_valid)
  local node = one.call.kw.check or one.call.kw.condition or one.call.args[1]
  local text = q.condition(one.scope, model, node)
  if not text then return problem(s, one, "the condition") end
  s.out:sql(s.line, ("ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s)%s"):format(
    sql.table(model), name(one.name), text, not_valid and " NOT VALID" or ""))
end

function index.add(s, model, one, concurrently)
  if not sql.is_ours(model) then return end
  if one.problem then return problem(s, one) end
  sql.certain(s, model)
  create_index(s, model, one,
               "INDEX" .. (concurrently and " CONCURRENTLY" or ""))
end

function index.remove(s, model, one, concurrently)
  if not sql.is_ours(model) then return end
  if not one.name then return problem(s, one) end
  s.out:sql(s.line, ("DROP INDEX %s%s"):format(
    concurrently and "CONCURRENTLY IF EXISTS " or "IF EXISTS ",
    name(one.name)))
end

function index.add_constraint(s, model, one, not_valid)
  if not sql.is_ours(model) then return end
  if one.problem then return problem(s, one) end
  sql.certain(s, model)
  if one.kind == "CheckConstraint" then
    return check(s, model, one, not_valid)
  elseif one.kind == "UniqueConstraint" then
    return unique(s, model, one)
  end
  s.out:unknown(s.line, "a constraint of the kind " .. one.kind)
end

function index.remove_constraint(s, model, one)
  if not sql.is_ours(model) then return end
  if not one.name then return problem(s, one) end
  local kw = one.call and one.call.kw or {}
  local as_index = one.kind == "UniqueConstraint" and
    (kw.condition or kw.include or kw.opclasses or not one.fields)
  if as_index then
    s.out:sql(s.line, "DROP INDEX IF EXISTS " .. name(one.name))
  else
    s.out:sql(s.line, ("ALTER TABLE %s DROP CONSTRAINT %s"):format(
      sql.table(model), name(one.name)))
  end
end

return index
