-- luacheck: globals host migration
--- Relations: tables, views, sequences, partitions; what became of each, and
--- the comparison of their parts.

local columns, keys = migration.diff_columns, migration.diff_keys
local constraints, defaults = migration.diff_constraints,
                              migration.diff_defaults
local triggers, privileges = migration.diff_triggers,
                             migration.diff_privileges
local expression = migration.expression

local relations = {}

-- the word that codes begin with
local words = { table = "table", partitioned_table = "table", view = "view",
                matview = "matview", sequence = "sequence",
                foreign_table = "foreign_table",
                composite = "composite_type" }

local stores_rows = { table = true, partitioned_table = true,
                      foreign_table = true }

local function word(r) return words[r.kind] or "table" end

local function place(r) return { kind = "relations", id = r.id } end

--- A sequence that numbers a column is not named by older statements, or
--- rarely so.
local function owned(r)
  return r.kind == "sequence" and r.sequence and r.sequence.owned_by
    and true or false
end

local function removed(ctx, o)
  local code = word(o) .. "_removed"
  if owned(o) then code = "owned_sequence_removed" end
  ctx:find(code, ctx.text(o), nil, { where = place(o) })
end

local function renamed(ctx, o, n)
  local code = word(o) .. (o.schema ~= n.schema and "_moved_schema"
                           or "_renamed")
  ctx:find(code, ctx.text(o), "-> " .. ctx.text(n),
           { where = place(n), level = owned(o) and "caution" or nil })
end

local function recreated(ctx, o, n)
  ctx:find(stores_rows[o.kind] and "table_recreated"
             or word(o) .. "_recreated", ctx.text(o), nil,
           { where = place(n) })
end

local function swapped(ctx, o, n, moved)
  ctx:find("table_swapped", ctx.text(o),
           ("(old table is now %s)"):format(ctx.text(moved)),
           { where = place(n) })
end

-- kinds

--- Whether INSTEAD OF triggers take all that one may write.
local function instead(r)
  local events = ""
  for _, t in ipairs(r.triggers or {}) do
    if type(t.definition) == "string" then
      events = events .. (t.definition:match "INSTEAD OF ([A-Z ]+) ON " or "")
        .. " "
    end
  end
  return events:find "INSERT" and events:find "UPDATE" and
    events:find "DELETE"
end

local function writable(r)
  return stores_rows[r.kind] or
    r.kind == "view" and (r.updatable or instead(r))
end

--- A view of the old name: older writes go through it when PostgreSQL can.
local function compare_kind(ctx, o, n)
  local change = ("%s -> %s"):format(o.kind, n.kind)
  if o.kind ~= n.kind then
    ctx:find("relation_kind_changed", ctx.text(o), change,
             { where = place(n),
               level = (o.kind == "sequence" or n.kind == "sequence" or
                        o.kind == "composite" or n.kind == "composite")
                 and "incompatible" or nil })
  end
  if writable(o) and not writable(n) then
    ctx:find("relation_no_longer_writable", ctx.text(o),
             o.kind ~= n.kind and change or nil,
             { where = place(n),
               level = n.assumed and "unknown" or nil })
  end
end

-- views

local function same_definition(ctx, o, n)
  if type(o.definition) ~= type(n.definition) then return nil end
  return ctx.same_text(o.definition, n.definition) and
    ctx.same_text(o.stars or {}, n.stars or {})
end

local function options_of(r)
  local list, check = {}, nil
  for i, option in ipairs(r.options or {}) do
    list[i] = option
    check = check or option:match "^check_option=(.*)"
  end
  table.sort(list)
  return table.concat(list, ","), check
end

--- WITH CHECK OPTION refuses writes; the other options say whose rights
--- count.
local function compare_options(ctx, o, n)
  local was, old_check = options_of(o)
  local is, check = options_of(n)
  if check and check ~= old_check and old_check ~= "cascaded" then
    ctx:find("check_added", ctx.text(o),
             ("WITH %s CHECK OPTION"):format(check:upper()),
             { where = place(n) })
  end
  return was == is
end

local function compare_view(ctx, o, n, pair)
  if n.kind ~= o.kind then return end
  local where = place(n)
  local same = same_definition(ctx, o, n)
  if same and next(pair.columns.map) then same = false end
  if not compare_options(ctx, o, n) and same then same = false end
  if not same and o ~= n then
    ctx:find("view_definition_changed", ctx.text(o), nil,
             { where = where,
               level = same == nil and "unknown" or nil })
  end
  local empty = n.populated == false or not n.populated and not n.assumed
  local full = o.populated or o.assumed and o.populated == nil
  if o.kind == "matview" and empty and full then
    ctx:find("matview_unpopulated", ctx.text(o), nil, { where = where })
  end
end

-- partitions and inheritance

local function parent_text(ctx, lookup, id)
  local parent = lookup("relations", id)
  return parent and ctx.text(parent) or "?"
end

local function bound_is_default(partition)
  local tree = partition.bound
  if type(tree) == "table" then
    return (tree.PartitionBoundSpec or tree).is_default == true
  end
  return type(partition.bound) == "string" and
    partition.bound:upper():find "^%s*DEFAULT" ~= nil
end

--- Whether what the rows had to satisfy before implies the new bound.
local function bound_implied(o, n)
  local source = n.partition_of.constraint
  if not source then return false end
  local known = {}
  if o.partition_of and o.partition_of.constraint then
    known[1] = o.partition_of.constraint
  end
  for _, c in ipairs(o.constraints or {}) do
    if c.type == "c" and c.expression then known[#known + 1] = c.expression end
  end
  for _, c in ipairs(o.columns or {}) do
    if c.not_null then
      known[#known + 1] = { t = "null", neg = true,
                            x = { t = "col", name = c.name } }
    end
  end
  return expression.implied_check(known, source)
end

local function same_key(ctx, pair, o, n)
  local key = ctx:renamed(o.partition_key):gsub("[%w_]+", pair.columns.map)
  return ctx.same_text(key, n.partition_key) or
    ctx.same_text(o.partition_key, n.partition_key)
end

local function compare_partition(ctx, pair)
  local o, n = pair.old, pair.new
  local was, is = o.partition_of, n.partition_of
  if was and (not is or is.id ~= was.id) then
    ctx:find("partition_detached", ctx.text(o), "from "
             .. parent_text(ctx, ctx.old_object, was.id),
             { where = place(n) })
  end
  if is and not bound_is_default(is) and
    not (was and was.id == is.id and
         ctx.same_text(was.bound, is.bound)) then
    ctx:find(bound_implied(o, n) and "partition_added"
             or "partition_constraint_added", ctx.text(o), nil,
             { where = place(n) })
  end
  if type(o.partition_key) == "string" and
    type(n.partition_key) == "string" and not same_key(ctx, pair, o, n) then
    ctx:find("partition_key_changed", ctx.text(o), nil, { where = place(n) })
  end
end

local function compare_parents(ctx, o, n)
  local now = {}
  for _, id in ipairs(n.inherits or {}) do now[id] = true end
  for _, id in ipairs(o.inherits or {}) do
    if not now[id] and ctx.new_object("relations", id) then
      ctx:find("inheritance_removed", ctx.text(o), "from "
               .. parent_text(ctx, ctx.old_object, id),
               { where = place(n) })
    end
  end
end

-- sequences

local function compare_sequence(ctx, o, n)
  local was, is = o.sequence or {}, n.sequence or {}
  local function known(field) return was[field] ~= nil and is[field] ~= nil end
  local changed = known "increment" and was.increment ~= is.increment or
    known "min" and is.min > was.min or known "max" and is.max < was.max or
    known "cycle" and was.cycle ~= is.cycle
  if changed then
    ctx:find("sequence_changed", ctx.text(o), nil, { where = place(n) })
  end
end

local function compare_storage(ctx, o, n)
  if (o.persistence or "p") ~= (n.persistence or "p") then
    ctx:find("persistence_changed", ctx.text(o), nil, { where = place(n) })
  end
  if (o.replica_identity or "d") ~= (n.replica_identity or "d") then
    ctx:find("replica_identity_changed", ctx.text(o), nil,
             { where = place(n) })
  end
end

local function compare_table(ctx, pair)
  keys.compare(ctx, pair)
  constraints.compare(ctx, pair)
  defaults.compare(ctx, pair)
  triggers.compare(ctx, pair)
  compare_partition(ctx, pair)
  compare_parents(ctx, pair.old, pair.new)
  compare_storage(ctx, pair.old, pair.new)
end

local is_view = { view = true, matview = true }

local function compare_parts(ctx, o, n)
  local pair = { old = o, new = n, columns = columns.pair(o, n),
                 rows = stores_rows[o.kind] and stores_rows[n.kind] }
  compare_kind(ctx, o, n)
  if o.kind == "sequence" then
    if n.kind == "sequence" then compare_sequence(ctx, o, n) end
  else
    columns.compare(ctx, pair)
  end
  if is_view[o.kind] then compare_view(ctx, o, n, pair) end
  if pair.rows then
    compare_table(ctx, pair)
  elseif o.kind == n.kind and o.kind == "matview" then
    keys.compare(ctx, pair)
  elseif o.kind == "view" and n.kind == "view" then
    triggers.compare(ctx, pair)
  end
  privileges.compare(ctx, "relations", o, n, ctx.text(o), pair.columns)
end

local report = { recreated = recreated, swapped = swapped }

local function compare(ctx, o)
  local n, how, moved = ctx:counterpart("relations", o)
  if not n then return removed(ctx, o) end
  -- older statements do not find it: what else it became they cannot meet
  if how == "renamed" then return renamed(ctx, o, n) end
  if how == "same" and not ctx:domains_changed() and ctx.unchanged(o, n) then
    return
  end
  if report[how] then report[how](ctx, o, n, moved) end
  compare_parts(ctx, o, n)
end

--- A new relation of an old one's name that the search_path finds first.
local function shadowed(ctx, n)
  local found = false
  for _, schema in ipairs(ctx.search_path) do
    local o = found and ctx.old_named("relations", schema, n.name)[1]
    if o and o.kind ~= "composite" then
      ctx:find("relation_shadowed", ctx.text(o),
               ("by %s"):format(ctx.text(n)), { where = place(n) })
      return
    end
    found = found or schema == n.schema
  end
end

local function added(ctx, n)
  if not owned(n) then
    ctx:find(word(n) .. "_added", ctx.text(n), nil, { where = place(n) })
  end
  if n.kind ~= "composite" then shadowed(ctx, n) end
  if stores_rows[n.kind] then constraints.of_new(ctx, n) end
end

--- What an older table is called now is known before any is compared.
local function settle(ctx, list)
  for _, o in ipairs(list) do
    local n = ctx:counterpart("relations", o)
    if n then ctx:stand("relations", n, o) end
  end
end

function relations.compare(ctx)
  local list = {}
  for _, o in ipairs(ctx.sorted(ctx.old.relations)) do
    if not ctx:is_ledger(o) then list[#list + 1] = o end
  end
  settle(ctx, list)
  for _, o in ipairs(list) do compare(ctx, o) end
  for _, n in ipairs(ctx.sorted(ctx.new.relations)) do
    if not ctx:stood_for("relations", n) and not ctx:is_ledger(n) and
      not ctx.old_object("relations", n.id) then
      added(ctx, n)
    end
  end
end

return relations
