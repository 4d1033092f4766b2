-- luacheck: globals host migration
--- What can be said about a condition or a value without a database.
---
--- An expression comes as the text that PostgreSQL keeps (pg_get_expr) or as
--- libpg_query's tree of what somebody wrote. Both become the same small tree
--- here, so that `b IN ('x')` and `(b = ANY (ARRAY['x'::text]))` are one:
---   {t="const", k="null|bool|num|text|typed", v=, type=}
---   {t="col", name=}                  {t="call", name=, args=}
---   {t="op", name=, l=, r=}           {t="in", x=, list=, neg=}
---   {t="and"|"or", args=}             {t="not", x=}
---   {t="null", x=, neg=}              {t="cast", x=, type=}
---   {t="other", name=, args=}: anything else, compared as it stands

local expression = {}

local build -- [tree of libpg_query] -> small tree

local function sval(node)
  return node and node.String and node.String.sval
end

--- "a.b" of a list of String nodes, without PostgreSQL's own schema.
local function dotted(list)
  local out = {}
  for i, node in ipairs(list or {}) do out[i] = sval(node) or "*" end
  if out[1] == "pg_catalog" and #out > 1 then table.remove(out, 1) end
  return table.concat(out, ".")
end

local function const(k, v, type)
  return { t = "const", k = k, v = v, type = type }
end

local NULL = const("null")

local function constant(node)
  if node.isnull then return NULL end
  if node.ival then return const("num", node.ival.ival or 0) end
  if node.fval then
    return const("num", math.tointeger(tonumber(node.fval.fval))
                 or tonumber(node.fval.fval) or node.fval.fval)
  end
  if node.boolval then return const("bool", node.boolval.boolval == true) end
  if node.sval then return const("text", node.sval.sval or "") end
  if node.bsval then return const("typed", node.bsval.bsval, "bit") end
  return NULL
end

local text_types = { text = true, varchar = true, bpchar = true,
                     name = true }
local number_types = { int2 = true, int4 = true, int8 = true, numeric = true,
                       float4 = true, float8 = true }

local function type_text(node)
  local name = dotted(node.names)
  local mods = {}
  for i, mod in ipairs(node.typmods or {}) do
    mods[i] = mod.A_Const and mod.A_Const.ival
      and tostring(mod.A_Const.ival.ival or 0) or "?"
  end
  if #mods > 0 then name = name .. "(" .. table.concat(mods, ",") .. ")" end
  return name .. ("[]"):rep(#(node.arrayBounds or {})), #mods > 0
end

--- A cast to text without a limit says nothing about a text; numbers and
--- booleans written as text are what they say.
local function cast_constant(x, type)
  if x.k == "null" then return NULL end
  if x.k == "text" then
    if text_types[type] then return x end
    if number_types[type] and tonumber(x.v) then
      return const("num", math.tointeger(tonumber(x.v)) or tonumber(x.v))
    end
    if type == "bool" and (x.v == "t" or x.v == "true" or x.v == "f" or
                           x.v == "false") then
      return const("bool", x.v:sub(1, 1) == "t")
    end
    return const("typed", x.v, type)
  end
  if x.k == "num" and number_types[type] then
    if type:match "^int" and math.type(x.v) ~= "integer" then return nil end
    return x
  end
  return nil
end

local function cast(node)
  local x = build(node.arg)
  local type, limited = type_text(node.typeName)
  if x.t == "const" then
    local value = cast_constant(x, type)
    if value then return value end
  end
  local bare = type:gsub("%[%]$", "")
  if text_types[bare] and not limited and bare ~= "bpchar" then return x end
  return { t = "cast", x = x, type = type }
end

local function other(name, ...)
  return { t = "other", name = name, args = { ... } }
end

--- Any node, field by field: the order of the fields is made the same.
local function generic(node)
  if type(node) ~= "table" then return const("typed", tostring(node)) end
  local keys = {}
  for k, v in pairs(node) do
    if k ~= "location" and v ~= false then keys[#keys + 1] = k end
  end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  local out = other("{" .. table.concat((function()
    local names = {}
    for i, k in ipairs(keys) do names[i] = tostring(k) end
    return names
  end)(), " ") .. "}")
  for i, k in ipairs(keys) do
    local v = node[k]
    local inner = type(v) == "table" and next(v)
    out.args[i] = type(inner) == "string" and build(v) or generic(v)
  end
  return out
end

local flipped = { ["<"] = ">", [">"] = "<", ["<="] = ">=", [">="] = "<=",
                  ["="] = "=", ["<>"] = "<>" }

local function operation(name, l, r)
  if name == "!=" then name = "<>" end
  if not l then
    if name == "-" and r.t == "const" and r.k == "num" then
      return const("num", -r.v)
    end
    return { t = "op", name = name, r = r }
  end
  if l.t == "const" and r and r.t ~= "const" and flipped[name] then
    name, l, r = flipped[name], r, l
  end
  return { t = "op", name = name, l = l, r = r }
end

local function all_constants(list)
  for _, item in ipairs(list) do
    if item.t ~= "const" then return false end
  end
  return #list > 0
end

local function members(x, nodes, negated)
  local list = {}
  for i, node in ipairs(nodes) do list[i] = build(node) end
  if not all_constants(list) then
    return other(negated and "not in" or "in", x, table.unpack(list))
  end
  if #list == 1 then
    return operation(negated and "<>" or "=", x, list[1])
  end
  return { t = "in", x = x, list = list, neg = negated }
end

--- The elements of ARRAY[..], also behind a cast, or nil.
local function array_elements(node)
  if node.TypeCast then
    local _, limited = type_text(node.TypeCast.typeName)
    return not limited and array_elements(node.TypeCast.arg) or nil
  end
  return node.A_ArrayExpr and (node.A_ArrayExpr.elements or {})
end

local function between(e)
  local items = e.rexpr.List and e.rexpr.List.items or {}
  if #items ~= 2 then return generic(e) end
  local low = operation(">=", build(e.lexpr), build(items[1]))
  local high = operation("<=", build(e.lexpr), build(items[2]))
  local both = { t = "and", args = { low, high } }
  return e.kind == "AEXPR_BETWEEN" and both or { t = "not", x = both }
end

local function a_expr(e)
  local name = dotted(e.name)
  if e.kind == "AEXPR_IN" then
    return members(build(e.lexpr), e.rexpr.List and e.rexpr.List.items or {},
                   name == "<>")
  end
  local elements = (e.kind == "AEXPR_OP_ANY" and name == "=" or
                    e.kind == "AEXPR_OP_ALL" and name == "<>")
    and array_elements(e.rexpr)
  if elements then return members(build(e.lexpr), elements, name == "<>") end
  if e.kind == "AEXPR_BETWEEN" or e.kind == "AEXPR_NOT_BETWEEN" then
    return between(e)
  end
  if e.kind == "AEXPR_OP" or e.kind == "AEXPR_LIKE" or
    e.kind == "AEXPR_ILIKE" then
    return operation(name, e.lexpr and build(e.lexpr), build(e.rexpr))
  end
  return other(e.kind .. " " .. name, e.lexpr and build(e.lexpr) or NULL,
               e.rexpr and build(e.rexpr) or NULL)
end

local function negated(x)
  if x.t == "null" then return { t = "null", x = x.x, neg = not x.neg } end
  if x.t == "not" then return x.x end
  if x.t == "in" then
    return { t = "in", x = x.x, list = x.list, neg = not x.neg }
  end
  return { t = "not", x = x }
end

--- x = 1 OR x = 2 is x IN (1, 2).
local function as_members(args)
  local subject, list
  for _, arg in ipairs(args) do
    local x, items
    if arg.t == "op" and arg.name == "=" and arg.r.t == "const" and arg.l then
      x, items = arg.l, { arg.r }
    elseif arg.t == "in" and not arg.neg then
      x, items = arg.x, arg.list
    end
    if not x or subject and expression.key(x) ~= expression.key(subject) then
      return nil
    end
    subject, list = x, list or {}
    table.move(items, 1, #items, #list + 1, list)
  end
  return subject and { t = "in", x = subject, list = list }
end

local function bool_expr(e)
  if e.boolop == "NOT_EXPR" then return negated(build(e.args[1])) end
  local t = e.boolop == "AND_EXPR" and "and" or "or"
  local args = {}
  for _, node in ipairs(e.args) do
    local arg = build(node)
    if arg.t == t then
      table.move(arg.args, 1, #arg.args, #args + 1, args)
    else
      args[#args + 1] = arg
    end
  end
  return t == "or" and as_members(args) or { t = t, args = args }
end

local function call(e)
  local args = {}
  for i, node in ipairs(e.args or {}) do args[i] = build(node) end
  local plain = not (e.agg_star or e.agg_distinct or e.agg_order or
                     e.agg_filter or e.over or e.func_variadic)
  if not plain then return generic(e) end
  return { t = "call", name = dotted(e.funcname), args = args }
end

local value_functions = { SVFOP_CURRENT_TIMESTAMP = "now",
                          SVFOP_CURRENT_DATE = "current_date",
                          SVFOP_CURRENT_USER = "current_user" }

local builders = {
  A_Const = constant, A_Expr = a_expr, BoolExpr = bool_expr, FuncCall = call,
  TypeCast = cast,
  ColumnRef = function(e)
    local fields = e.fields or {}
    return { t = "col", name = sval(fields[#fields]) or "*" }
  end,
  NullTest = function(e)
    return { t = "null", x = build(e.arg),
             neg = e.nulltesttype ~= "IS_NULL" }
  end,
  SQLValueFunction = function(e)
    return { t = "call", args = {},
             name = value_functions[e.op] or e.op or "?" }
  end,
  CoalesceExpr = function(e)
    local args = {}
    for i, node in ipairs(e.args) do args[i] = build(node) end
    return { t = "call", name = "coalesce", args = args }
  end,
}

function build(node)
  local kind, inner = next(node)
  local f = builders[kind]
  if f then return f(inner) end
  local out = generic(inner)
  out.name = kind .. out.name
  return out
end

-- texts that have been parsed, until there are too many of them; trees and
-- their keys as long as somebody holds the tree, which nobody changes
local memo, memo_size = {}, 0
local trees = setmetatable({}, { __mode = "k" })
local tree_keys = setmetatable({}, { __mode = "k" })

local function parsed(text)
  local bare = text:gsub("^%s*CHECK%s*(%b())%s*.*$", "%1")
  local tree = host.parse("SELECT " .. bare)
  local statement = tree and tree.stmts and #tree.stmts == 1
    and tree.stmts[1].stmt.SelectStmt
  local target = statement and #(statement.targetList or {}) == 1
    and statement.targetList[1].ResTarget
  if not target or statement.fromClause then
    return other("text " .. text:gsub("%s+", " "))
  end
  return build(target.val)
end

--- The small tree of a text or of libpg_query's tree; nil of nil.
function expression.of(source)
  if source == nil or source == false then return nil end
  local tree
  if type(source) == "table" then
    if source.t then return source end
    tree = trees[source] or build(source)
    trees[source] = tree
    return tree
  end
  tree = memo[source]
  if not tree then
    if memo_size >= 20000 then memo, memo_size = {}, 0 end
    tree = parsed(source)
    memo[source], memo_size = tree, memo_size + 1
  end
  return tree
end

local function sorted_keys(list, map)
  local out = {}
  for i, item in ipairs(list) do out[i] = expression.key(item, map) end
  table.sort(out)
  return table.concat(out, ",")
end

local function plain_keys(list, map)
  local out = {}
  for i, item in ipairs(list) do out[i] = expression.key(item, map) end
  return table.concat(out, ",")
end

local function rename(map, what, name)
  local names = map and map[what]
  local bare = name:gsub('"', "")
  name = names and names[bare] or bare
  return map and map.strip and name:gsub("^([^.]+)%.", function(schema)
    return map.strip[schema] and "" or nil
  end) or name
end

--- A text that cannot be taken for anything else, whatever is in it.
local function word(text)
  text = tostring(text)
  return #text .. ":" .. text
end

--- The key of a column of that name.
function expression.column_key(name)
  return "col(" .. word(name) .. ")"
end

local keys = {
  const = function(e, map)
    if e.k == "typed" and (e.type == "regclass" or e.type == "regproc") then
      return "reg(" .. word(rename(map, "relations", e.v)) .. ")"
    end
    return ("%s<%s>%s"):format(
      e.k, word(e.v), e.type and word(rename(map, "types", e.type)) or "")
  end,
  col = function(e, map)
    return expression.column_key(map and map.columns and map.columns[e.name]
                                 or e.name)
  end,
  call = function(e, map)
    return ("%s(%s)"):format(word(rename(map, "functions", e.name)),
                             plain_keys(e.args, map))
  end,
  op = function(e, map)
    return ("op(%s %s %s)"):format(e.l and expression.key(e.l, map) or "",
                                   e.name, expression.key(e.r, map))
  end,
  ["in"] = function(e, map)
    return ("%s(%s: %s)"):format(e.neg and "notin" or "in",
                                 expression.key(e.x, map),
                                 sorted_keys(e.list, map))
  end,
  ["and"] = function(e, map) return "&(" .. sorted_keys(e.args, map) .. ")" end,
  ["or"] = function(e, map) return "|(" .. sorted_keys(e.args, map) .. ")" end,
  ["not"] = function(e, map) return "!(" .. expression.key(e.x, map) .. ")" end,
  null = function(e, map)
    return (e.neg and "notnull(" or "isnull(") .. expression.key(e.x, map)
      .. ")"
  end,
  cast = function(e, map)
    return ("cast(%s %s)"):format(expression.key(e.x, map),
                                  word(rename(map, "types", e.type)))
  end,
  other = function(e, map)
    return ("%s(%s)"):format(word(e.name), plain_keys(e.args, map))
  end,
}

--- One text for all ways to write the same. map: {columns, types, functions,
--- relations = {old name -> new name}, strip = {schema = true}}, each may be
--- missing: names are read through it.
function expression.key(tree, map)
  if map then return keys[tree.t](tree, map) end
  local key = tree_keys[tree]
  if not key then
    key = keys[tree.t](tree)
    tree_keys[tree] = key
  end
  return key
end

--- Whether two expressions are the same; map renames what a says.
function expression.same(a, b, map)
  if a == b and not map then return true end
  if a == nil or b == nil then return a == b end
  local strip = map and { strip = map.strip }
  return expression.key(expression.of(a), map)
    == expression.key(expression.of(b), strip)
end

local function children(tree)
  local out = {}
  for _, key in ipairs { "x", "l", "r" } do out[#out + 1] = tree[key] end
  for _, list in ipairs { tree.args or {}, tree.list or {} } do
    table.move(list, 1, #list, #out + 1, out)
  end
  return out
end

--- The names of the columns an expression reads, as a set and a list.
function expression.columns(source, set, list)
  set, list = set or {}, list or {}
  local tree = expression.of(source)
  if not tree then return set, list end
  if tree.t == "col" and not set[tree.name] then
    set[tree.name] = true
    list[#list + 1] = tree.name
  end
  for _, child in ipairs(children(tree)) do
    expression.columns(child, set, list)
  end
  return set, list
end

--- The expression with its columns called by other names.
function expression.renamed(source, names)
  local function walk(tree)
    local out = {}
    for k, v in pairs(tree) do out[k] = v end
    if tree.t == "col" then out.name = names[tree.name] or tree.name end
    for _, key in ipairs { "x", "l", "r" } do
      if tree[key] then out[key] = walk(tree[key]) end
    end
    for _, key in ipairs { "args", "list" } do
      if tree[key] then
        out[key] = {}
        for i, child in ipairs(tree[key]) do out[key][i] = walk(child) end
      end
    end
    return out
  end
  local tree = expression.of(source)
  return tree and walk(tree)
end

-- Functions that do not raise on any value of their argument types.
local total_functions = {}
for name in ([[
  length char_length character_length octet_length bit_length lower upper
  btrim ltrim rtrim md5 date_trunc jsonb_typeof json_typeof to_tsvector
  cardinality now gen_random_uuid concat coalesce array_length greatest least
  date_part extract
]]):gmatch "%S+" do total_functions[name] = true end

--- Whether evaluating it can refuse a row: a division, a cast, a function
--- that is not known to be harmless.
function expression.can_raise(source)
  local tree = expression.of(source)
  if not tree then return false end
  if tree.t == "call" and not total_functions[tree.name] or
    tree.t == "cast" or tree.t == "other" or
    tree.t == "op" and (tree.name == "/" or tree.name == "%" or
                        tree.name == "^") then
    return true
  end
  for _, child in ipairs(children(tree)) do
    if expression.can_raise(child) then return true end
  end
  return false
end

return expression
