-- luacheck: globals host migration
--- Python as migrations use it: a file is cut into statements by its lines
--- and indentation, and a statement is read by a grammar of expressions.
--- What the grammar does not take is a statement without a meaning here
--- (k = "unread"); nothing is skipped.
--- Source: https://docs.python.org/3/reference/lexical_analysis.html and
--- /expressions.html (own grammar, no precedence: see python.split).
---
--- Nodes, each with `at`, a byte of the file (from 1):
---   {k="str", v=} {k="num", v=} {k="const", v="None|True|False"}
---   {k="name", v=} {k="attr", of=, v=} {k="call", f=, args={}, kw={name=}}
---   {k="list|tuple|set", ...} {k="dict", {key, value}, ...}
---   {k="op", first, "+", second, ..} {k="unary", op=, of=} {k="opaque"}
--- A call with * or ** has star = true: its arguments are not all known.

local lpeg = host.lpeg
local P, S, R, V = lpeg.P, lpeg.S, lpeg.R, lpeg.V
local C, Cc, Cp, Ct, Cg, Cs = lpeg.C, lpeg.Cc, lpeg.Cp, lpeg.Ct, lpeg.Cg,
  lpeg.Cs

local python = {}

--- So deep may brackets nest, about: an entry of lpeg's stack for each rule
--- on the way. Above it lpeg raises, and the statement is unread.
lpeg.setmaxstack(6000)
local MAX_INDENT = 64

-- Words ----------------------------------------------------------------------

local letter = R("az", "AZ", "\128\255") + "_"
local ident = letter * (letter + R"09")^0

local function words(text)
  local set = {}
  for word in text:gmatch "%S+" do set[word] = true end
  return set
end

local keywords = words [[None True False and as assert async await break class
  continue def del elif else except finally for from global if import in is
  lambda nonlocal not or pass raise return try while with yield]]
local compound = words [[if elif else for while with def class try except
  finally async]]

local newline = P"\r"^-1 * "\n" + "\r"
local comment = P"#" * (1 - S"\r\n")^0
local space = (S" \t\f\r\n" + P"\\" * newline + comment)^0

-- Strings --------------------------------------------------------------------

local prefix = S"rRbBuUfF" * S"rRbBfF"^-1
local escape = P"\\" * P(1)

local function quoted(quote, ends)
  local inner = escape + (P(1) - P(quote) - ends)
  return P(quote) * Cp() * C(inner^0) * P(quote)
end

local string_body = quoted('"""', P(false)) + quoted("'''", P(false)) +
  quoted('"', S"\r\n") + quoted("'", S"\r\n")

local simple = { n = "\n", t = "\t", r = "\r", a = "\a", b = "\b", f = "\f",
                 v = "\v", ["\\"] = "\\", ["'"] = "'", ['"'] = '"' }
local hex = R("09", "af", "AF")

local function code_point(digits)
  local code = tonumber(digits, 16)
  if code > 0x10FFFF or (code >= 0xD800 and code <= 0xDFFF) then
    return "\u{FFFD}"
  end
  return utf8.char(code)
end

local unescape = Cs((
  P"\\" * newline / "" +
  P"\\" * C(S"ntrabfv\\'\"") / simple +
  P"\\x" * C(hex * hex) / code_point +
  P"\\u" * C(hex * hex * hex * hex) / code_point +
  P"\\U" * C(hex * hex * hex * hex * hex * hex * hex * hex) / code_point +
  P"\\" * C(R"07" * R"07"^-1 * R"07"^-1) /
    function(digits) return utf8.char(tonumber(digits, 8)) end +
  P(1))^0)

--- One literal. Its body begins at `first`, so that a statement of SQL in it
--- can be found in the file: exact is true when no line of it moved.
local function literal(at, before, first, body)
  before = before:lower()
  local node = { k = "str", at = at, v = body, first = first, exact = true }
  if before:find("b", 1, true) then return { k = "opaque", at = at } end
  if before:find("f", 1, true) and body:find("[{}]") then
    return { k = "opaque", at = at, why = "an f-string" }
  end
  if not before:find("r", 1, true) and body:find("\\", 1, true) then
    if body:find("\\N", 1, true) then return { k = "opaque", at = at } end
    node.v, node.exact = unescape:match(body), false
  end
  return node
end

local function joined(...)
  local parts = { ... }
  local first = parts[1]
  if #parts == 1 then return first end
  local out = {}
  for i, part in ipairs(parts) do
    if part.k ~= "str" then
      return { k = "opaque", at = first.at, why = part.why }
    end
    out[i] = part.v
  end
  return { k = "str", at = first.at, v = table.concat(out), exact = false }
end

-- Expressions ----------------------------------------------------------------

local function token(p) return P(p) * space end
local function keyword(word)
  return P(word) * -(letter + R"09") * space
end

local name = lpeg.Cmt(C(ident), function(_, _, word)
  return not keywords[word], word
end) * space

local digits = R"09" * (P"_"^-1 * R"09")^0
local exponent = S"eE" * S"+-"^-1 * digits
local number = P"0" * S"xX" * (P"_"^-1 * hex)^1 +
  P"0" * S"oObB" * (P"_"^-1 * R"07")^1 +
  digits * (P"." * digits^-1)^-1 * exponent^-1 + P"." * digits * exponent^-1

local function node(kind, field)
  return function(at, v) return { k = kind, at = at, [field or "v"] = v } end
end

local function kind_of(kind)
  return function(at, items)
    items.k, items.at = kind, at
    return items
  end
end

--- Atom and what follows it, from the left.
local function chain(first, ...)
  for _, tail in ipairs { ... } do
    tail[tail.k == "call" and "f" or "of"] = first
    tail.at = first.at
    first = tail
  end
  return first
end

local function call(items)
  local out = { k = "call", args = {}, kw = {}, order = {} }
  for _, item in ipairs(items) do
    if item.spread then
      out.star = true
    elseif item.key then
      out.kw[item.key] = item.value
      out.order[#out.order + 1] = item.key
    else
      out.args[#out.args + 1] = item
    end
  end
  return out
end

local function flat(at, first, ...)
  if select("#", ...) == 0 then return first end
  return { k = "op", at = at, first, ... }
end

local function unary(at, ...)
  local parts = { ... }
  local out = parts[#parts]
  for i = #parts - 1, 1, -1 do
    out = { k = "unary", at = at, op = parts[i], of = out }
  end
  return out
end

local function paren(at, items)
  if #items == 1 and not items.comma then return items[1] end
  items.k, items.at = "tuple", at
  return items
end

local function braces(at, items)
  local is_set = items[1] and items[1].k and not items[1].spread
  items.k, items.at = is_set and "set" or "dict", at
  return items
end

local function spread() return { k = "opaque", spread = true } end

--- With a comprehension's "for" behind an item its value is not known here.
local function comprehended(value, is_one)
  if is_one then return { k = "opaque", at = value.at } end
  return value
end

local symbol = P"**" * -P"=" + P"//" * -P"=" + P"<<" * -P"=" +
  P">>" * -P"=" + "<=" + ">=" + "==" + "!=" + S"+-*/%@&|^" * -P"=" + S"<>"
local operator = C(symbol) * space + keyword"and" * Cc"and" +
  keyword"or" * Cc"or" + keyword"not" * keyword"in" * Cc"not in" +
  keyword"in" * Cc"in" + keyword"is" * keyword"not" * Cc"is not" +
  keyword"is" * Cc"is"

local function list_of(item)
  return (item * (token"," * item)^0 *
    Cg(token"," * Cc(true), "comma")^-1)^-1
end

local grammar = {
  "whole",
  whole = space * V"statement" * -1,
  statement = V"assign" + V"value",
  value = Cp() * V"items" / function(at, v)
    return { k = "expr", at = at, value = v }
  end,
  assign = Cp() * V"items" * (token":" * V"expr" / 0)^-1 *
    (token"=" * V"items")^1 / function(at, ...)
      return { k = "assign", at = at, targets = { ... } }
    end,
  items = Cp() * Ct(V"starred" * (token"," * V"starred")^0 *
    Cg(token"," * Cc(true), "comma")^-1) / paren,
  expr = V"lambda" + V"binary" * (keyword"if" * V"binary" *
    keyword"else" * V"expr" * Cc(true) / function() return true end)^-1 /
    comprehended,
  lambda = Cp() * keyword"lambda" * (1 - S":\r\n")^0 * token":" * V"expr" /
    node("opaque"),
  binary = Cp() * V"unary" * (operator * V"unary")^0 / flat,
  unary = Cp() * (C(S"+-~") * space + keyword"not" * Cc"not")^0 * V"chain" /
    unary,
  chain = V"atom" * (V"attribute" + V"arguments" + V"index")^0 / chain,
  attribute = token"." * name / function(v) return { k = "attr", v = v } end,
  arguments = token"(" * Ct(list_of(V"argument")) * token")" / call,
  index = token"[" * Ct(list_of(V"slice")) * token"]" / function(items)
    return { k = "index", items = items }
  end,
  slice = (V"expr" + Cc(false)) * (token":" * V"expr"^-1)^0,
  argument = P"*" * P"*"^-1 * space * V"expr" / spread +
    name * token"=" * -P"=" * V"expr" / function(key, value)
      return { key = key, value = value }
    end +
    V"one",
  one = V"expr" * (V"for" * Cc(true))^-1 / comprehended,
  starred = Cp() * P"*" * space * V"expr" / node("opaque") + V"one",
  ["for"] = keyword"async"^-1 * keyword"for" *
    ((1 - S"[]{}#'\"" - keyword"in")^1 * keyword"in") *
    V"binary" / 0 * (keyword"if" * V"binary" / 0 + V"for")^0,
  pair = Ct(V"expr" * token":" * V"one") +
    P"**" * space * V"expr" / spread,
  atom = Cp() * C(number) * space / node("num") +
    V"strings" +
    Cp() * (C"None" + C"True" + C"False") * -(letter + R"09") * space /
      node("const") +
    Cp() * P"..." * space / node("opaque") +
    Cp() * name / node("name") +
    Cp() * token"(" * Ct(list_of(V"starred")) * token")" / paren +
    Cp() * token"[" * Ct(list_of(V"starred")) * token"]" / kind_of("list") +
    Cp() * token"{" * Ct(V"braced") * token"}" / braces,
  braced = list_of(V"pair") * #P"}" + list_of(V"starred"),
  strings = (Cp() * C(prefix^-1) * string_body * space / literal)^1 / joined,
}
grammar = P(grammar)

--- What a statement's text says: {k = "expr", value=}, {k = "assign",
--- targets = {name, .., value}}, or nil and why it is not read. Bytes are
--- counted from the statement's first.
function python.read(text)
  local ok, found = pcall(grammar.match, grammar, text)
  if not ok then return nil, "is nested too deeply to be read" end
  if not found then return nil, "is not understood" end
  return found
end

-- Lines ----------------------------------------------------------------------

local piece = (
  (prefix^-1 * string_body / 0) * Cc"text" +
  prefix^-1 * S"'\"" * Cc"unended" +
  ident * Cc"text" + comment * Cc"space" + P"\\" * newline * Cc"space" +
  newline * Cc"newline" + S" \t\f"^1 * Cc"space" +
  S"([{" * Cc"open" + S")]}" * Cc"close" + P":" * Cc":" + P";" * Cc";" +
  (P(1) - letter - S"'\"#\\\r\n \t\f()[]{}:;")^1 * Cc"text" +
  P(1) * Cc"text") * Cp()

local function line_of(starts, at)
  local low, high = 1, #starts
  while low < high do
    local middle = (low + high + 1) // 2
    if starts[middle] <= at then low = middle else high = middle - 1 end
  end
  return low
end

local function line_starts(text)
  local starts = { 1 }
  for at in text:gmatch "\n()" do starts[#starts + 1] = at end
  return starts
end

--- Columns of white space before the line that begins at `at`.
local function indent_of(text, at)
  local start = at
  while start > 1 and text:find("^[ \t\f]", start - 1) do start = start - 1 end
  local columns = 0
  for c in text:sub(start, at - 1):gmatch "." do
    columns = c == "\t" and (columns // 8 + 1) * 8 or columns + 1
  end
  return columns
end

local function close_line(state, stop)
  if state.at then
    state.lines[#state.lines + 1] = { at = state.at, stop = stop,
                                      colon = state.colon,
                                      joined = state.joined_here,
                                      indent = state.indent }
  end
  state.at, state.colon = nil, nil
end

local function take_piece(state, text, kind, at, stop)
  if kind == "space" then return end
  if kind == "newline" then
    if state.depth == 0 then
      close_line(state, at - 1)
      state.joined = false
    end
    return
  end
  if kind == ";" and state.depth == 0 then
    close_line(state, at - 1)
    state.joined = true
    return
  end
  if not state.at then
    state.at, state.joined_here = at, state.joined
    if not state.joined then state.indent = indent_of(text, at) end
  end
  if kind == "open" then
    state.depth = state.depth + 1
  elseif kind == "close" then
    state.depth = math.max(0, state.depth - 1)
  elseif kind == ":" and state.depth == 0 and not state.colon then
    state.colon = at
  end
  return stop
end

--- Logical lines: {at, stop, indent, colon = the first one outside of
--- brackets}, or nil, message, the byte where it is wrong.
local function logical_lines(text)
  local state = { lines = {}, depth = 0 }
  local at = 1
  while at <= #text do
    local kind, stop = piece:match(text, at)
    if kind == "unended" then
      return nil, "a string does not end", at
    end
    take_piece(state, text, kind, at, stop)
    at = stop
  end
  if state.depth > 0 then
    return nil, "a bracket is not closed", state.at or #text
  end
  close_line(state, #text)
  return state.lines
end

-- Blocks ---------------------------------------------------------------------

local function head_of(text, line)
  local word = text:match("^[%a_][%w_]*", line.at)
  return compound[word] and line.colon and word or nil
end

local function statement_of(text, line, starts)
  local head = head_of(text, line)
  local stop = head and line.colon - 1 or line.stop
  local source = text:sub(line.at, stop):gsub("%s+$", "")
  return { at = line.at, line = line_of(starts, line.at), head = head,
           source = source, body = head and {} or nil }
end

--- What stands behind the colon in the same line is a body of one.
local function same_line(text, line, statement, starts)
  local rest = text:sub(line.colon + 1, line.stop)
  local first = rest:find "[^%s\\]"
  if not first or rest:sub(first, first) == "#" then return end
  local one = { at = line.colon + first, stop = line.stop }
  statement.body[1] = statement_of(text, one, starts)
  statement.closed, statement.one_line = true, true
end

local function place(stack, line)
  local top = stack[#stack]
  local last = top.list[#top.list]
  if line.joined and last and last.one_line then return last.body end
  if line.indent > top.indent then
    local above = top.list[#top.list]
    if not above or not above.body or above.closed then
      return nil, "an indentation nobody asked for"
    end
    if #stack >= MAX_INDENT then
      return nil, "blocks are nested too deeply"
    end
    above.closed = true
    top = { indent = line.indent, list = above.body }
    stack[#stack + 1] = top
  end
  while line.indent < top.indent do
    stack[#stack] = nil
    top = stack[#stack]
  end
  if line.indent ~= top.indent then
    return nil, "an indentation that fits no block"
  end
  return top.list
end

--- Cut a file into statements.
--- Returns {at, line, source, head = "if|def|..." with body = statements}, or
--- nil, message, line.
function python.blocks(text)
  local starts = line_starts(text)
  local lines, message, at = logical_lines(text)
  if not lines then return nil, message, line_of(starts, at) end
  if lines[1] then lines[1].indent = 0 end -- a byte order mark made blank
  local top = {}
  local stack = { { indent = 0, list = top } }
  for _, line in ipairs(lines) do
    local list, problem = place(stack, line)
    if not list then return nil, problem, line_of(starts, line.at) end
    local statement = statement_of(text, line, starts)
    list[#list + 1] = statement
    if statement.head then same_line(text, line, statement, starts) end
  end
  return top, starts
end

python.line_of = line_of
return python
