-- luacheck: globals host migration
--- Types: enums, domains, ranges, and composite ones that are not listed as
--- relations.

local expression, columns = migration.expression, migration.diff_columns
local privileges = migration.diff_privileges

local types = {}

local words = { enum = "enum", domain = "domain", range = "range",
                composite = "composite_type" }

local function word(t) return words[t.kind] or "type" end

local function place(t) return { kind = "types", id = t.id } end

-- enums

local function positions(labels)
  local out = {}
  for i, label in ipairs(labels or {}) do out[label] = i end
  return out
end

local function has_ids(t)
  return t.label_ids and #t.label_ids == #(t.labels or {})
end

--- A label that was renamed has the id that it had.
local function by_label_id(o, n)
  local now, out = {}, {}
  for i, id in ipairs(n.label_ids) do now[id] = n.labels[i] end
  for i, id in ipairs(o.label_ids) do out[o.labels[i]] = now[id] end
  return out
end

--- Labels that are gone and new ones between the same neighbours: in one
--- type a label can only have been renamed. Gives old label -> new label.
local function renamed_labels(o, n)
  if has_ids(o) and has_ids(n) then return by_label_id(o, n) end
  local was, is, out = positions(o.labels), positions(n.labels), {}
  local after = 0 -- the place in n of the last label known
  for _, label in ipairs(o.labels or {}) do
    if is[label] then
      after = is[label]
    else
      local at = after + 1
      while n.labels[at] and was[n.labels[at]] do at = at + 1 end
      if n.labels[at] then
        out[label] = n.labels[at]
        after = at
      end
    end
  end
  return out
end

local function compare_enum(ctx, o, n)
  local is, was = positions(n.labels), positions(o.labels)
  local names = o.id == n.id and renamed_labels(o, n) or {}
  local taken, label = {}, ctx.text(o)
  for _, old in ipairs(o.labels or {}) do
    if not is[old] and names[old] then
      taken[names[old]] = true
      ctx:find("enum_value_renamed", label,
               ("%s -> %s"):format(old, names[old]), { where = place(n) })
    elseif not is[old] then
      ctx:find("enum_value_removed", label, old, { where = place(n) })
    end
  end
  for _, new in ipairs(n.labels or {}) do
    if not was[new] and not taken[new] then
      ctx:find("enum_value_added", label, new, { where = place(n) })
    end
  end
end

-- domains

local function expressions(t)
  local out = {}
  for i, check in ipairs(t.checks or {}) do
    out[i] = expression.of(check.expression)
  end
  return out
end

local function implied(known, check)
  return expression.implied_check(known, check)
end

local function compare_domain_checks(ctx, o, n)
  local was, is = expressions(o), expressions(n)
  for _, check in ipairs(is) do
    if not implied(was, check) then
      ctx:find("domain_check_added", ctx.text(o), nil, { where = place(n) })
      return
    end
  end
  for _, check in ipairs(was) do
    if not implied(is, check) then
      ctx:find("domain_check_relaxed", ctx.text(o), nil,
               { where = place(n) })
      return
    end
  end
end

local function compare_domain(ctx, o, n)
  local label, where = ctx.text(o), { where = place(n) }
  if o.base ~= n.base then
    ctx:find("domain_base_changed", label,
             ("%s -> %s"):format(o.base or "?", n.base or "?"), where)
  end
  if n.not_null and not o.not_null then
    ctx:find("domain_not_null_added", label, nil, where)
  elseif o.not_null and not n.not_null then
    ctx:find("not_null_dropped", label, nil, where)
  end
  if o.default and not n.default then
    ctx:find("default_dropped", label, nil, where)
  elseif o.default and not ctx:same(o.default, n.default) then
    ctx:find("default_changed", label, nil, where)
  end
  compare_domain_checks(ctx, o, n)
end

local function compare_range(ctx, o, n)
  if o.base ~= n.base then
    ctx:find("range_subtype_changed", ctx.text(o),
             ("%s -> %s"):format(o.base or "?", n.base or "?"),
             { where = place(n) })
  end
end

local function compare_composite(ctx, o, n)
  local as_old = { id = o.id, schema = o.schema, name = o.name,
                   kind = "composite", columns = o.attributes }
  local as_new = { id = n.id, schema = n.schema, name = n.name,
                   kind = "composite", columns = n.attributes }
  columns.compare(ctx, { old = as_old, new = as_new,
                         columns = columns.pair(as_old, as_new) })
end

local compare_kind = { enum = compare_enum, domain = compare_domain,
                       range = compare_range, composite = compare_composite }

--- A composite type is a relation too; there it has been compared.
local function is_relation(ctx, t)
  if t.kind ~= "composite" then return false end
  for _, named in ipairs { ctx.old_named, ctx.new_named } do
    for _, r in ipairs(named("relations", t.schema, t.name)) do
      if r.kind == "composite" then return true end
    end
  end
  return false
end

local function compare(ctx, o)
  local n, how = ctx:counterpart("types", o)
  if not n then
    ctx:find(word(o) .. "_removed", ctx.text(o), nil, { where = place(o) })
    return
  end
  ctx:stand("types", n, o)
  if how == "renamed" then
    ctx:find(word(o) .. "_renamed", ctx.text(o), "-> " .. ctx.text(n),
             { where = place(n) })
  elseif how == "recreated" then
    ctx:find(o.kind == "composite" and "composite_type_recreated"
               or "type_recreated", ctx.text(o), nil,
             { where = place(n) })
  end
  if o.kind ~= n.kind then
    ctx:find("type_kind_changed", ctx.text(o),
             ("%s -> %s"):format(o.kind, n.kind), { where = place(n) })
  elseif compare_kind[o.kind] then
    compare_kind[o.kind](ctx, o, n)
  end
  privileges.compare(ctx, "types", o, n, ctx.text(o))
end

function types.compare(ctx)
  for _, o in ipairs(ctx.sorted(ctx.old.types)) do
    if not is_relation(ctx, o) then compare(ctx, o) end
  end
  for _, n in ipairs(ctx.sorted(ctx.new.types)) do
    if not ctx:stood_for("types", n) and not is_relation(ctx, n) and
      not ctx.old_object("types", n.id) then
      ctx:find(word(n) .. "_added", ctx.text(n), nil, { where = place(n) })
    end
  end
end

return types
