-- luacheck: globals host migration
--- What a condition can come to, and whether one implies another.
--- Adds to expression: value, truth, never_false, always_false, never_true,
--- implies, implies_check.

local expression = migration.expression
local key = expression.key

local strict_functions = {}
for name in ([[
  length char_length character_length octet_length bit_length lower upper
  btrim ltrim rtrim abs jsonb_typeof json_typeof cardinality array_length
  jsonb_array_length md5 date_trunc substr substring replace position date
  round floor ceil mod left right strpos regexp_replace
]]):gmatch "%S+" do strict_functions[name] = true end

local values = {
  const = function(e)
    if e.k == "null" then return { null = true } end
    if e.k == "typed" then return nil end
    return { is = e.v }
  end,
  col = function(e, env) return env[e.name] end,
  cast = function(e, env)
    local v = expression.value(e.x, env)
    return v and v.null and v or nil
  end,
  call = function(e, env)
    if not strict_functions[e.name] then return nil end
    for _, arg in ipairs(e.args) do
      local v = expression.value(arg, env)
      if v and v.null then return v end
    end
    return nil
  end,
  op = function(e, env)
    local left = e.l and expression.value(e.l, env)
    local right = expression.value(e.r, env)
    if left and left.null or right and right.null then
      return { null = true }
    end
    return nil
  end,
}

--- {null = true}, {is = value}, or nil when unknown. env: column -> the same.
function expression.value(source, env)
  local tree = expression.of(source)
  local f = tree and values[tree.t]
  return f and f(tree, env) or nil
end

-- What a condition can come to: a set of T, F and N (null).
local T, F, N = 1, 2, 4
local ANY = T | F | N

local function of(truth) return truth and T or F end

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
  if not f or type(left) ~= type(right) then return ANY end
  if type(left) ~= "number" and operator ~= "=" and operator ~= "<>" then
    return ANY
  end
  return of(f(left, right))
end

local function op_set(e, env)
  local left, right = e.l and expression.value(e.l, env),
                      expression.value(e.r, env)
  if left and left.null or right and right.null then return N end
  if not left or not right then return ANY end
  return compare(e.name, left.is, right.is)
end

local function in_set(e, env)
  local v = expression.value(e.x, env)
  if not v then return ANY end
  if v.null then return N end
  local all_known = true
  for _, item in ipairs(e.list) do
    local other = expression.value(item, env)
    if not other or other.null or type(other.is) ~= type(v.is) then
      all_known = false
    elseif other.is == v.is then
      return of(not e.neg)
    end
  end
  return all_known and of(e.neg) or ANY
end

local function negate(set)
  return (set & N) | (set & T ~= 0 and F or 0) | (set & F ~= 0 and T or 0)
end

local function both_and(x, y)
  if x == F or y == F then return F end
  return (x == N or y == N) and N or T
end

local function both_or(x, y)
  if x == T or y == T then return T end
  return (x == N or y == N) and N or F
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

local truth

local function joined(first, both)
  return function(e, env)
    local out = first
    for _, arg in ipairs(e.args) do out = join(out, truth(arg, env), both) end
    return out
  end
end

local truths = {
  op = op_set, ["in"] = in_set,
  ["and"] = joined(T, both_and), ["or"] = joined(F, both_or),
  ["not"] = function(e, env) return negate(truth(e.x, env)) end,
  null = function(e, env)
    local v = expression.value(e.x, env)
    if not v then return T | F end
    return of((v.null == true) ~= e.neg)
  end,
}

function truth(tree, env)
  local f = truths[tree.t]
  if f then return f(tree, env) end
  local v = expression.value(tree, env)
  if v and v.null then return N end
  if v and type(v.is) == "boolean" then return of(v.is) end
  return ANY
end

--- A CHECK lets a row pass unless it comes to false.
function expression.never_false(source, env)
  return truth(expression.of(source), env) & F == 0
end

--- A CHECK refuses every row of which it is known to come to false.
function expression.always_false(source, env)
  return truth(expression.of(source), env) == F
end

--- A partial index leaves a row out unless it comes to true.
function expression.never_true(source, env)
  return truth(expression.of(source), env) & T == 0
end

-- Implication. Two readings: where rows must come to true (a partial index),
-- and where they must not come to false (a CHECK).

local function key_set(list)
  local set = {}
  for _, item in ipairs(list) do set[key(item)] = true end
  return set
end

local function subset(a, b)
  local set = key_set(b)
  for _, item in ipairs(a) do
    if not set[key(item)] then return false end
  end
  return true
end

--- The values that x may have only (or may not have, when neg), or nil.
local function list_of(e)
  if e.t == "in" then return e.x, e.list, e.neg == true end
  if e.t == "op" and e.l and e.r.t == "const" and
    (e.name == "=" or e.name == "<>") then
    return e.l, { e.r }, e.name == "<>"
  end
  return nil
end

local function lists_imply(a, b)
  local xa, la, na = list_of(a)
  local xb, lb, nb = list_of(b)
  if not xa or not xb or key(xa) ~= key(xb) then return false end
  if na and nb then return subset(lb, la) end
  if not na and not nb then return subset(la, lb) end
  if na or not nb then return false end
  local set = key_set(lb)
  for _, item in ipairs(la) do
    if set[key(item)] or item.k == "typed" or item.k == "null" then
      return false
    end
  end
  return true
end

local upper = { ["<"] = true, ["<="] = true }
local lower = { [">"] = true, [">="] = true }

--- Ranges of one subject: x < 5 implies x <= 7.
local function ranges_imply(a, b)
  if a.t ~= "op" or b.t ~= "op" or not a.l or not b.l or
    a.r.k ~= "num" or b.r.k ~= "num" or key(a.l) ~= key(b.l) or
    math.type(a.r.v) == nil or math.type(b.r.v) == nil then
    return false
  end
  local x, y = a.r.v, b.r.v
  if a.name == "=" then
    local f = comparisons[b.name]
    return f ~= nil and f(x, y)
  end
  if b.name == "<>" then
    return upper[a.name] and (y > x or y == x and a.name == "<") or
      lower[a.name] and (y < x or y == x and a.name == ">") or false
  end
  local strict_to_wide = x == y and (a.name == b.name or #b.name == 2)
  return upper[a.name] and upper[b.name] and (x < y or strict_to_wide) or
    lower[a.name] and lower[b.name] and (x > y or strict_to_wide) or false
end

--- A comparison that comes to true has no NULL in it.
local function shows_not_null(a, b)
  return b.t == "null" and b.neg and
    (a.t == "op" and comparisons[a.name] and a.l and
       (key(a.l) == key(b.x) or key(a.r) == key(b.x))
     or a.t == "in" and key(a.x) == key(b.x))
end

local implies

local function any_implies(list, b, as_check)
  for _, item in ipairs(list) do
    if implies(item, b, as_check) then return true end
  end
  return false
end

local function implied_by_all(list, b, as_check)
  for _, item in ipairs(list) do
    if not implies(item, b, as_check) then return false end
  end
  return true
end

function implies(a, b, as_check)
  if key(a) == key(b) then return true end
  if b.t == "and" then
    for _, part in ipairs(b.args) do
      if not implies(a, part, as_check) then return false end
    end
    return true
  end
  if a.t == "or" then return implied_by_all(a.args, b, as_check) end
  if b.t == "or" then
    for _, part in ipairs(b.args) do
      if implies(a, part, as_check) then return true end
    end
  end
  if a.t == "and" and any_implies(a.args, b, as_check) then return true end
  if lists_imply(a, b) or ranges_imply(a, b) then return true end
  return not as_check and shows_not_null(a, b) or false
end

--- Whether every row of which `a` comes to true is one of which `b` does. No
--- condition at all (nil) is true of every row.
function expression.implies(a, b)
  a, b = expression.of(a), expression.of(b)
  if not b then return true end
  return a ~= nil and implies(a, b, false)
end

--- Whether every row that passes all CHECKs in the list passes this one too.
function expression.implied_check(list, b)
  local all = { t = "and", args = {} }
  for i, source in ipairs(list) do all.args[i] = expression.of(source) end
  return implies(all, expression.of(b), true)
end

return expression
