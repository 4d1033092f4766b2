-- luacheck: globals host migration
--- A Django migration: the list of operations of class Migration, each as the
--- SQL that Django's schema editor would send. What an operation is about is
--- in the models that the migrations before it made; going back is computed
--- from them.

local program, python = migration.program, migration.python
local names, ops = migration.python_names, migration.django_ops
local state = migration.django_state

local django = {}

local MAX_NESTED = 8 -- SeparateDatabaseAndState within another

-- Operations with SQL or Python of their own ---------------------------------

local function nothing() end

--- One text, or a list of texts and of pairs (text, parameters).
local function texts_of(scope, node)
  local one = scope:text(node)
  if one then return { one } end
  local out = {}
  for i, item in ipairs(scope:list(node) or { false }) do
    local pair = item and scope:list(item)
    local text = item and scope:text(pair and pair[1] or item)
    if not text or (pair and pair[2] and not scope:is_none(pair[2])) then
      return nil
    end
    out[i] = text
  end
  return out
end

local function is_noop(scope, node)
  return (scope:path(node) or ""):match "%.noop$" ~= nil
end

local function say_all(s, c, node)
  if is_noop(c.scope, node) then return end
  local texts = texts_of(c.scope, node)
  if not texts then
    s.out:unknown(s.line, "SQL that is not written as a text")
    return
  end
  for _, text in ipairs(texts) do
    if text:find "%S" then
      local _, written = c.scope:text(node)
      local exact = written and written.exact and c.file:sub(written.first or 0,
        (written.first or 0) + #text - 1) == text
      s.out:sql(s.line, text,
                exact and { sql_line = c.line_at(written.first) } or nil)
    end
  end
end

local function read_all(c, node)
  local out = {}
  for _, one in ipairs(c.scope:list(node) or {}) do
    out[#out + 1] = c.read(one)
  end
  return out
end

--- What an operation is for the state only.
local function states(c, node)
  local list = node and read_all(c, node) or {}
  return function(models)
    for _, one in ipairs(list) do one.state(models) end
  end
end

function ops.RunSQL(c)
  local forward = c.call.args[1] or c.call.kw.sql
  local backward = c.call.args[2] or c.call.kw.reverse_sql
  local function run(s, _, _, back)
    if not back then return say_all(s, c, forward) end
    if backward and not c.scope:is_none(backward) then
      return say_all(s, c, backward)
    end
    s.out:unknown(s.line, "it cannot go back: RunSQL without reverse_sql")
    s.out.items[#s.out.items].refuses = true
  end
  return { run = run,
           state = states(c, c.call.args[3] or c.call.kw.state_operations) }
end

function ops.RunPython(c)
  local forward = c.call.args[1] or c.call.kw.code
  local backward = c.call.args[2] or c.call.kw.reverse_code
  local function run(s, _, _, back)
    local code = back and backward or forward
    if back and (not code or c.scope:is_none(code)) then
      s.out:unknown(s.line, "it cannot go back: RunPython without " ..
        "reverse_code")
      s.out.items[#s.out.items].refuses = true
    elseif not is_noop(c.scope, code) then
      s.out:unknown(s.line, "what RunPython does is not known")
    end
  end
  return { state = nothing, run = run }
end

--- Operations for the database, and others for the models.
function ops.SeparateDatabaseAndState(c)
  local database = read_all(c, c.call.args[1] or
                            c.call.kw.database_operations)
  local function run(s, from, to, back)
    local before = state.copy(back and to or from)
    local steps = {}
    for i, one in ipairs(database) do
      local after = state.copy(before)
      one.state(after)
      steps[i] = { one = one, from = before, to = after }
      before = after
    end
    for i = 1, #steps do
      local step = steps[back and #steps - i + 1 or i]
      if back then
        step.one.run(s, state.copy(step.to), state.copy(step.from), true)
      else
        step.one.run(s, state.copy(step.from), state.copy(step.to), false)
      end
    end
  end
  return { run = run,
           state = states(c, c.call.args[2] or c.call.kw.state_operations) }
end

local extensions = { CreateExtension = false, TrigramExtension = "pg_trgm",
                     UnaccentExtension = "unaccent",
                     CITextExtension = "citext", HStoreExtension = "hstore",
                     BtreeGinExtension = "btree_gin",
                     BtreeGistExtension = "btree_gist",
                     CryptoExtension = "pgcrypto", BloomExtension = "bloom" }

local function extension(c, own)
  local text = own or c.scope:text(c.call.args[1] or c.call.kw.name)
  if not text then return nil, "an extension's name" end
  return { state = nothing, run = function(s, _, _, back)
    s.out:sql(s.line, back and ("DROP EXTENSION IF EXISTS %s CASCADE"):format(
      program.name(text)) or ("CREATE EXTENSION IF NOT EXISTS %s"):format(
      program.name(text)))
  end }
end

--- An operation that is not known: nobody knows what it does to the models.
local function strange(what)
  local function run(s) s.out:unknown(s.line, what) end
  return { state = nothing, run = run }
end

--- The reader of operations of one file.
local function reader(self)
  local depth = 0
  local function read(node)
    local call = self.scope:resolve(node)
    local path = call and self.scope:called(call) or ""
    local kind = path:match "^django%." and path:match "[^.]*$"
    local at = call and call.at or node.at
    local line = self.line_at(node.at or at)
    local c = { scope = self.scope, call = call, app = self.app, line = line,
                auto = self.auto, file = self.file, line_at = self.line_at,
                line_of = function(n) return n and self.line_at(n.at) end,
                read = read }
    local one, problem
    depth = depth + 1
    if not kind or call.star or depth > MAX_NESTED then
      problem = "the operation"
    elseif extensions[kind] ~= nil then
      one, problem = extension(c, extensions[kind])
    elseif ops[kind] then
      one, problem = ops[kind](c)
    else
      problem = "the operation " .. kind
    end
    depth = depth - 1
    one = one or strange(("%s is not understood: `%s`"):format(problem,
      program.excerpt(self.file:sub(at, at + 200))))
    one.line = line
    return one
  end
  return read
end

-- The file -------------------------------------------------------------------

--- Positions in a statement are counted from its first byte; here all are
--- moved to the file's.
local function moved(node, by, depth)
  if type(node) ~= "table" or depth > 400 then return end
  if node.at then node.at = node.at + by end
  if node.first then node.first = node.first + by end
  for key, part in pairs(node) do
    if key ~= "kw" then moved(part, by, depth + 1) end
  end
  for _, part in pairs(node.kw or {}) do moved(part, by, depth + 1) end
end

local function learn(scope, statement)
  local parsed = not statement.head and python.read(statement.source)
  if parsed and parsed.k == "assign" then
    for _, target in ipairs(parsed.targets) do
      moved(target, statement.at - 1, 0)
    end
    scope:assign(parsed)
    return parsed
  end
  scope:forget_all(statement)
end

--- The class Migration's assignments, by name.
local function migration_class(list, scope)
  local found
  for _, statement in ipairs(list) do
    if statement.head == "class" and
      statement.source:match "^class%s+Migration%f[^%w_]" then
      found = statement.body
      scope.values.Migration = nil
    elseif statement.head == "def" or statement.head == "class" then
      -- what RunPython may call: a name that no text stands for
      local word = statement.source:match "^%a+%s+([%a_][%w_]*)"
      if word then scope:set(word, nil) end
    elseif not scope:import(statement.source) then
      learn(scope, statement)
    end
  end
  if not found then return nil end
  local class = names.new(scope)
  for _, statement in ipairs(found) do
    if statement.head then
      class:forget_all(statement)
    else
      learn(class, statement)
    end
  end
  return class
end

local function value_of(class, key)
  local value = class.values[key]
  return value and value.node
end

--- "shop/migrations/0002_more.py": shop, 0002_more.
local function place(path)
  local app, own = path:match "([^/]+)/migrations/([^/]+)%.py$"
  return app, own or path:match "([^/]+)%.py$"
end

--- Whether a migration that replaces others has them behind it already.
local function replaced(class, seen)
  for _, pair in ipairs(class:list(value_of(class, "replaces")) or {}) do
    local texts = class:texts(pair)
    if texts and seen[table.concat(texts, ".")] then return true end
  end
  return false
end

local function run_all(self, steps, direction)
  local back = direction == "down"
  local s = { out = self.out, app = self.app, auto = self.auto }
  for i = 1, #steps do
    local step = steps[back and #steps - i + 1 or i]
    s.line = step.one.line
    local from, to = state.copy(step.from), state.copy(step.to)
    if back then from, to = to, from end
    step.one.run(s, from, to, back)
  end
end

--- What models were that are not the same any more; false: not there.
local function difference(before, after)
  local was = {}
  for at, model in pairs(after) do
    if before[at] ~= model then was[at] = before[at] or false end
  end
  for at, model in pairs(before) do
    if after[at] == nil then was[at] = model end
  end
  return was
end

--- The models as they were before a migration: those after it, undone.
local function undone(kept, key)
  local models = state.copy(kept.models)
  for i = #kept.log, 1, -1 do
    for at, model in pairs(kept.log[i].was) do models[at] = model or nil end
    if kept.log[i].key == key then return models end
  end
end

--- Each operation with the models before and after it.
local function steps_of(operations, models)
  local steps = {}
  for i, one in ipairs(operations) do
    local before = models
    models = state.copy(models)
    one.state(models)
    steps[i] = { one = one, from = before, to = models }
  end
  return steps, models
end

--- The kind of key that this project's models get by themselves: that of the
--- keys which Django wrote into its migrations.
local function auto_of(kept, text)
  if text:find "BigAutoField%(%s*auto_created" then
    kept.auto = "BigAutoField"
  end
  return kept.auto
end

local function operations_of(self, class)
  local list = class:list(value_of(class, "operations"))
  if not list then
    self.out:unknown(1, "the list of operations is not written as a list")
    return {}
  end
  self.scope = class
  local read, out = reader(self), {}
  for i, node in ipairs(list) do out[i] = read(node) end
  return out
end

local function read_class(text, out)
  local list, starts, line = python.blocks(text)
  if not list then
    out:unknown(line or 1, "the file cannot be read as Python: " .. starts)
    return nil
  end
  local scope = names.new()
  local class = migration_class(list, scope)
  if not class then
    out:unknown(1, "the file has no class Migration")
    return nil
  end
  return class, function(at) return python.line_of(starts, at or 1) end
end

--- Statements of one direction of a migration, as programs.lua describes.
--- history.django keeps the models, and the steps of each file for its way
--- back.
function django.translate(text, direction, history, path)
  local out = program.list()
  history.django = history.django or { models = {}, seen = {}, log = {} }
  local kept = history.django
  local class, line_at = read_class(text, out)
  if not class then return out.items end
  local app, own = place(path)
  if not app then
    out:unknown(1, "the application is not told: the file is not given as " ..
      "APP/migrations/NAME.py")
    app = "unknown"
  end
  local key = app .. "." .. (own or "")
  local models = direction == "down" and undone(kept, key) or kept.models
  local self = { out = out, app = app, file = text, line_at = line_at,
                 auto = auto_of(kept, text) }
  local atomic = value_of(class, "atomic")
  if atomic and class:boolean(atomic) == false then
    out.items.transaction = false
  end
  if replaced(class, kept.seen) then return out.items end
  local steps, after = steps_of(operations_of(self, class), models)
  run_all(self, steps, direction)
  if direction ~= "down" then
    kept.log[#kept.log + 1] = { key = key, was = difference(models, after) }
    kept.models, kept.seen[key] = after, true
  end
  return out.items
end

return django
