-- luacheck: globals host migration
--- Functions, procedures, aggregates, triggers and policies.

local state, types = migration.apply_state, migration.apply_types
local drop = migration.apply_drop

local functions = {}

local modes = { FUNC_PARAM_IN = "i", FUNC_PARAM_OUT = "o",
                FUNC_PARAM_INOUT = "b", FUNC_PARAM_VARIADIC = "v",
                FUNC_PARAM_TABLE = "t", FUNC_PARAM_DEFAULT = "i" }
local is_input = { i = true, b = true, v = true }

local function describe_parameters(s, f, list)
  local all_in, outputs, rows = true, {}, {}
  f.args, f.arg_names, f.arg_modes, f.defaults = {}, {}, {}, 0
  for i, node in ipairs(list or {}) do
    local p = node.FunctionParameter
    local mode = modes[p.mode] or "i"
    local text = types.bare(s, p.argType)
    f.arg_names[i], f.arg_modes[i] = p.name or "", mode
    if is_input[mode] then f.args[#f.args + 1] = text end
    if mode ~= "i" then all_in = false end
    if mode == "o" or mode == "b" then outputs[#outputs + 1] = text end
    if mode == "t" then
      rows[#rows + 1] = (p.name and types.quote(p.name) .. " " or "") .. text
    end
    if p.defexpr then f.defaults = f.defaults + 1 end
  end
  if table.concat(f.arg_names) == "" then f.arg_names = nil end
  if all_in then f.arg_modes = nil end
  if #rows > 0 then return "TABLE(" .. table.concat(rows, ", ") .. ")" end
  return #outputs > 1 and "record" or outputs[1]
end

local function option_text(arg)
  if not arg then return nil end
  if arg.String then return arg.String.sval end
  if arg.List then return table.concat(types.texts(arg.List.items), "\n") end
end

local volatilities = { immutable = "i", stable = "s", volatile = "v" }

local function is_true(arg)
  return arg and (arg.Boolean and arg.Boolean.boolval == true or
    arg.Integer and arg.Integer.ival == 1) or false
end

--- Settings of a function: what it sets is compared by name.
local function add_setting(f, set)
  local list = {}
  for _, name in ipairs(f.settings or {}) do
    if set and name ~= set.name and set.kind ~= "VAR_RESET_ALL" then
      list[#list + 1] = name
    end
  end
  if not set or not set.kind:find("RESET") then
    list[#list + 1] = set and set.name or "?"
  end
  f.settings = #list > 0 and list or nil
end

local function describe_options(f, stmt)
  for _, node in ipairs(stmt.options or {}) do
    local name, arg = node.DefElem.defname, node.DefElem.arg
    if name == "as" then
      f.body = option_text(arg)
    elseif name == "language" then
      f.language = option_text(arg)
    elseif name == "volatility" then
      f.volatility = volatilities[option_text(arg)] or "v"
    elseif name == "strict" then
      f.strict = is_true(arg)
    elseif name == "security" then
      f.security_definer = is_true(arg)
    elseif name == "set" then
      add_setting(f, arg and arg.VariableSetStmt)
    end
  end
  if stmt.sql_body then
    f.body, f.language = stmt.sql_body, f.language or "sql"
  end
end

local function describe(s, stmt)
  local schema, name = types.qualified(stmt.funcname)
  local f = { schema = schema or s:home_schema(), name = name,
              kind = stmt.is_procedure and "p" or "f" }
  local result = describe_parameters(s, f, stmt.parameters)
  if stmt.returnType then
    local text = types.bare(s, stmt.returnType)
    result = result and result:find("^TABLE") and result
      or (stmt.returnType.setof and "SETOF " or "") .. text
  end
  f.result = result
  f.volatility, f.strict, f.security_definer = "v", false, false
  describe_options(f, stmt)
  return f
end

local function same_signature(s, f)
  local wanted = table.concat(f.args, ", ")
  for _, one in ipairs(s.cat:all("functions", f.schema, f.name)) do
    if table.concat(one.args or {}, ", ") == wanted then return one end
  end
end

--- Which of several of a name is called is PostgreSQL's choice among them:
--- where there may be others that nobody has described, the choice may be
--- another one now.
local function doubt(s, f, stmt)
  if s.closed or f.result == "trigger" then return end
  local code = stmt.replace and "function_body_changed"
    or "function_call_ambiguous"
  s:unknown(code, state.label(f), stmt.replace
    and "if the function is older, it may now do something else"
    or "if there is one of that name, older calls may become ambiguous")
end

function functions.create(s, stmt)
  local f = describe(s, stmt)
  local there = same_signature(s, f)
  if not there then
    doubt(s, f, stmt)
    s:add("functions", f)
  elseif stmt.replace then
    s.cat:edit("functions", there.id)
    for _, field in ipairs { "arg_names", "arg_modes", "defaults", "result",
                             "language", "body", "strict", "volatility",
                             "security_definer", "settings" } do
      there[field] = f[field]
    end
    there.assumed = nil
  else
    s:unknown("object_unknown", state.label(f),
              "there is a function of that signature: the statement fails")
  end
end

--- ALTER FUNCTION .. STRICT, SECURITY DEFINER, ..
function functions.alter(s, stmt)
  local found = drop.find_function(s, stmt.func)
  if not found then return end
  if found.assumed then
    s:find { level = "caution", kind = "behaviour",
             code = "function_attributes_changed",
             object = (state.label(found):gsub("%z.*", "")) }
    return
  end
  describe_options(s.cat:edit("functions", found.id),
                   { options = stmt.actions })
end

--- CREATE AGGREGATE, CREATE OPERATOR, CREATE TYPE .. (INPUT = ..)
function functions.define(s, stmt)
  local schema, name = types.qualified(stmt.defnames)
  if stmt.kind == "OBJECT_AGGREGATE" then
    s:add("functions", { schema = schema or s:home_schema(), name = name,
                         kind = "a", args = {}, language = "internal" })
    if not s.closed then
      s:unknown("function_call_ambiguous", name,
                "if there is one of that name, older calls may become "
                  .. "ambiguous")
    end
  elseif stmt.kind == "OBJECT_OPERATOR" then
    s:add("operators", { schema = schema or s:home_schema(), name = name })
  elseif stmt.kind == "OBJECT_COLLATION" then
    return
  elseif stmt.kind == "OBJECT_TYPE" then
    s:add("types", { schema = schema or s:home_schema(), name = name,
                     kind = "base" })
  end
end

function functions.cast(s, stmt)
  local source = types.bare(s, stmt.sourcetype)
  local target = types.bare(s, stmt.targettype)
  s:add("casts", { name = source .. " -> " .. target, source = source,
                   target = target, context = stmt.context })
  s:unknown("not_judged", source .. " -> " .. target,
            "a cast can make older expressions mean something else")
end

local BEFORE, INSTEAD, ROW = 2, 64, true
local events = { { 4, "INSERT" }, { 8, "DELETE" }, { 16, "UPDATE" },
                 { 32, "TRUNCATE" } }

local function event_text(stmt)
  local out, columns = {}, types.texts(stmt.columns)
  for _, pair in ipairs(events) do
    if (stmt.events or 0) & pair[1] ~= 0 then
      out[#out + 1] = pair[2] == "UPDATE" and #columns > 0
        and "UPDATE OF " .. table.concat(columns, ", ") or pair[2]
    end
  end
  return table.concat(out, " OR ")
end

local function timing_text(timing)
  if timing == BEFORE then return "BEFORE" end
  return timing == INSTEAD and "INSTEAD OF" or "AFTER"
end

local function when_text(tree)
  if not tree then return "" end
  return " WHEN (" .. migration.expression.key(migration.expression.of(tree))
    .. ")"
end

--- As pg_get_triggerdef() shows it, but for the condition.
local function trigger_text(stmt, relation, called)
  return ("CREATE %sTRIGGER %s %s %s ON %s FOR EACH %s%s EXECUTE FUNCTION "
    .. "%s(%s)"):format(
      stmt.isconstraint and "CONSTRAINT " or "", types.quote(stmt.trigname),
      timing_text(stmt.timing), event_text(stmt), state.label(relation),
      stmt.row == ROW and "ROW" or "STATEMENT", when_text(stmt.whenClause),
      called, table.concat(types.texts(stmt.args), ", "))
end

function functions.trigger(s, stmt)
  local relation = s:relation(stmt.relation)
  if not relation then return end
  s:lock(relation, "ShareRowExclusiveLock")
  local schema, name = types.qualified(stmt.funcname)
  local f = s:lookup("functions", schema, name)
  local there, at = state.by_name(relation.triggers, stmt.trigname)
  local trigger = {
    id = there and there.id or s.cat:new_id(), name = stmt.trigname,
    enabled = "O", columns = stmt.columns and types.texts(stmt.columns),
    ["function"] = { schema = f and f.schema or schema,
                                    name = name },
    definition = trigger_text(stmt, relation, name) }
  s:edit(relation, "trigger:" .. trigger.id)
  if there then table.remove(relation.triggers, at) end
  table.insert(relation.triggers, trigger)
end

local function roles(list)
  local out = {}
  for i, node in ipairs(list or {}) do
    local r = node.RoleSpec
    out[i] = r.roletype == "ROLESPEC_PUBLIC" and "PUBLIC" or r.rolename
      or r.roletype
  end
  return out
end
functions.roles = roles

function functions.policy(s, stmt)
  local relation = s:relation(stmt.table)
  if not relation then return end
  s:lock(relation, "AccessExclusiveLock")
  local policy = { id = s.cat:new_id(), name = stmt.policy_name,
                   command = (stmt.cmd_name or "all"):upper(),
                   permissive = stmt.permissive or false,
                   roles = roles(stmt.roles), using = stmt.qual,
                   check = stmt.with_check }
  s:edit(relation, "policy:" .. policy.id)
  table.insert(relation.policies, policy)
  if relation.assumed and relation.row_security == nil then
    s:find { level = policy.permissive and "caution" or "incompatible",
             kind = policy.permissive and "behaviour" or nil,
             code = policy.permissive and "policy_added"
               or "restrictive_policy_added",
             object = ("%s on %s"):format(policy.name,
                                          state.label(relation)) }
  end
end

function functions.alter_policy(s, stmt)
  local relation = s:relation(stmt.table)
  if not relation then return end
  s:lock(relation, "AccessExclusiveLock")
  local found = state.by_name(relation.policies, stmt.policy_name)
  if not found then
    return s:unknown("policy_changed", ("%s on %s"):format(
      stmt.policy_name, state.label(relation)),
      "what the policy allowed before is not known")
  end
  s:edit(relation, "policy:" .. found.id)
  if stmt.roles then found.roles = roles(stmt.roles) end
  found.using = stmt.qual or found.using
  found.check = stmt.with_check or found.check
end

return functions
