-- luacheck: globals host migration
--- What the names of a Python file stand for, as far as that is written in
--- it: imports, and values assigned once on the straight way. A name assigned
--- under a condition or in a loop stands for nothing known.

local python = migration.python
local names = {}
names.__index = names

local MAX_STEPS = 50 -- from one name to the next

--- What people import under which name: a file that leaves the import out
--- would not run, so this decides nothing but what an excerpt means.
local usual = { op = "alembic.op", sa = "sqlalchemy",
                postgresql = "sqlalchemy.dialects.postgresql",
                migrations = "django.db.migrations",
                models = "django.db.models" }

function names.new(above)
  return setmetatable({ values = {}, above = above }, names)
end

function names:get(name)
  local scope = self
  while scope do
    local value = scope.values[name]
    if value ~= nil then return value end
    scope = scope.above
  end
  return usual[name] and { path = usual[name] }
end

function names:set(name, value) self.values[name] = value end

local function import_one(self, text, from)
  local what, as = text:match "^%s*([%w_%.%*]+)%s+as%s+([%w_]+)%s*$"
  what = what or text:match "^%s*([%w_%.%*]+)%s*$"
  if not what then return end
  local path = from and from .. "." .. what or what
  if as then
    self:set(as, { path = path })
  elseif from then
    self:set(what, { path = path })
  else
    local first = what:match "^[%w_]+"
    if first then self:set(first, { path = first }) end
  end
end

--- Whether the statement is an import; then it is learnt.
function names:import(source)
  local from, rest = source:match "^from%s+([%w_%.]+)%s+import%s*(.*)$"
  rest = rest or source:match "^import%s+(.*)$"
  if not rest then return false end
  rest = rest:gsub("#[^\r\n]*", ""):gsub("[()\\]", " ")
  for part in rest:gmatch "[^,]+" do import_one(self, part, from) end
  return true
end

--- Learn `name = value`. Returns whether it was as simple as that.
function names:assign(statement)
  local targets = statement.targets
  local simple = true
  -- Followed now: what the names in it hold may change later.
  local value = self:resolve(targets[#targets])
  for i = 1, #targets - 1 do
    if targets[i].k == "name" then
      self:set(targets[i].v, { node = value, scope = self })
    else
      simple = false
      self:forget(targets[i])
    end
  end
  return simple
end

--- What the target of an assignment that is not understood may have been.
function names:forget(target)
  if target.k == "name" then self:set(target.v, false) end
  for _, part in ipairs(target) do
    if type(part) == "table" then self:forget(part) end
  end
  if target.of then self:forget(target.of) end
end

--- A method may change what it is called on; a module it does not.
function names:forget_owner(source)
  local owner = source:match "^([%a_][%w_]*)%."
  local value = owner and self:get(owner)
  if owner and not (value and (value.path or value.batch)) then
    self:set(owner, false)
  end
end

--- Everything that a statement which is not read may give a new value.
function names:forget_all(statement)
  local source = statement.source
  for word in source:gmatch "([%a_][%w_]*)%s*[^%w%s=<>!]*=" do
    self:set(word, false)
  end
  for word in source:gmatch "%f[%w]as%s+([%a_][%w_]*)" do
    self:set(word, false)
  end
  local loop = source:match "^for%s+(.-)%s+in%s" or
    source:match "^async%s+for%s+(.-)%s+in%s" or
    source:match "^def%s+([%w_]+)" or source:match "^class%s+([%w_]+)" or
    source:match "^del%s+(.*)" or ""
  self:forget_owner(source)
  for word in loop:gmatch "[%a_][%w_]*" do self:set(word, false) end
  for _, inner in ipairs(statement.body or {}) do self:forget_all(inner) end
end

--- The node that a node stands for: names are followed to what they hold.
--- Returns node, scope.
function names:resolve(node)
  local scope = self
  for _ = 1, MAX_STEPS do
    if not node or node.k ~= "name" then return node, scope end
    local value = scope:get(node.v)
    if not value or not value.node then return node, scope end
    if value.node == node then return node, scope end
    node, scope = value.node, value.scope
  end
  return { k = "opaque", at = node.at }, scope
end

--- The dotted path of a name or attribute, imports spelt out:
--- "sqlalchemy.String"; or nil. A local name gives "=name".
function names:path(node)
  local parts = {}
  for _ = 1, MAX_STEPS do
    node = self:resolve(node)
    if not node then return nil end
    if node.k == "attr" then
      table.insert(parts, 1, node.v)
      node = node.of
    elseif node.k == "name" then
      local value = self:get(node.v)
      if value == false then return nil end
      table.insert(parts, 1, value and value.path or "=" .. node.v)
      return table.concat(parts, ".")
    else
      return nil
    end
  end
end

--- The path of what a call calls.
function names:called(node)
  return node and node.k == "call" and self:path(node.f) or nil
end

local function added(self, node)
  local out = {}
  for i, part in ipairs(node) do
    if i % 2 == 0 then
      if part ~= "+" then return nil end
    else
      out[#out + 1] = self:text(part)
      if #out < (i + 1) // 2 then return nil end
    end
  end
  return table.concat(out)
end

--- The text a node is known to be, and the node it was written as; or nil.
function names:text(node)
  local found = self:resolve(node)
  if not found then return nil end
  if found.k == "str" then return found.v, found end
  if found.k == "op" then return added(self, found), found end
  if found.k == "call" and self:called(found) == "textwrap.dedent" and
    found.args[1] then
    return self:text(found.args[1])
  end
end

function names:number(node)
  local found = self:resolve(node)
  if not found then return nil end
  if found.k == "num" then return tonumber((found.v:gsub("_", ""))) end
  if found.k == "unary" and found.op == "-" then
    local n = self:number(found.of)
    return n and -n
  end
end

--- true, false, or nil when it is not written as such.
function names:boolean(node)
  local found = self:resolve(node)
  if not found or found.k ~= "const" or found.v == "None" then return nil end
  return found.v == "True"
end

function names:is_none(node)
  local found = self:resolve(node)
  return found ~= nil and found.k == "const" and found.v == "None"
end

--- The items of a list, a tuple or a set; or nil.
function names:list(node)
  local found = self:resolve(node)
  if not found then return nil end
  if found.k ~= "list" and found.k ~= "tuple" and found.k ~= "set" then
    return nil
  end
  for _, item in ipairs(found) do
    if item.k == "opaque" then return nil end
  end
  return found
end

--- A list of texts, or one text as a list of one; or nil.
function names:texts(node)
  local one = self:text(node)
  if one then return { one } end
  local items, out = self:list(node), {}
  for i, item in ipairs(items or {}) do
    out[i] = self:text(item)
    if not out[i] then return nil end
  end
  return items and out
end

python.names = names
return names
