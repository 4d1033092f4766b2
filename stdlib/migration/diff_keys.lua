-- luacheck: globals host migration
--- Unique keys and indexes. A key is what refuses a second row: a primary
--- key, a UNIQUE constraint or a unique index, all the same to older writes.

local expression, columns = migration.expression, migration.diff_columns

local keys = {}

local function column_key(ctx, c, map)
  if type(c) == "string" then return expression.column_key(map[c] or c) end
  return expression.key(expression.of(c.expression),
                        { columns = map, strip = ctx.strip })
end

local function column_text(c)
  if type(c) == "string" then return c end
  return type(c.expression) == "string" and c.expression or "expression"
end

local function predicate_text(predicate)
  if not predicate then return "" end
  return " WHERE " .. (type(predicate) == "string" and predicate or "...")
end

--- "app.t(a, b) WHERE (c > 1)"
local function label(ctx, relation, index)
  local names = {}
  for i, c in ipairs(index.columns or {}) do names[i] = column_text(c) end
  return ("%s(%s)%s"):format(ctx.text(relation), table.concat(names, ", "),
                             predicate_text(index.predicate))
end

--- The columns of an index as texts that can be compared, and the columns
--- of the table that it reads.
local function describe(ctx, index, map)
  local out = { list = {}, set = {}, reads = {}, index = index }
  for i, c in ipairs(index.columns or {}) do
    out.list[i] = column_key(ctx, c, map)
    out.set[out.list[i]] = true
    if type(c) == "string" then
      out.reads[c] = true
    else
      expression.columns(c.expression, out.reads)
    end
  end
  if index.predicate then
    local predicate = expression.of(index.predicate)
    out.predicate = next(map) and expression.renamed(predicate, map)
      or predicate
    expression.columns(predicate, out.reads)
  end
  return out
end

--- Constraints that no index of the list stands for (from texts).
local function bare_constraints(relation)
  local listed, out = {}, {}
  for _, index in ipairs(relation.indexes or {}) do
    listed[index.id or index] = true
    if index.constraint then listed["c" .. index.constraint] = true end
  end
  for _, c in ipairs(relation.constraints or {}) do
    if (c.type == "p" or c.type == "u") and not listed["c" .. c.id] and
      not (c.index and listed[c.index]) then
      out[#out + 1] = { id = c.id, name = c.name, unique = true,
                        columns = c.columns, constraint = c.id,
                        nulls_not_distinct = c.nulls_not_distinct,
                        is_constraint = true }
    end
  end
  return out
end

local function deferred_ones(relation)
  local out = {}
  for _, c in ipairs(relation.constraints or {}) do
    if c.deferrable then out[c.id] = true end
  end
  return out
end

--- unique keys, other indexes, in the names that map makes of the columns.
local function read(ctx, relation, map)
  local unique, plain = {}, {}
  local deferrable = deferred_ones(relation)
  for _, list in ipairs { relation.indexes or {}, bare_constraints(relation) }
  do
    for _, index in ipairs(list) do
      local one = describe(ctx, index, map)
      one.deferrable = deferrable[index.constraint]
      table.insert(index.unique and unique or plain, one)
    end
  end
  return unique, plain
end

local function same_predicate(a, b)
  if not a.predicate or not b.predicate then
    return a.predicate == b.predicate
  end
  return expression.key(a.predicate) == expression.key(b.predicate)
end

local function within(a, b)
  for key in pairs(a.set) do
    if not b.set[key] then return false end
  end
  return true
end

--- ON CONFLICT finds the key of the new side as it found the old one.
local function same_key(old, new)
  return #old.list == #new.list and within(old, new) and within(new, old) and
    same_predicate(old, new) and
    (old.index.nulls_not_distinct or false) ==
      (new.index.nulls_not_distinct or false) and
    not (new.deferrable and not old.deferrable)
end

--- UNIQUE(a) implies UNIQUE(a, b), and a key over fewer rows.
local function implies(old, new)
  return within(old, new) and
    (old.index.nulls_not_distinct or not new.index.nulls_not_distinct) and
    expression.implies(new.predicate, old.predicate)
end

local function any(list, test, ...)
  for _, one in ipairs(list) do
    if test(one, ...) then return one end
  end
  return nil
end

--- Whether no older INSERT can meet the key: a column that is new to older
--- code leaves the row out of it.
local function out_of_reach(ctx, pair, key)
  local stored = columns.stored(ctx, pair)
  if key.predicate and expression.never_true(key.predicate, stored) then
    return true
  end
  for _, c in ipairs(key.index.columns or {}) do
    if type(c) == "table" then
      local v = expression.value(c.expression, stored)
      if v and v.null and not key.index.nulls_not_distinct then
        return true
      end
    elseif not pair.columns.from[c] then
      if stored[c] and stored[c].null and
        not key.index.nulls_not_distinct then
        return true
      end
      for _, n in ipairs(pair.new.columns or {}) do
        if n.name == c and columns.always_distinct(ctx, n) then
          return true
        end
      end
    end
  end
  return false
end

local function place(pair, index)
  return { kind = "relations", id = pair.new.id,
           part = index.id and (index.is_constraint and "constraint:"
                                or "index:") .. index.id or nil }
end

local function lost_keys(old, new)
  local lost = {}
  for _, o in ipairs(old) do
    if not any(new, function(n) return same_key(o, n) end) then
      lost[#lost + 1] = o
    end
  end
  return lost
end

local function compare_new(ctx, pair, n, old, lost)
  local where, text = place(pair, n.index), label(ctx, pair.old, n.index)
  local o = any(old, same_key, n)
  if o and o.deferrable and not n.deferrable then
    ctx:find("unique_changed", text, "(no longer deferrable)",
             { where = where })
  end
  if o then return end
  if any(old, implies, n) then
    ctx:find("unique_added_implied", text, nil, { where = where })
  elseif out_of_reach(ctx, pair, n) then
    ctx:find("unique_added_on_new_column", text, nil, { where = where })
  else
    ctx:find(#lost > 0 and "unique_changed" or "unique_added", text, nil,
             { where = where })
  end
end

local function reads_removed(pair, one)
  for name in pairs(one.reads) do
    if not pair.columns.of[name] then return true end
  end
  return false
end

local function same_index(old, new)
  if #old.list ~= #new.list or not same_predicate(old, new) then
    return false
  end
  for i, key in ipairs(old.list) do
    if new.list[i] ~= key then return false end
  end
  return true
end

local function same_made_index(old, new)
  return same_index(old, new) and
    (old.index.method or "btree") == (new.index.method or "btree")
end

local function by_id(list)
  local out = {}
  for _, one in ipairs(list) do
    if one.index.id then out[one.index.id] = one end
  end
  return out
end

local function compare_plain(ctx, pair, old, new, new_unique)
  local now = by_id(new)
  for _, o in ipairs(old) do
    local n = o.index.id and now[o.index.id]
    if n and n.index.name ~= o.index.name then
      ctx:find("index_renamed", ctx.text(pair.old) .. "." .. o.index.name,
               "-> " .. n.index.name, { where = place(pair, n.index) })
    elseif not n and not any(new, function(x) return same_index(o, x) end)
      and not any(new_unique, function(x) return same_index(o, x) end) then
      ctx:find("index_removed", label(ctx, pair.old, o.index), nil,
               { where = place(pair, o.index) })
    end
  end
end

local function has_expression(index)
  for _, c in ipairs(index.columns or {}) do
    if type(c) == "table" then return true end
  end
  return false
end

local function compare_added(ctx, pair, old, new)
  local was = by_id(old)
  for _, n in ipairs(new) do
    local o = n.index.id and was[n.index.id]
      or any(old, same_made_index, n)
    local name = (pair.new.schema and pair.new.schema .. "." or "")
      .. (n.index.name or "?")
    if not o and has_expression(n.index) then
      ctx:find("expression_index_added", name, nil,
               { where = place(pair, n.index) })
    elseif not o then
      ctx:find("index_added", name, nil, { where = place(pair, n.index) })
    end
  end
end

--- A live catalog says of every index whether it is valid; texts say nothing.
local function unusable(index)
  return type(index.definition) == "string" and not index.valid
end

local function note_invalid(ctx, pair)
  local was = {}
  for _, o in ipairs(pair.old.indexes or {}) do
    if o.id and unusable(o) then was[o.id] = true end
  end
  for _, n in ipairs(pair.new.indexes or {}) do
    if unusable(n) and not was[n.id] then
      ctx:find("index_invalid", pair.new.schema .. "." .. n.name, nil,
               { where = place(pair, n) })
    end
  end
end

--- Keys and indexes of a table that older statements write to.
function keys.compare(ctx, pair)
  if ctx.shares_keys(pair) then return end
  local old, old_plain = read(ctx, pair.old, pair.columns.map)
  local new, new_plain = read(ctx, pair.new, {})
  local lost = lost_keys(old, new)
  for _, n in ipairs(new) do compare_new(ctx, pair, n, old, lost) end
  for _, o in ipairs(lost) do
    if not reads_removed(pair, o) then
      ctx:find("unique_removed", label(ctx, pair.old, o.index), nil,
               { where = place(pair, o.index) })
    end
  end
  compare_plain(ctx, pair, old_plain, new_plain, new)
  compare_added(ctx, pair, old_plain, new_plain)
  note_invalid(ctx, pair)
end

return keys
