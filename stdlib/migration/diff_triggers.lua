-- luacheck: globals host migration
--- What runs or filters beside a statement: triggers, rules, policies, row
--- security.

local expression = migration.expression

local triggers = {}

local function by_name(list)
  local out = {}
  for _, one in ipairs(list or {}) do out[one.name] = one end
  return out
end

local function by_id(list)
  local out = {}
  for _, one in ipairs(list or {}) do
    if one.id then out[one.id] = one end
  end
  return out
end

--- Calls visit(old, new) for what is on one side or on both, by id and then
--- by name.
local function match(old, new, visit)
  local ids, names, taken = by_id(new), by_name(new), {}
  for _, o in ipairs(old or {}) do
    local n = o.id and ids[o.id] or names[o.name]
    if n then taken[n] = true end
    visit(o, n)
  end
  for _, n in ipairs(new or {}) do
    if not taken[n] then visit(nil, n) end
  end
end

local function place(pair, part, one)
  return { kind = "relations", id = pair.new.id,
           part = one.id and part .. ":" .. one.id or nil }
end

--- The definition without the names that a rename changes.
local function same_trigger(ctx, pair, o, n)
  local moved = pair.old.name ~= pair.new.name or
    pair.old.schema ~= pair.new.schema or o.name ~= n.name
  if moved or type(o.definition) ~= type(n.definition) then
    local f, g = o["function"] or {}, n["function"] or {}
    return f.name == g.name
  end
  return ctx.same_text(o.definition, n.definition)
end

local function compare_triggers(ctx, pair)
  local relation = ctx.text(pair.old)
  match(pair.old.triggers, pair.new.triggers, function(o, n)
    local label = ("%s on %s"):format((o or n).name, relation)
    local where = { where = place(pair, "trigger", n or o) }
    if not o then
      ctx:find("trigger_added", label, nil, where)
    elseif not n then
      ctx:find("trigger_removed", label, nil, where)
    else
      if o.name ~= n.name then
        ctx:find("trigger_renamed", label, "-> " .. n.name, where)
      end
      if not same_trigger(ctx, pair, o, n) then
        ctx:find("trigger_changed", label, nil, where)
      end
      if (o.enabled or "O") ~= (n.enabled or "O") then
        ctx:find("trigger_enabled_changed", label, nil, where)
      end
    end
  end)
end

local function compare_rules(ctx, pair)
  local relation = ctx.text(pair.old)
  -- a rename changes the text of a rule that stayed as it was
  local moved = pair.old.name ~= pair.new.name or
    pair.old.schema ~= pair.new.schema or next(pair.columns.map) ~= nil
  match(pair.old.rules, pair.new.rules, function(o, n)
    local label = ("%s on %s"):format((o or n).name, relation)
    local where = { where = place(pair, "rule", n or o) }
    if not o then
      ctx:find("rule_added", label, nil, where)
    elseif not n then
      ctx:find("rule_removed", label, nil, where)
    elseif (o.id ~= n.id or not moved) and
      not ctx.same_text(o.definition, n.definition) then
      ctx:find("rule_changed", label, nil, where)
    end
  end)
end

-- policies

local function roles_within(old, new)
  local set = {}
  for _, role in ipairs(new or { "PUBLIC" }) do set[role] = true end
  if set.PUBLIC or set.public then return true end
  for _, role in ipairs(old or { "PUBLIC" }) do
    if not set[role] then return false end
  end
  return true
end

local function condition_within(ctx, o, n, map)
  if not n then return true end
  if not o then return false end
  return ctx:same(o, n, map) or
    expression.implies(expression.renamed(o, map), n)
end

--- Whether rows that the old conditions let through pass the new ones.
local function passes(ctx, pair, o, n)
  local map = pair.columns.map
  return condition_within(ctx, o.using, n.using, map) and
    condition_within(ctx, o.check or o.using, n.check or n.using, map)
end

--- Whether policy b is for all roles and commands that a is for.
local function covers(a, b)
  return (a.command == b.command or b.command == "ALL") and
    roles_within(a.roles, b.roles)
end

local function same_policy(ctx, pair, o, n)
  local map = pair.columns.map
  return o.command == n.command and
    roles_within(o.roles, n.roles) and roles_within(n.roles, o.roles) and
    ctx:same(o.using, n.using, map) and ctx:same(o.check, n.check, map)
end

--- Whether rows that passed pass no more: a permissive policy lets rows
--- through, any other one keeps them away.
local function is_tighter(ctx, pair, o, n)
  if not passes(ctx, pair, o, n) then return true end
  if o.permissive then return not (n.permissive and covers(o, n)) end
  return not n.permissive and not covers(n, o)
end

local function compare_policy(ctx, pair, o, n)
  local label = ("%s on %s"):format((o or n).name, ctx.text(pair.old))
  local where = { where = place(pair, "policy", n or o) }
  if not o then
    ctx:find(n.permissive and "policy_added" or "restrictive_policy_added",
             label, nil, where)
  elseif not n then
    ctx:find(o.permissive and "policy_removed" or "policy_relaxed", label,
             nil, where)
  elseif (o.permissive or false) ~= (n.permissive or false) or
    not same_policy(ctx, pair, o, n) then
    ctx:find(is_tighter(ctx, pair, o, n) and "policy_changed"
             or "policy_relaxed", label, nil, where)
  end
end

--- Policies bear on older statements only while row security stands.
local function compare_security(ctx, pair)
  local o, n = pair.old, pair.new
  local where = { where = { kind = "relations", id = n.id } }
  if n.row_security and not o.row_security then
    ctx:find("row_security_enabled", ctx.text(o), nil, where)
  elseif o.row_security and not n.row_security then
    ctx:find("row_security_disabled", ctx.text(o), nil, where)
  end
  if n.force_row_security and not o.force_row_security and n.row_security then
    ctx:find("row_security_forced", ctx.text(o), nil, where)
  end
  if not (o.row_security and n.row_security) then return end
  match(o.policies, n.policies, function(before, after)
    compare_policy(ctx, pair, before, after)
  end)
end

function triggers.compare(ctx, pair)
  compare_triggers(ctx, pair)
  compare_rules(ctx, pair)
  compare_security(ctx, pair)
end

return triggers
