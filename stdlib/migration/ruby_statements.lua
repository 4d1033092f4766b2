-- luacheck: globals host migration
--- Ruby's statements and what holds them: blocks, methods, classes,
--- conditions. A statement that is not read is passed over as a whole, with
--- everything between its own `do` and `end`, and stays as {k = "unread"}.

local ruby = migration.ruby
local parser, fail, too_deep = ruby.parser, ruby.fail, ruby.too_deep

local statements = {}

local openers = { ["do"] = true, def = true, class = true, module = true,
                  begin = true, case = true, ["if"] = true, ["unless"] = true,
                  ["while"] = true, ["until"] = true, ["for"] = true }
local modifiers = { ["if"] = true, ["unless"] = true, ["while"] = true,
                    ["until"] = true, rescue = true }
local brackets = { ["("] = 1, ["["] = 1, ["{"] = 1,
                   [")"] = -1, ["]"] = -1, ["}"] = -1 }

--- Whether a keyword at i opens something that `end` closes: not behind a
--- statement, where it is a condition of that.
local function opens(t, i)
  local word = t.value[i]
  if not openers[word] then return false end
  if not modifiers[word] then return true end
  local kind, before = t.kind[i - 1], t.value[i - 1]
  return i == 1 or kind == "newline" or kind == "op" and
    not before:find "^[%)%]}]$" or kind == "kw" and before ~= "end" and
    before ~= "true" and before ~= "false" and before ~= "nil" and
    before ~= "self"
end

--- Behind the statement that begins at i, whatever is in it.
local function pass(t, i)
  local depth, loops = 0, 0
  while i <= t.n do
    local kind, value = t.kind[i], t.value[i]
    if kind == "newline" or kind == "op" and value == ";" then
      loops = 0
      if depth <= 0 then return i end
    elseif kind == "op" then
      depth = depth + (brackets[value] or 0)
      if depth < 0 then return i end
    elseif kind == "kw" then
      if value == "end" then
        depth = depth - 1
        if depth < 0 then return i end
      elseif value == "do" and loops > 0 then
        loops = loops - 1 -- `while x do`: one end for both
      elseif opens(t, i) then
        depth = depth + 1
        if value == "while" or value == "until" or value == "for" then
          loops = loops + 1
        end
      end
    end
    i = i + 1
  end
  return i
end

-- What `end` closes ----------------------------------------------------------

function parser:condition()
  local before = self.no_do
  self.no_do = true
  local value = self:expression()
  while self:is("kw", "and") or self:is("kw", "or") do
    self.i = self.i + 1
    self:expression()
    value = { k = "opaque", at = value.at }
  end
  self.no_do = before
  return value
end

local compound = {}

compound["if"] = function(self, at, word)
  local out = { k = "if", at = at, negated = word == "unless" }
  out.cond = self:condition()
  self:word "then"
  out.body = self:body { ["end"] = true, ["else"] = true, ["elsif"] = true }
  if self:is("kw", "elsif") then
    local inner_at = self:at()
    self.i = self.i + 1
    too_deep(self)
    out.other = { compound["if"](self, inner_at, "if") }
    self.depth = self.depth - 1
    return out
  end
  if self:word "else" then out.other = self:body { ["end"] = true } end
  self.i = self.i + 1
  return out
end
compound.unless = compound["if"]

function compound.def(self, at)
  local t = self.t
  local own = self:is("kw", "self")
  if own then
    self.i = self.i + 1
    self:need "."
  end
  local name = t.value[self.i]
  if type(name) ~= "string" then fail() end
  self.i = self.i + 1
  local depth = 0
  local has_params = false
  while not (depth == 0 and (self:is("newline") or self:is("op", ";"))) do
    if self.i > t.n then fail() end
    if self:is("op", "=") and depth == 0 then fail() end
    depth = depth + (self:is("op") and brackets[t.value[self.i]] or 0)
    has_params = has_params or self:is("id")
    self.i = self.i + 1
  end
  local body = self:body { ["end"] = true }
  self.i = self.i + 1
  return { k = "def", at = at, v = name, own = own, params = has_params,
           body = body }
end

function compound.class(self, at)
  if self:op "<<" then fail() end
  local name = self:constant(self:at()).v
  local super
  if self:op "<" then super = self:operand() end
  local body = self:body { ["end"] = true }
  self.i = self.i + 1
  return { k = "class", at = at, v = name, super = super, body = body }
end

function compound.module(self, at)
  local name = self:constant(self:at()).v
  local body = self:body { ["end"] = true }
  self.i = self.i + 1
  return { k = "module", at = at, v = name, body = body }
end

--- Loops, cases, begin: kept as a whole, not looked into.
function parser:compound(at, word)
  self.i = self.i + 1
  local read = compound[word]
  if read then return read(self, at, word) end
  fail()
end

-- Statements -----------------------------------------------------------------

local function modified(self, value)
  local t = self.t
  while self:is("kw") and modifiers[t.value[self.i]] do
    local word = t.value[self.i]
    self.i = self.i + 1
    local cond = self:condition()
    value = { k = (word == "if" or word == "unless") and "if" or "unread",
              at = value.at, cond = cond, negated = word == "unless",
              body = { value }, one_line = true }
  end
  return value
end

local function assignment(self, at)
  local t, i = self.t, self.i
  local kind = t.kind[i]
  if (kind == "id" or kind == "const" or kind == "ivar") and
    t.kind[i + 1] == "op" and t.value[i + 1] == "=" then
    self.i = i + 2
    self:skip_newlines()
    local value = self:expression()
    if self:is("op", ",") then fail() end
    return { k = "assign", at = at, name = t.value[i], value = value }
  end
end

local leaves = { ["return"] = true, next = true, ["break"] = true }

function parser:one()
  local t, at = self.t, self:at()
  if self:is("kw") and leaves[t.value[self.i]] then
    self.i = self.i + 1
    local out = { k = "return", at = at }
    if not self:is("newline") and not self:is("op", ";") and
      not (self:is("kw") and modifiers[t.value[self.i]]) then
      self:expression()
    end
    return modified(self, out)
  end
  local value = assignment(self, at) or self:expression()
  if self:is("op") and (t.value[self.i]:find "=$" or
                        t.value[self.i] == ",") then
    fail()
  end
  if self:is("kw", "and") or self:is("kw", "or") then fail() end
  return modified(self, value)
end

--- The end of a statement, or of what holds it.
local function is_over(self, ends, close)
  return self:is("newline") or self:is("op", ";") or
    self:is("kw") and ends[self.t.value[self.i]] or
    close and self:is("op", close)
end

function parser:statement(ends, close)
  local i, depth, at = self.i, self.depth, self:at()
  local no_do = self.no_do
  self.no_do = nil
  local ok, found = pcall(self.one, self)
  self.no_do = no_do
  self.depth = depth
  if ok and is_over(self, ends, close) then return found end
  if not ok and type(found) ~= "table" then error(found, 0) end
  if not ok and found.deep then error(found, 0) end
  self.i = math.max(pass(self.t, i), i + 1)
  local stop = self.t.at[self.i] or #self.text + 1
  return { k = "unread", at = at, source = self.text:sub(at, stop - 1) }
end

--- Statements up to a keyword of `ends`, or up to a closing sign.
function parser:body(ends, close)
  local out = {}
  self.nested = self.nested + 1
  if self.nested > 100 then error({ deep = true }, 0) end
  self:newlines()
  while not (self:is("kw") and ends[self.t.value[self.i]]) and
    not (close and self:is("op", close)) do
    if self.i >= self.t.n then
      if next(ends) == "eof" then break end
      fail()
    end
    out[#out + 1] = self:statement(ends, close)
    self:newlines()
  end
  self.nested = self.nested - 1
  return out
end

--- A file's statements, or nil, message, byte.
function ruby.parse(text)
  local t, message, at = ruby.tokens.of(text)
  if not t then return nil, message, at end
  local self = setmetatable({ t = t, i = 1, depth = 0, nested = 0,
                              text = text }, parser)
  local ok, found = pcall(self.body, self, { eof = true })
  if ok then return found end
  if type(found) ~= "table" then return nil, tostring(found), 1 end
  return nil, found.deep and "it is nested too deeply to be read" or
    "it is not understood", self:at() or 1
end

return statements
