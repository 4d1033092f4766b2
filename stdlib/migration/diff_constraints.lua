-- luacheck: globals host migration
--- Foreign keys, checks and exclusions.

local expression, columns = migration.expression, migration.diff_columns

local constraints = {}

local function of_type(relation, type)
  local out = {}
  for _, c in ipairs(relation.constraints or {}) do
    if c.type == type then out[#out + 1] = c end
  end
  return out
end

local function place(pair, c)
  return { kind = "relations", id = pair.new.id,
           part = c.id and "constraint:" .. c.id or nil }
end

local function renamed_list(list, map)
  local out = {}
  for i, name in ipairs(list or {}) do out[i] = map[name] or name end
  return table.concat(out, "\0")
end

-- foreign keys

--- "app.t(a, b) -> app.parent"
local function fk_label(ctx, relation, c)
  local to = c.references
  return ("%s(%s) -> %s"):format(ctx.text(relation),
                                 table.concat(c.columns or {}, ", "),
                                 ctx.text(to))
end

--- The referenced table as the new side has it: id, and its columns' names.
local function referenced(ctx, to)
  local o = to.id and ctx.old_object("relations", to.id)
    or ctx.old_named("relations", to.schema, to.name)[1]
  if not o then return nil end
  local n = ctx.new_object("relations", o.id) or ctx:counterpart("relations", o)
  return n, o, n and columns.pair(o, n).map
end

local function fk_key_old(ctx, pair, c)
  local to = c.references
  local n, _, map = referenced(ctx, to)
  local target = n and ctx.text(n) or ctx.text(to)
  return table.concat({ renamed_list(c.columns, pair.columns.map), target,
                        renamed_list(to.columns, map or {}),
                        to.match or "s" }, "\1")
end

local function fk_key_new(ctx, c)
  local to = c.references
  local n = to.id and ctx.new_object("relations", to.id)
  return table.concat({ renamed_list(c.columns, {}), ctx.text(n or to),
                        renamed_list(to.columns, {}), to.match or "s" },
                      "\1")
end

local REFUSES = { a = true, r = true }

local function is_tighter(old, new)
  return REFUSES[new or "a"] and not REFUSES[old or "a"]
end

local function compare_action(ctx, pair, o, n, field, what)
  local was, is = o.references[field] or "a", n.references[field] or "a"
  if was == is or REFUSES[was] and REFUSES[is] then return end
  local code = ("fk_%s_%s"):format(what, is_tighter(was, is) and "tightened"
                                   or "changed")
  ctx:find(code, fk_label(ctx, pair.old, o), ("%s -> %s"):format(was, is),
           { where = place(pair, n) })
end

local function compare_fk(ctx, pair, o, n)
  compare_action(ctx, pair, o, n, "on_delete", "on_delete")
  compare_action(ctx, pair, o, n, "on_update", "on_update")
  if o.deferrable and not n.deferrable then
    ctx:find("fk_added", fk_label(ctx, pair.old, o),
             "(no longer deferrable)", { where = place(pair, n) })
  end
end

--- Whether older INSERTs leave a column of the key NULL.
local function leaves_null(ctx, pair, c)
  local stored = columns.stored(ctx, pair)
  for _, name in ipairs(c.columns or {}) do
    if stored[name] and stored[name].null and
      c.references.match ~= "f" then
      return true
    end
  end
  return false
end

--- Once new code has written children, older deletes of parents fail.
local function caution_parent(ctx, relation, c, where)
  local to = c.references
  local action = to.on_delete or "a"
  if action == "c" or action == "n" then return end
  if to.id == relation.id then return end
  if ctx:was_there("relations", to.id, to.schema, to.name) then
    ctx:find("new_fk_can_block_parent_delete", fk_label(ctx, relation, c),
             nil, { where = where })
  end
end

local function added_fk(ctx, pair, n)
  local where, text = place(pair, n), fk_label(ctx, pair.old, n)
  if not leaves_null(ctx, pair, n) then
    ctx:find("fk_added", text, nil, { where = where })
    return
  end
  ctx:find("fk_added_on_new_column", text, nil, { where = where })
  caution_parent(ctx, pair.new, n, where)
end

local function column_gone(pair, c)
  for _, name in ipairs(c.columns or {}) do
    if not pair.columns.of[name] then return true end
  end
  return false
end

local actions = { c = "CASCADE", n = "SET NULL", d = "SET DEFAULT",
                  r = "RESTRICT" }

local function removed_fk(ctx, pair, o)
  local parent = referenced(ctx, o.references)
  if not parent or column_gone(pair, o) then return end
  local action = actions[o.references.on_delete or "a"]
  ctx:find("fk_removed", fk_label(ctx, pair.old, o),
           action and ("(was ON DELETE %s)"):format(action) or nil,
           { where = place(pair, o) })
end

--- Foreign keys, without the pieces that one to a partitioned table has for
--- each of its partitions.
local function whole_keys(relation)
  local own, out = {}, {}
  for _, c in ipairs(of_type(relation, "f")) do
    if c.id then own[c.id] = true end
  end
  for _, c in ipairs(of_type(relation, "f")) do
    if not (c.parent and own[c.parent]) then out[#out + 1] = c end
  end
  return out
end

--- Of several over the same columns: the same one, or one that does the same.
local function counterpart(list, n)
  for _, o in ipairs(list) do
    if o.id ~= nil and o.id == n.id then return o end
  end
  for _, o in ipairs(list) do
    if o.references.on_delete == n.references.on_delete and
      o.references.on_update == n.references.on_update then
      return o
    end
  end
  return list[1]
end

local function compare_foreign(ctx, pair)
  local old, unused = {}, {}
  for _, o in ipairs(whole_keys(pair.old)) do
    local key = fk_key_old(ctx, pair, o)
    old[key] = old[key] or {}
    table.insert(old[key], o)
    unused[o] = key
  end
  for _, n in ipairs(whole_keys(pair.new)) do
    local key = fk_key_new(ctx, n)
    local o = old[key] and counterpart(old[key], n)
    if o then
      for one, its in pairs(unused) do
        if its == key then unused[one] = nil end
      end
      compare_fk(ctx, pair, o, n)
    else
      added_fk(ctx, pair, n)
    end
  end
  for _, o in ipairs(whole_keys(pair.old)) do
    if unused[o] then removed_fk(ctx, pair, o) end
  end
end

--- Foreign keys of a table that is new.
function constraints.of_new(ctx, n)
  for _, c in ipairs(whole_keys(n)) do
    if not (n.partition_of and c["local"] == false) then
      caution_parent(ctx, n, c, { kind = "relations", id = n.id,
                                  part = c.id and "constraint:" .. c.id })
    end
  end
end

-- checks

local function check_text(c)
  local definition = c.definition
  if type(definition) ~= "string" then definition = "CHECK" end
  return ("%s %s"):format(c.name or "?", definition)
end

--- What every row that older code could write has passed, in new names.
local function facts(pair)
  local out = {}
  for _, o in ipairs(of_type(pair.old, "c")) do
    out[#out + 1] = expression.renamed(o.expression, pair.columns.map)
  end
  for _, c in ipairs(pair.old.columns or {}) do
    if c.not_null and pair.columns.of[c.name] then
      out[#out + 1] = { t = "null", neg = true,
                        x = { t = "col", name = pair.columns.map[c.name]
                                or c.name } }
    end
  end
  return out
end

local function former(pair, n)
  for _, o in ipairs(of_type(pair.old, "c")) do
    if o.id == n.id or o.name == n.name then return o end
  end
  return nil
end

--- An older check that implied this one and is no longer there.
local function lost_former(pair, n)
  local now = {}
  for _, c in ipairs(of_type(pair.new, "c")) do now[c.name] = true end
  for _, o in ipairs(of_type(pair.old, "c")) do
    if not now[o.name] and expression.implied_check(
      { expression.renamed(o.expression, pair.columns.map) },
      n.expression) then
      return o
    end
  end
  return nil
end

local function touches_new_column(pair, n)
  local read = expression.columns(n.expression)
  for name in pairs(read) do
    if not pair.columns.from[name] then return true end
  end
  return false
end

local function added_check(ctx, pair, n, known)
  local where, o = place(pair, n), former(pair, n)
  local function report(code)
    ctx:find(code, ctx.text(pair.old), check_text(n), { where = where })
  end
  if o and ctx:same(o.expression, n.expression, pair.columns.map) then
    return
  elseif expression.implied_check(known, n.expression) then
    report((o or lost_former(pair, n)) and "check_relaxed"
           or "check_added_implied")
  elseif touches_new_column(pair, n) and
    expression.never_false(n.expression, columns.stored(ctx, pair)) then
    report("check_added_satisfied_by_defaults")
  else
    report(o and "check_changed" or "check_added")
  end
end

local function has_same(ctx, pair, old, n)
  if next(pair.columns.map) == nil then
    for _, o in ipairs(old) do
      if o.expression == n.expression then return true end
    end
  end
  for _, o in ipairs(old) do
    if ctx:same(o.expression, n.expression, pair.columns.map) then
      return true
    end
  end
  return false
end

local function compare_checks(ctx, pair)
  local known, old = nil, of_type(pair.old, "c")
  for _, n in ipairs(of_type(pair.new, "c")) do
    if not has_same(ctx, pair, old, n) then
      known = known or facts(pair)
      added_check(ctx, pair, n, known)
    end
  end
end

-- exclusions, names

local function compare_exclusions(ctx, pair)
  local old = of_type(pair.old, "x")
  for _, n in ipairs(of_type(pair.new, "x")) do
    local found = false
    for _, o in ipairs(old) do
      found = found or o.id == n.id or ctx.same_text(o.definition,
                                                     n.definition)
    end
    if not found then
      ctx:find("exclusion_added",
               ("%s %s"):format(ctx.text(pair.old), n.name or "?"), nil,
               { where = place(pair, n) })
    end
  end
end

local function compare_names(ctx, pair)
  local now = {}
  for _, n in ipairs(pair.new.constraints or {}) do
    if n.id then now[n.id] = n end
  end
  for _, o in ipairs(pair.old.constraints or {}) do
    local n = o.id and now[o.id]
    if n and n.name ~= o.name then
      ctx:find("constraint_renamed",
               ("%s.%s"):format(ctx.text(pair.old), o.name),
               "-> " .. n.name, { where = place(pair, n) })
    end
  end
end

--- Constraints of a table that older statements write to.
function constraints.compare(ctx, pair)
  if ctx.shares_keys(pair) then return end
  compare_foreign(ctx, pair)
  compare_checks(ctx, pair)
  compare_exclusions(ctx, pair)
  compare_names(ctx, pair)
end

return constraints
