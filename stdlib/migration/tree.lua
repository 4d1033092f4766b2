-- luacheck: globals host migration
--- Reading libpg_query's trees: names, types, and what can be said about an
--- expression without a database.

local tree = {}

function tree.text(node)
  return node and node.String and node.String.sval
end

--- Texts of a list of String nodes.
function tree.texts(list)
  local out = {}
  for i, node in ipairs(list or {}) do out[i] = tree.text(node) or "?" end
  return out
end

--- schema, name from a list of String nodes.
function tree.qualified(list)
  local parts = tree.texts(list)
  return parts[#parts - 1], parts[#parts]
end

--- The list of String nodes behind any way a tree names an object.
function tree.name_list(node)
  if node.List then return node.List.items end
  if node.TypeName then return node.TypeName.names end
  if node.ObjectWithArgs then return node.ObjectWithArgs.objname end
  if node.String then return { node } end
  if node.RangeVar then
    local name = { { String = { sval = node.RangeVar.relname } } }
    if node.RangeVar.schemaname then
      table.insert(name, 1, { String = { sval = node.RangeVar.schemaname } })
    end
    return name
  end
  return {}
end

--- "varchar", and whether it is one of PostgreSQL's own.
function tree.type_name(type)
  local schema, name = tree.qualified(type and type.names)
  return name or "?", schema
end

local strict_functions = {
  length = true, char_length = true, character_length = true,
  octet_length = true, lower = true, upper = true, btrim = true, abs = true,
  jsonb_typeof = true, json_typeof = true, cardinality = true,
  array_length = true, jsonb_array_length = true,
}

-- Functions that do not raise on any value of their argument types.
local total_functions = {
  length = true, char_length = true, character_length = true,
  octet_length = true, lower = true, upper = true, btrim = true, md5 = true,
  ltrim = true, rtrim = true, date_trunc = true, jsonb_typeof = true,
  to_tsvector = true, cardinality = true, now = true,
  gen_random_uuid = true, concat = true,
}

local function own_function(call, list)
  local schema, name = tree.qualified(call.funcname)
  return (not schema or schema == "pg_catalog") and list[name] or false
end

--- Whether evaluating the expression can refuse a row: a division, a cast,
--- a function that is not known to be harmless.
function tree.can_raise(node)
  if type(node) ~= "table" then return false end
  if node.FuncCall and not own_function(node.FuncCall, total_functions) then
    return true
  end
  if node.TypeCast and not node.TypeCast.arg.A_Const then return true end
  if node.A_Expr then
    local operator = tree.text((node.A_Expr.name or {})[1])
    if operator == "/" or operator == "%" or operator == "^" then
      return true
    end
  end
  if node.SubLink then return true end
  for _, child in pairs(node) do
    if tree.can_raise(child) then return true end
  end
  return false
end

--- The names of the columns an expression reads.
function tree.columns(node, out)
  out = out or {}
  if type(node) ~= "table" then return out end
  if node.ColumnRef then
    local fields = tree.texts(node.ColumnRef.fields)
    out[#out + 1] = fields[#fields]
    return out
  end
  for _, child in pairs(node) do tree.columns(child, out) end
  return out
end

-- Values an expression is known to have: {null = true} or {is = constant}.

local function constant(const)
  if const.isnull then return { null = true } end
  if const.ival then return { is = const.ival.ival or 0 } end
  if const.sval then return { is = const.sval.sval or "" } end
  if const.boolval then return { is = const.boolval.boolval == true } end
  if const.fval then return { is = tonumber(const.fval.fval) } end
  return nil
end

local text_types = { text = true, varchar = true }

--- env: column name -> {null = true}, {is = value}, or nil when unknown.
function tree.value(node, env)
  if not node then return nil end
  if node.A_Const then return constant(node.A_Const) end
  if node.ColumnRef then
    local fields = tree.texts(node.ColumnRef.fields)
    return env[fields[#fields]]
  end
  if node.TypeCast then
    local v = tree.value(node.TypeCast.arg, env)
    local name = tree.type_name(node.TypeCast.typeName)
    if v and (v.null or (type(v.is) == "string" and text_types[name])) then
      return v
    end
    return nil
  end
  if node.FuncCall and own_function(node.FuncCall, strict_functions) then
    local v = tree.value((node.FuncCall.args or {})[1], env)
    return v and v.null and v or nil
  end
  if node.A_Expr and node.A_Expr.kind == "AEXPR_OP" then
    local left = tree.value(node.A_Expr.lexpr, env)
    local right = tree.value(node.A_Expr.rexpr, env)
    if (left and left.null) or (right and right.null) then
      return { null = true }
    end
  end
  return nil
end

-- What a condition can come to: a set of T, F and N (null).
local T, F, N = 1, 2, 4
local ANY = T | F | N

local function of(truth)
  return truth and T or F
end

local comparisons = {
  ["="] = function(a, b) return a == b end,
  ["<>"] = function(a, b) return a ~= b end,
  ["<"] = function(a, b) return a < b end,
  [">"] = function(a, b) return a > b end,
  ["<="] = function(a, b) return a <= b end,
  [">="] = function(a, b) return a >= b end,
}

-- The order of texts hangs on the collation; equality does not, because a
-- collation of PostgreSQL's own is deterministic.
local function compare(operator, left, right)
  local f = comparisons[operator]
  if not f or type(left) ~= type(right) or type(left) == "boolean" then
    return ANY
  end
  if type(left) == "string" and operator ~= "=" and operator ~= "<>" then
    return ANY
  end
  return of(f(left, right))
end

local function among(v, items, env, negated)
  local all_known = true
  for _, item in ipairs(items) do
    local other = tree.value(item, env)
    if not other or other.null or type(other.is) ~= type(v.is) then
      all_known = false
    elseif other.is == v.is then
      return of(not negated)
    end
  end
  return all_known and of(negated) or ANY
end

local null_if_left = {
  AEXPR_LIKE = true, AEXPR_ILIKE = true, AEXPR_SIMILAR = true,
  AEXPR_BETWEEN = true, AEXPR_NOT_BETWEEN = true, AEXPR_IN = true,
  AEXPR_OP_ANY = true, AEXPR_OP_ALL = true, AEXPR_OP = true,
}

local function operator_set(e, env)
  local operator = tree.text((e.name or {})[1])
  local left, right = tree.value(e.lexpr, env), tree.value(e.rexpr, env)
  if e.kind == "AEXPR_OP" and right and right.null then return N end
  if not left then return ANY end
  if left.null then return null_if_left[e.kind] and N or ANY end
  if e.kind == "AEXPR_OP" and right then
    return compare(operator, left.is, right.is)
  end
  if e.kind == "AEXPR_IN" then
    return among(left, e.rexpr.List and e.rexpr.List.items or {}, env,
                 operator == "<>")
  end
  if e.kind == "AEXPR_OP_ANY" and operator == "=" and
    e.rexpr.A_ArrayExpr then
    return among(left, e.rexpr.A_ArrayExpr.elements or {}, env, false)
  end
  return ANY
end

local function negate(set)
  return (set & N) | (set & T ~= 0 and F or 0) | (set & F ~= 0 and T or 0)
end

-- All pairs of what the two sides can be.
local function join(a, b, both)
  local out = 0
  for _, x in ipairs { T, F, N } do
    for _, y in ipairs { T, F, N } do
      if a & x ~= 0 and b & y ~= 0 then out = out | both(x, y) end
    end
  end
  return out
end

local function both_and(x, y)
  if x == F or y == F then return F end
  return (x == N or y == N) and N or T
end

local function both_or(x, y)
  if x == T or y == T then return T end
  return (x == N or y == N) and N or F
end

local function bool_set(e, env)
  if e.boolop == "NOT_EXPR" then
    return negate(tree.truth(e.args[1], env))
  end
  local both = e.boolop == "AND_EXPR" and both_and or both_or
  local out = both == both_and and T or F
  for _, arg in ipairs(e.args) do
    out = join(out, tree.truth(arg, env), both)
  end
  return out
end

function tree.truth(node, env)
  if node.BoolExpr then return bool_set(node.BoolExpr, env) end
  if node.A_Expr then return operator_set(node.A_Expr, env) end
  if node.NullTest then
    local v = tree.value(node.NullTest.arg, env)
    if not v then return T | F end
    return of((v.null == true) == (node.NullTest.nulltesttype == "IS_NULL"))
  end
  local v = tree.value(node, env)
  if v and v.null then return N end
  if v and type(v.is) == "boolean" then return of(v.is) end
  return ANY
end

--- A CHECK lets a row pass unless it comes to false.
function tree.never_false(node, env)
  return tree.truth(node, env) & F == 0
end

--- A CHECK refuses every row of which it is known to come to false.
function tree.always_false(node, env)
  return tree.truth(node, env) == F
end

--- A partial index leaves a row out unless it comes to true.
function tree.never_true(node, env)
  return tree.truth(node, env) & T == 0
end

return tree
