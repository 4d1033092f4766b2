-- luacheck: globals host migration
--- Functions, procedures and aggregates: which call finds what.

local privileges = migration.diff_privileges

local functions = {}

local function place(f) return { kind = "functions", id = f.id } end

--- Only triggers call it, never a statement.
local function for_triggers(f)
  return f.result == "trigger" or f.result == "event_trigger"
end

local function same_args(a, b)
  if #(a.args or {}) ~= #(b.args or {}) then return false end
  for i, type in ipairs(a.args or {}) do
    if b.args[i] ~= type then return false end
  end
  return true
end

local function in_list(list, f)
  for _, one in ipairs(list) do
    if one ~= f and same_args(one, f) then return one end
  end
  return nil
end

--- Whether every call with n arguments that found o finds f.
local function takes(f, o, count)
  local args = f.args or {}
  if count > #args or count < #args - (f.defaults or 0) then return false end
  for i = 1, count do
    if args[i] ~= o.args[i] then return false end
  end
  return true
end

local function least(f) return #(f.args or {}) - (f.defaults or 0) end

local function takes_all_calls(f, o)
  for count = least(o), #(o.args or {}) do
    if not takes(f, o, count) then return false end
  end
  return true
end

--- A function that gained arguments with defaults.
local function extended(ctx, o)
  for _, f in ipairs(ctx.new_named("functions", o.schema, o.name)) do
    if #(f.args or {}) > #(o.args or {}) and takes_all_calls(f, o) then
      return f
    end
  end
  return nil
end

--- Names of the arguments that a call may give (inputs only).
local function input_names(f)
  local out = {}
  for i, name in ipairs(f.arg_names or {}) do
    local mode = f.arg_modes and f.arg_modes[i] or "i"
    if mode ~= "o" and mode ~= "t" then out[#out + 1] = name end
  end
  return table.concat(out, "\0")
end

local function same_settings(a, b)
  return table.concat(a or {}, "\0") == table.concat(b or {}, "\0")
end

local function compare_attributes(ctx, o, n, label, where)
  local rights = (o.security_definer or false)
    ~= (n.security_definer or false)
  if rights or (o.strict or false) ~= (n.strict or false) or
    not same_settings(o.settings, n.settings) then
    ctx:find("function_attributes_changed", label, nil,
             { where = where, level = not rights and "note" or nil })
  end
end

local function compare_result(ctx, o, n, label, where)
  if ctx:renamed(o.result or "") ~= (n.result or "") and
    o.result ~= n.result then
    ctx:find("function_result_changed", label,
             ("%s -> %s"):format(o.result or "?", n.result or "?"),
             { where = where })
  end
end

local function compare_one(ctx, o, n, label)
  local where = place(n)
  if o.kind ~= n.kind then
    ctx:find("function_kind_changed", label, nil, { where = where })
  else
    compare_result(ctx, o, n, label, where)
  end
  if least(n) > least(o) then
    ctx:find("function_default_removed", label, nil, { where = where })
  end
  if input_names(o) ~= input_names(n) then
    ctx:find("function_argnames_changed", label, nil, { where = where })
  end
  if not ctx.same_text(o.body, n.body) or o.language ~= n.language then
    ctx:find("function_body_changed", label, nil, { where = where })
  end
  compare_attributes(ctx, o, n, label, where)
  privileges.compare(ctx, "functions", o, n, label)
end

local function removed(ctx, o, label)
  local longer = extended(ctx, o)
  if for_triggers(o) then
    ctx:find("trigger_function_removed", label, nil, { where = place(o) })
  elseif longer then
    ctx:find("function_signature_extended", label, nil,
             { where = place(longer) })
    compare_result(ctx, o, longer, label, place(longer))
  else
    ctx:find("function_removed", label, nil, { where = place(o) })
  end
end

--- What has the signature on the new side, how, and the function by id.
local function counterpart(ctx, o)
  local n = ctx.new_object("functions", o.id)
  if n and n.schema == o.schema and n.name == o.name then return n, "same" end
  local at = in_list(ctx.new_named("functions", o.schema, o.name), o)
  if at then return at, "recreated" end
  if n then return n, "renamed" end
  return nil
end

local function compare(ctx, o)
  local label = ctx.signature(o)
  local n, how = counterpart(ctx, o)
  if not n then return removed(ctx, o, label) end
  ctx:stand("functions", n, o)
  if how == "renamed" and not for_triggers(o) then
    ctx:find("function_renamed", label, "-> " .. ctx.signature(n),
             { where = place(n) })
  end
  compare_one(ctx, o, n, label)
end

--- A call that fits the older function and the new one alike.
local function ambiguous(o, n)
  for count = least(o), #(o.args or {}) do
    if takes(n, o, count) and (#n.args > count or #o.args > count) then
      return true
    end
  end
  return false
end

--- Whether some number of arguments fits both.
local function same_count(o, n)
  return least(o) <= #(n.args or {}) and least(n) <= #(o.args or {})
end

local function added(ctx, n)
  local where, label = place(n), ctx.signature(n)
  local overload = false
  for _, o in ipairs(ctx.old_named("functions", n.schema, n.name)) do
    local now, how = counterpart(ctx, o)
    if now and how ~= "renamed" and not for_triggers(o) then
      if ambiguous(now, n) then
        ctx:find("function_call_ambiguous", ctx.signature(o),
                 "vs " .. label, { where = where })
      elseif same_count(now, n) and #now.args > 0 then
        overload = true
      end
    end
  end
  ctx:find(overload and "function_overload_added" or "function_added", label,
           nil, { where = where })
end

function functions.compare(ctx)
  for _, o in ipairs(ctx.sorted(ctx.old.functions)) do compare(ctx, o) end
  for _, n in ipairs(ctx.sorted(ctx.new.functions)) do
    if not ctx:stood_for("functions", n) and
      not ctx.old_object("functions", n.id) then
      added(ctx, n)
    end
  end
end

return functions
