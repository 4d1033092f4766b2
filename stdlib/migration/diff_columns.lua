-- luacheck: globals host migration
--- Columns: which stands for which, and what older statements meet in it.

local expression, diff_type = migration.expression, migration.diff_type

local columns = {}

local function by(list, field)
  local out = {}
  for _, c in ipairs(list or {}) do
    if c[field] then out[c[field]] = c end
  end
  return out
end

--- Where each column of o is in n. Gives
---   of = {old name -> {column, how, moved}}  how: "same", "renamed",
---        "swapped" (moved: where the old one is now), "recreated"
---   from = {new name -> old name}: what is not in it is new to older code
---   map = {old name -> new name} where they differ
function columns.pair(o, n)
  local by_name, by_number = by(n.columns, "name"), by(n.columns, "attnum")
  local pairs_, same = { of = {}, from = {}, map = {} }, o.id == n.id
  for _, c in ipairs(o.columns or {}) do
    local at = by_name[c.name]
    local moved = same and c.attnum and by_number[c.attnum] or nil
    if not same or not c.attnum then moved = at end
    local entry
    if moved and moved == at then
      entry = { column = at, how = "same" }
    elseif at and moved then
      entry = { column = at, how = "swapped", moved = moved }
    elseif at then
      entry = { column = at, how = "recreated" }
    elseif moved then
      entry = { column = moved, how = "renamed" }
    end
    pairs_.of[c.name] = entry
    if entry then
      pairs_.from[entry.column.name] = c.name
      if entry.column.name ~= c.name then
        pairs_.map[c.name] = entry.column.name
      end
    end
  end
  return pairs_
end

--- The type of that schema and name as the side has it.
local function user_type(lookup, c)
  if not c.type_id then return nil end
  return lookup("types", c.type_id.schema, c.type_id.name)[1]
end

--- Whether a type refuses NULL, and whether it brings a value: a domain may.
local function domain_of(lookup, c)
  local t = user_type(lookup, c)
  if t and t.kind == "domain" and not (c.type or ""):find "%[" then
    return t
  end
  return nil
end

local function refuses_null(lookup, c)
  local domain = domain_of(lookup, c)
  return c.not_null or domain and domain.not_null or false
end

local function is_null(source)
  local tree = expression.of(source)
  return tree ~= nil and tree.t == "const" and tree.k == "null"
end

--- The expression that an INSERT stores which leaves the column out, or nil.
function columns.default(lookup, c)
  if c.generated then return nil end
  if c.default then
    return not is_null(c.default) and c.default or nil
  end
  local domain = domain_of(lookup, c)
  return domain and domain.default or nil
end

local function fills_itself(lookup, c)
  return c.identity or c.generated or columns.default(lookup, c)
end

local function same_type(ctx, o, n)
  if o.type == n.type then return true end
  local a, b = user_type(ctx.old_named, o), user_type(ctx.new_named, n)
  return a ~= nil and b ~= nil and a.id == b.id and
    o.type:match "%[.*$" == n.type:match "%[.*$"
end

local change_codes = {
  changed = "column_type_changed", narrowed = "column_type_narrowed",
  int_widened = "column_type_int_widened",
  int_narrowed = "column_type_int_narrowed",
  widened = "column_type_widened",
}

local function compare_type(ctx, o, n, label, where)
  if not o.type or not n.type then
    if (o.type or n.type) and o ~= n then
      ctx:find("column_type_changed", label,
               ("%s -> %s"):format(o.type or "?", n.type or "?"),
               { level = "unknown", where = where })
    end
    return
  end
  if not same_type(ctx, o, n) then
    local code = change_codes[diff_type.change(o.type, n.type)]
    if code then
      ctx:find(code, label, ("%s -> %s"):format(o.type, n.type),
               { where = where })
    end
  end
  local was, is = o.collation or "None", n.collation or "None"
  if was ~= is then
    ctx:find("collation_changed", label, ("%s -> %s"):format(was, is),
             { where = where })
  end
end

local function checks_of(relation)
  local out = {}
  for _, c in ipairs(relation.constraints or {}) do
    if c.type == "c" and c.expression then out[#out + 1] = c.expression end
  end
  return out
end

local function checked_not_null(relation, column)
  return expression.implied_check(checks_of(relation), {
    t = "null", neg = true, x = { t = "col", name = column.name } })
end

local function compare_null(ctx, pair, o, n, label, where)
  local was = refuses_null(ctx.old_named, o)
  local is = refuses_null(ctx.new_named, n)
  if is and not was then
    local code = checked_not_null(pair.old, o) and "not_null_implied"
      or "not_null_added"
    ctx:find(code, label, nil, { where = where })
  elseif was and not is and not checked_not_null(pair.new, n) then
    ctx:find("not_null_dropped", label, nil, { where = where })
  end
end

local function default_gone(ctx, o, n, label, where)
  if refuses_null(ctx.new_named, n) then
    ctx:find("default_dropped_on_not_null", label, nil, { where = where })
  elseif o.assumed then
    ctx:find("default_dropped_on_not_null", label, nil,
             { where = where, level = "unknown" })
  else
    ctx:find("default_dropped", label, nil, { where = where })
  end
end

local function compare_default(ctx, pair, o, n, label, where)
  if n.generated then
    if not o.generated then
      ctx:find("column_became_generated", label, nil, { where = where })
    elseif not ctx:same(o.default, n.default, pair.columns.map) then
      ctx:find("generated_expression_changed", label, nil, { where = where })
    end
    return
  end
  local was = o.generated and o.default or columns.default(ctx.old_named, o)
  local is = columns.default(ctx.new_named, n)
  if (was or o.identity) and not is and not n.identity then
    default_gone(ctx, o, n, label, where)
  elseif was and is and not o.generated and not ctx:same(was, is) then
    ctx:find("default_changed", label,
             type(was) == "string" and type(is) == "string" and
               ("%s -> %s"):format(was, is) or nil, { where = where })
  elseif is and not was and not o.identity then
    ctx:find("default_added", label, nil, { where = where })
  end
  if o.generated then
    ctx:find("column_no_longer_generated", label, nil, { where = where })
  end
end

local function compare_identity(ctx, o, n, label, where)
  if n.identity == "a" and o.identity ~= "a" then
    ctx:find("identity_became_always", label, nil, { where = where })
  end
end

local function place(pair, c)
  return { kind = "relations", id = pair.new.id,
           part = c.attnum and "column:" .. c.attnum or nil }
end

local function compare_column(ctx, pair, o, entry)
  if rawequal(o, entry.column) and entry.how == "same" and
    not ctx:domains_changed() then
    return -- a carried catalog shares what no statement has touched
  end
  local n, label = entry.column, ctx.text(pair.old) .. "." .. o.name
  local where = place(pair, n)
  if entry.how == "renamed" then
    -- older statements do not find it: whatever else it became is theirs no
    -- more
    ctx:find("column_renamed", label, "-> " .. n.name, { where = where })
    return
  end
  if entry.how == "swapped" then
    ctx:find("column_swapped", label,
             ("(old column is now %s)"):format(entry.moved.name),
             { where = where })
  elseif entry.how == "recreated" then
    ctx:find("column_recreated", label, nil, { where = where })
  end
  compare_type(ctx, o, n, label, where)
  if not pair.rows then return end
  compare_null(ctx, pair, o, n, label, where)
  compare_default(ctx, pair, o, n, label, where)
  compare_identity(ctx, o, n, label, where)
end

local function removed(ctx, pair, o)
  local code = (pair.old.kind == "view" or pair.old.kind == "matview")
    and "view_column_removed" or "column_removed"
  ctx:find(code, ctx.text(pair.old) .. "." .. o.name, nil,
           { where = place(pair, o) })
end

local function added(ctx, pair, n)
  local label, where = ctx.text(pair.old) .. "." .. n.name, place(pair, n)
  if pair.old.kind == "composite" then
    ctx:find("composite_attribute_added", label, nil, { where = where })
  elseif pair.rows and refuses_null(ctx.new_named, n) and
    not fills_itself(ctx.new_named, n) then
    ctx:find("required_column_added", label, nil, { where = where })
  else
    ctx:find("column_added", label, nil, { where = where })
  end
  if n.type == "json" then
    ctx:find("json_column_added", label, nil, { where = where })
  end
end

--- The order that SELECT * and INSERT without names see.
local function compare_order(ctx, pair)
  local rank, last, swapped, before_end = {}, 0, false, {}
  for i, o in ipairs(pair.old.columns or {}) do rank[o.name] = i end
  local pending = {}
  for _, n in ipairs(pair.new.columns or {}) do
    local from = pair.columns.from[n.name]
    if from then
      if rank[from] < last then swapped = true end
      last = rank[from]
      table.move(pending, 1, #pending, #before_end + 1, before_end)
      pending = {}
    else
      pending[#pending + 1] = n
    end
  end
  local label = ctx.text(pair.old)
  local where = { kind = "relations", id = pair.new.id }
  if swapped then ctx:find("column_order_changed", label, nil,
                           { where = where }) end
  for _, n in ipairs(before_end) do
    ctx:find("column_inserted_before_end", label .. "." .. n.name, nil,
             { where = where })
  end
end

--- Columns of a relation that older statements name. pair: {old, new,
--- columns (columns.pair), rows = whether it stores rows on both sides}
function columns.compare(ctx, pair)
  for _, o in ipairs(pair.old.columns or {}) do
    local entry = pair.columns.of[o.name]
    if entry then
      compare_column(ctx, pair, o, entry)
    else
      removed(ctx, pair, o)
    end
  end
  for _, n in ipairs(pair.new.columns or {}) do
    if not pair.columns.from[n.name] then added(ctx, pair, n) end
  end
  compare_order(ctx, pair)
end

local function literal(source)
  local tree = expression.of(source)
  if tree and tree.t == "const" and tree.k ~= "typed" then
    return tree.k == "null" and { null = true } or { is = tree.v }
  end
  return nil
end

--- Columns whose default is new, where an older INSERT stored NULL before:
--- new name -> {is = value} or {} when the value is not known.
function columns.filled(ctx, pair)
  local out = {}
  for _, o in ipairs(pair.old.columns or {}) do
    local entry = pair.columns.of[o.name]
    local n = entry and entry.how == "same" and entry.column
    if n and not o.assumed and not fills_itself(ctx.old_named, o) and
      not refuses_null(ctx.old_named, o) then
      local default = columns.default(ctx.new_named, n)
      if default or n.identity then
        out[n.name] = default and literal(default) or {}
      end
    end
  end
  return out
end

--- What an older INSERT stores in the columns that are new to it: column ->
--- {null = true}, {is = value} or, when it is not known, nil.
function columns.stored(ctx, pair)
  local env = {}
  for _, n in ipairs(pair.new.columns or {}) do
    if not pair.columns.from[n.name] then
      if not fills_itself(ctx.new_named, n) then
        env[n.name] = { null = true }
      elseif not n.identity and not n.generated then
        env[n.name] = literal(columns.default(ctx.new_named, n))
      end
    end
  end
  return env
end

local counters = { nextval = true, gen_random_uuid = true,
                   uuid_generate_v4 = true, uuid_generate_v1 = true }

--- Whether a column that is new fills itself with a value of its own in
--- every row.
function columns.always_distinct(ctx, n)
  if n.identity then return true end
  local tree = expression.of(columns.default(ctx.new_named, n))
  return tree ~= nil and tree.t == "call" and
    counters[tree.name:match "[^.]*$"] or false
end

return columns
