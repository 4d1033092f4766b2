-- luacheck: globals host migration
--- Ruby as migrations use it: a parser of statements, calls with and without
--- parentheses, blocks and literals. A statement that it does not take is
--- {k = "unread"}, with its text; nothing is skipped.
---
--- Nodes, each with `at`, a byte of the file (from 1):
---   {k="str", v=, first=} {k="sym", v=} {k="num", v=}
---   {k="const", v="true|false|nil|self"} {k="name", v="A::B"}
---   {k="array", ...} {k="hash", pairs = {{key, value}..}}
---   {k="call", recv=, v=name, args={}, kw={}, order={}, block=, star=}
---   {k="block", params={}, body={}} {k="lambda", body={}}
---   {k="op", a, "+", b} {k="assign", name=, value=}
---   {k="def", v=, own=, body=} {k="class", v=, super=, body=}
---   {k="if", cond=, negated=, body=, other=} {k="opaque"} {k="unread"}

local tokens = migration.ruby_tokens
local ruby = {}

local MAX_DEPTH = 150

local parser = {}
parser.__index = parser

local function fail() error({ unread = true }, 0) end

local function too_deep(self)
  self.depth = self.depth + 1
  if self.depth > MAX_DEPTH then error({ deep = true }, 0) end
end

function parser:is(kind, value)
  local t = self.t
  return t.kind[self.i] == kind and (value == nil or t.value[self.i] == value)
end

function parser:op(value)
  if self:is("op", value) then
    self.i = self.i + 1
    return true
  end
end

function parser:word(value)
  if self:is("kw", value) then
    self.i = self.i + 1
    return true
  end
end

function parser:need(value) if not self:op(value) then fail() end end

function parser:newlines()
  while self:is("newline") or self:is("op", ";") do self.i = self.i + 1 end
end

function parser:at() return self.t.at[self.i] end

-- Calls ----------------------------------------------------------------------

--- One argument goes into a call: a pair, a splat or a value.
function parser:argument(call)
  local t, i = self.t, self.i
  if t.kind[i] == "label" then
    self.i = i + 1
    self:skip_newlines()
    local key = t.value[i]
    if self:is("op", ",") or self:is("op", ")") then fail() end
    call.kw[key] = self:expression()
    call.order[#call.order + 1] = key
    return
  end
  if self:op "*" or self:op "**" or self:op "&" then
    call.star = true
    self:expression()
    return
  end
  local value = self:expression()
  if self:op "=>" then
    self:skip_newlines()
    local found = self:expression()
    if value.k ~= "sym" and value.k ~= "str" then
      call.star = true
    else
      call.kw[value.v] = found
      call.order[#call.order + 1] = value.v
    end
    return
  end
  call.args[#call.args + 1] = value
end

function parser:skip_newlines()
  while self:is("newline") do self.i = self.i + 1 end
end

function parser:arguments(call, close)
  self:skip_newlines()
  while not self:op(close) do
    self:argument(call)
    self:skip_newlines()
    if not self:op "," then
      self:need(close)
      return
    end
    self:skip_newlines()
  end
end

--- Arguments without parentheses, up to the line's end.
function parser:bare_arguments(call)
  local before = self.no_do
  self.no_do = true -- a `do` belongs to the first of the calls
  repeat
    self:skip_newlines()
    self:argument(call)
  until not self:op ","
  self.no_do = before
end

local starts = { str = true, sym = true, num = true, id = true, const = true,
                 label = true, ivar = true, words = true, other = true }
local starting_words = { ["nil"] = true, ["true"] = true, ["false"] = true,
                         self = true, ["not"] = true, ["defined?"] = true,
                         ["case"] = true, lambda = true }

--- Whether an argument without parentheses begins here.
function parser:argument_begins()
  local t, i = self.t, self.i
  local kind, value = t.kind[i], t.value[i]
  if not t.spaced[i] then return false end
  if starts[kind] then return true end
  if kind == "kw" then return starting_words[value] or false end
  if kind ~= "op" then return false end
  if value == "->" or value == "::" then return true end
  local tight = not t.spaced[i + 1]
  return (value == "[" or value == "-" or value == "*" or value == "**" or
          value == "&" or value == "!") and tight
end

function parser:block_params()
  local out = {}
  if not self:op "|" then return out end
  while not self:op "|" do
    if self:is("id") then
      out[#out + 1] = self.t.value[self.i]
    elseif self:is("newline") then
      fail()
    end
    self.i = self.i + 1
  end
  return out
end

function parser:block()
  local at = self:at()
  if self:is("kw", "do") and not self.no_do then
    self.i = self.i + 1
    local params = self:block_params()
    local body = self:body { ["end"] = true }
    self.i = self.i + 1
    return { k = "block", at = at, params = params, body = body }
  end
  if self:op "{" then
    local params = self:block_params()
    local body = self:body({}, "}")
    self:need "}"
    return { k = "block", at = at, params = params, body = body }
  end
end

function parser:call(at, recv, name)
  local t = self.t
  local call = { k = "call", at = at, recv = recv, v = name, args = {},
                 kw = {}, order = {} }
  if self:is("op", "(") and not t.spaced[self.i] then
    self.i = self.i + 1
    self:arguments(call, ")")
    call.parens = true
  elseif self:argument_begins() then
    self:bare_arguments(call)
  end
  call.block = self:block()
  return call
end

-- Values ---------------------------------------------------------------------

local function words_of(text, at)
  local out = { k = "array", at = at }
  for word in text:gmatch "%S+" do
    out[#out + 1] = { k = "str", v = word, at = at }
  end
  return out
end

function parser:array(at)
  local call = { args = {}, kw = {}, order = {} }
  self:arguments(call, "]")
  if call.star or #call.order > 0 then return { k = "opaque", at = at } end
  local out = call.args
  out.k, out.at = "array", at
  return out
end

function parser:hash(at)
  local call = { args = {}, kw = {}, order = {} }
  self:arguments(call, "}")
  if call.star or #call.args > 0 then return { k = "opaque", at = at } end
  return { k = "hash", at = at, kw = call.kw, order = call.order }
end

function parser:lambda(at)
  if self:op "(" then
    while not self:op ")" do
      if self:is("newline") then fail() end
      self.i = self.i + 1
    end
  end
  local block = self:block()
  if not block then fail() end
  return { k = "lambda", at = at, body = block.body }
end

--- A constant: A::B::C.
function parser:constant(at)
  local name = self.t.value[self.i]
  self.i = self.i + 1
  while self:is("op", "::") and self.t.kind[self.i + 1] == "const" do
    name = name .. "::" .. self.t.value[self.i + 1]
    self.i = self.i + 2
  end
  return { k = "name", at = at, v = name }
end

function parser:string(at)
  local t, i = self.t, self.i
  local out = { k = "str", at = at, v = t.value[i], first = t.first[i] }
  self.i = i + 1
  while self:is("str") do -- "a" "b"
    out.first = nil
    local more = t.value[self.i]
    out.v = out.v and more and out.v .. more
    self.i = self.i + 1
  end
  if not out.v then return { k = "opaque", at = at } end
  return out
end

local primary = {}

function primary.str(self, at) return self:string(at) end

function primary.sym(self, at)
  self.i = self.i + 1
  local v = self.t.value[self.i - 1]
  return { k = v and "sym" or "opaque", at = at, v = v }
end

function primary.num(self, at)
  self.i = self.i + 1
  return { k = "num", at = at,
           v = (self.t.value[self.i - 1]:gsub("_", "")) }
end

function primary.words(self, at)
  self.i = self.i + 1
  return words_of(self.t.value[self.i - 1], at)
end

function primary.const(self, at)
  local after = self.i + 1
  if self.t.kind[after] == "op" and self.t.value[after] == "(" and
    not self.t.spaced[after] then
    self.i = after
    return self:call(at, nil, self.t.value[after - 1])
  end
  return self:constant(at)
end

function primary.id(self, at)
  self.i = self.i + 1
  return self:call(at, nil, self.t.value[self.i - 1])
end

function primary.ivar(self, at)
  self.i = self.i + 1
  return { k = "name", at = at, v = self.t.value[self.i - 1] }
end

function primary.other(self, at)
  self.i = self.i + 1
  return { k = "opaque", at = at }
end

local constants = { ["true"] = true, ["false"] = true, ["nil"] = true,
                    self = true }

function primary.kw(self, at)
  local value = self.t.value[self.i]
  if constants[value] then
    self.i = self.i + 1
    return { k = "const", at = at, v = value }
  end
  if value == "not" or value == "defined?" then
    self.i = self.i + 1
    self:expression()
    return { k = "opaque", at = at }
  end
  return self:compound(at, value)
end

function primary.op(self, at)
  if self:op "[" then return self:array(at) end
  if self:op "{" then return self:hash(at) end
  if self:op "->" then return self:lambda(at) end
  if self:op "(" then
    self:skip_newlines()
    local value = self:expression()
    self:skip_newlines()
    self:need ")"
    return value
  end
  if self:op "-" or self:op "+" then
    local value = self:inner_operand()
    if value.k ~= "num" then return { k = "opaque", at = at } end
    return { k = "num", at = at, v = "-" .. value.v }
  end
  if self:op "!" or self:op "~" then
    self:inner_operand()
    return { k = "opaque", at = at }
  end
  if self:op "::" then return self:inner_operand() end
  fail()
end

--- What stands behind a sign, which may stand behind a sign.
function parser:inner_operand()
  too_deep(self)
  local value = self:operand()
  self.depth = self.depth - 1
  return value
end

--- A method on a value: .name, &.name, ::name, [index].
function parser:operand()
  local at = self:at()
  local read = primary[self.t.kind[self.i]]
  if not read then fail() end
  local value = read(self, at)
  while true do
    if self:is("newline") and self:dot_in_next_line() then
      self:skip_newlines()
    end
    if self:op "." or self:op "&." or self:op "::" then
      self:skip_newlines()
      local kind = self.t.kind[self.i]
      if kind ~= "id" and kind ~= "const" and kind ~= "kw" then fail() end
      self.i = self.i + 1
      value = self:call(at, value, self.t.value[self.i - 1])
    elseif self:is("op", "[") and not self.t.spaced[self.i] then
      self.i = self.i + 1
      local call = { k = "call", v = "[]", recv = value, at = at, args = {},
                     kw = {}, order = {} }
      self:arguments(call, "]")
      value = call
    else
      return value
    end
  end
end

function parser:dot_in_next_line()
  local i = self.i
  while self.t.kind[i] == "newline" do i = i + 1 end
  return self.t.kind[i] == "op" and
    (self.t.value[i] == "." or self.t.value[i] == "&.")
end

local binary = {}
for sign in ([[+ - * / % ** == != < > <= >= && || | & ^ << >> <=> === =~ !~
  .. ...]]):gmatch "%S+" do
  binary[sign] = true
end

function parser:expression()
  too_deep(self)
  local at = self:at()
  local out = { k = "op", at = at, self:operand() }
  while self:is("op") and binary[self.t.value[self.i]] do
    out[#out + 1] = self.t.value[self.i]
    self.i = self.i + 1
    self:skip_newlines()
    out[#out + 1] = self:operand()
  end
  local value = #out == 1 and out[1] or out
  if self:op "?" then
    self:skip_newlines()
    self:expression()
    self:skip_newlines()
    self:need ":"
    self:skip_newlines()
    self:expression()
    value = { k = "opaque", at = at }
  end
  self.depth = self.depth - 1
  return value
end

ruby.parser = parser
ruby.fail, ruby.too_deep = fail, too_deep
ruby.tokens = tokens
return ruby
