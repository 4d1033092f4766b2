-- luacheck: globals host migration
--- An Alembic revision: the body of upgrade() or downgrade(), statement by
--- statement, as SQL. Conditions on the dialect's name are decided (it is
--- postgresql); other conditions, loops, helpers with arguments and values
--- from elsewhere are unknown, each at its line.

local program, python = migration.program, migration.python
local names, ops = migration.python_names, migration.alembic_ops
local parts, types = migration.alembic_parts, migration.alembic_types
local tables = migration.alembic_table

local alembic = {}

local MAX_HELPERS = 8 -- helpers that call helpers

local walk

local function unclear(self, statement, what)
  self.out:unknown(statement.line, ("%s: `%s`"):format(what,
    program.excerpt(statement.source)))
  if statement.head or statement.source:find "^[%w_%.%[%]\"', ]+[^%w%s(]*=" then
    self.scope:forget_all(statement)
  else
    self.scope:forget_owner(statement.source)
  end
end

-- Calls ----------------------------------------------------------------------

--- SQL that the program hands over as a text. Its lines are the file's when
--- the literal holds them as they are.
local function execute(self, statement, node)
  local found = self.scope:resolve(node)
  local kind = parts.ours(self.scope, found)
  if kind == "CreateSequence" or kind == "DropSequence" then
    local sequence = self.scope:resolve(found.args[1])
    local text = sequence and sequence.k == "call" and
      self.scope:text(sequence.args[1])
    if not text then return "a sequence's name" end
    self.out:sql(statement.line, ("%s SEQUENCE %s"):format(
      kind == "CreateSequence" and "CREATE" or "DROP", program.name(text)))
    return
  end
  local text, written = parts.sql_of(self.scope, node)
  if not text then return written end
  local extra = {}
  if written.exact and written.first and
    written.first >= 1 and written.first <= #statement.source and
    statement.source:sub(written.first, written.first + #text - 1) == text then
    local _, ends = statement.source:sub(1, written.first - 1):gsub("\n", "")
    extra.sql_line = statement.line + ends
  end
  self.out:sql(statement.line, text, extra)
end

--- Columns of sa.table(..), sa.Table(..) or of the rows themselves.
local function bulk_insert(self, statement, call)
  local scope = self.scope
  local found = scope:resolve(call.args[1] or call.kw.table)
  local text = found and found.k == "call" and
    scope:text(found.args[1])
  local rows = scope:list(call.args[2] or call.kw.rows)
  if not text or not rows then return "rows from elsewhere" end
  local schema = found.kw.schema and scope:text(found.kw.schema)
  local first, columns = rows[1] and scope:resolve(rows[1]), {}
  for _, pair in ipairs(first and first.k == "dict" and first or {}) do
    columns[#columns + 1] = scope:text(pair[1])
  end
  if #rows == 0 then return end
  if #columns == 0 then return "rows from elsewhere" end
  self.out:sql(statement.line, ("INSERT INTO %s (%s) VALUES (%s)"):format(
    program.qualified(schema, text), program.names(columns),
    ("DEFAULT, "):rep(#columns):sub(1, -3)))
end

--- Enum.create(bind) and Enum.drop(bind).
local function of_type(self, statement, call)
  local method = call.f.k == "attr" and call.f.v
  if method ~= "create" and method ~= "drop" then return false end
  local _, enum = types.of(self.scope, call.f.of)
  if type(enum) ~= "table" then return false end
  local checks = call.kw.checkfirst or call.args[2]
  if method == "create" then
    tables.create_type(self.out, statement.line, {
      enum = enum.enum, schema = enum.schema, labels = enum.labels })
  else
    local asks = not checks or self.scope:boolean(checks) ~= false
    self.out:sql(statement.line, ("DROP TYPE %s%s"):format(
      asks and "IF EXISTS " or "",
      program.qualified(enum.schema, enum.enum)))
  end
  return true
end

--- What only looks: it changes nothing by itself.
local function looks(path)
  return path == "alembic.op.get_bind" or path == "alembic.op.get_context" or
    path == "alembic.context.get_context" or path == "=print" or
    path:match "^logging%." or path:match "^sqlalchemy%.inspect$" or
    path:match "^sqlalchemy.*%.Inspector%.from_engine$"
end

--- A connection that op gave: what it executes is executed.
local function is_connection(self, node)
  local found = self.scope:resolve(node)
  return self.scope:called(found) == "alembic.op.get_bind" or
    self.scope:path(found) == "alembic.op"
end

local function is_logger(self, node)
  local path = self.scope:called(self.scope:resolve(node)) or ""
  return path:match "^logging%." ~= nil
end

--- Names of op itself, and of a batch.
local function operation_of(self, call)
  if call.f.k ~= "attr" then return nil end
  local of = call.f.of
  if of.k == "name" then
    local value = self.scope:get(of.v)
    if value and value.batch then return call.f.v, value.batch end
  end
  local path = self.scope:path(call.f) or ""
  return path:match "^alembic%.op%.([%w_]+)$"
end

local helper

--- One call as a statement. Returns the problem, or nothing.
local function run_call(self, statement, call)
  local operation, batch = operation_of(self, call)
  if operation == "execute" then
    return execute(self, statement, call.args[1] or call.kw.sqltext)
  elseif operation == "bulk_insert" then
    return bulk_insert(self, statement, call)
  elseif operation == "get_bind" or operation == "get_context" or
    operation == "f" then
    return
  elseif operation then
    batch = batch or {}
    return ops.run({ scope = self.scope, out = self.out,
                     line = statement.line, call = call,
                     table = batch.table, schema = batch.schema }, operation)
  end
  local path = self.scope:path(call.f) or ""
  if looks(path) then return end
  if call.f.k == "attr" then
    if call.f.v == "execute" and is_connection(self, call.f.of) then
      if #call.args > 1 then return "SQL with parameters" end
      return execute(self, statement, call.args[1])
    end
    if is_logger(self, call.f.of) or of_type(self, statement, call) then
      return
    end
  end
  return helper(self, call, path) or nil
end

--- A function of the file without arguments: its body, here.
function helper(self, call, path)
  local body = self.functions[path:match "^=(.+)$" or ""]
  if not body or #call.args > 0 or next(call.kw) or call.star then
    return "the call is not understood"
  end
  if self.depth >= MAX_HELPERS then return "helpers call too many helpers" end
  local outside, stopped = self.scope, self.stopped
  self.depth, self.scope = self.depth + 1, names.new(self.module)
  walk(self, body)
  self.depth, self.scope, self.stopped = self.depth - 1, outside, stopped
end

-- Statements -----------------------------------------------------------------

local function assign(self, statement, parsed)
  local targets = parsed.targets
  local value = targets[#targets]
  self.scope:assign(parsed)
  local path = value.k == "call" and self.scope:path(value.f) or ""
  if path:match "^alembic%.op%." and not looks(path) then
    local problem = run_call(self, statement, value)
    if problem then unclear(self, statement, problem) end
  elseif value.k == "call" and value.f.k == "attr" and
    value.f.v == "execute" then
    local problem = run_call(self, statement, value)
    if problem then unclear(self, statement, problem) end
  elseif value.k == "call" and self.functions[path:match "^=(.+)$" or ""] then
    local problem = run_call(self, statement, value)
    if problem then unclear(self, statement, problem) end
  end
end

local function simple(self, statement)
  local source = statement.source
  local word = source:match "^[%a_][%w_]*"
  if word == "pass" or word == "global" then return end
  if self.scope:import(source) then return end
  if word == "return" then
    self.stopped = true
    return
  end
  if word == "raise" then
    self.stopped = true
    self.out:unknown(statement.line, "it refuses to run: `" ..
      program.excerpt(source) .. "`")
    self.out.items[#self.out.items].refuses = true
    return
  end
  local parsed, problem = python.read(source)
  if not parsed then
    return unclear(self, statement, "the statement " .. problem)
  end
  if parsed.k == "assign" then return assign(self, statement, parsed) end
  local value = parsed.value
  if value.k == "str" then return end
  if value.k ~= "call" then
    return unclear(self, statement, "the statement is not understood")
  end
  problem = run_call(self, statement, value)
  if problem then unclear(self, statement, problem) end
end

--- True or False for a condition on the dialect's name, else nil.
local function decide(self, source)
  local parsed = python.read(source)
  local value = parsed and parsed.k == "expr" and parsed.value
  if not value or value.k ~= "op" or #value ~= 3 then return nil end
  local left, operator, right = value[1], value[2], value[3]
  if left.k ~= "attr" or left.v ~= "name" or left.of.k ~= "attr" or
    left.of.v ~= "dialect" then
    return nil
  end
  local texts = self.scope:texts(right)
  if not texts then return nil end
  local is_ours = false
  for _, text in ipairs(texts) do
    is_ours = is_ours or text == "postgresql"
  end
  if operator == "==" or operator == "in" then return is_ours end
  if operator == "!=" or operator == "not in" then return not is_ours end
end

--- Whether a body does nothing that this reader has to know: a branch for
--- another database that is not decided counts.
local function conditional(self, list, index)
  local statement, taken = list[index], nil
  local value = decide(self, statement.source:match "^if%s*(.*)$" or "")
  local last = index
  while list[last + 1] and
    (list[last + 1].head == "elif" or list[last + 1].head == "else") do
    last = last + 1
  end
  for i = index, last do
    if i > index then
      value = list[i].head == "else" or
        decide(self, list[i].source:match "^elif%s*(.*)$" or "")
    end
    if value == nil then
      for k = i, last do
        unclear(self, list[k], "what runs under a condition is not known")
      end
      return last
    end
    if value then
      taken = list[i].body
      break
    end
  end
  if taken then walk(self, taken) end
  return last
end

local function batch_of(self, source)
  local text, as = source:match "^with%s+(.*)%s+as%s+([%a_][%w_]*)$"
  text = text or source:match "^with%s+(.*)$"
  local parsed = text and python.read(text)
  local call = parsed and parsed.k == "expr" and parsed.value
  if not call or call.k ~= "call" then return nil end
  local path = self.scope:path(call.f) or ""
  if call.f.k == "attr" and call.f.v == "autocommit_block" then
    return "alone"
  end
  if path ~= "alembic.op.batch_alter_table" or not as then return nil end
  local schema = call.kw.schema and self.scope:text(call.kw.schema)
  local found = self.scope:text(call.args[1] or call.kw.table_name)
  if not found then return nil end
  return "batch", as, { table = found, schema = schema }
end

local function with(self, statement)
  local kind, as, batch = batch_of(self, statement.source)
  if kind == "alone" then
    local before = self.out.alone
    self.out.alone = true
    walk(self, statement.body)
    self.out.alone = before
  elseif kind == "batch" then
    self.scope:set(as, { batch = batch })
    walk(self, statement.body)
    self.scope:set(as, false)
  else
    unclear(self, statement, "what runs in this block is not known")
  end
end

function walk(self, list)
  local i = 1
  while i <= #list and not self.stopped do
    local statement = list[i]
    if statement.head == "if" then
      i = conditional(self, list, i)
    elseif statement.head == "with" then
      with(self, statement)
    elseif statement.head == "def" then
      self.scope:forget_all(statement)
    elseif statement.head then
      unclear(self, statement, "what runs in this block is not known")
    else
      simple(self, statement)
    end
    i = i + 1
  end
end

--- The names of the file, and its functions by name.
local function module_of(list)
  local scope, functions, decorated = names.new(), {}, false
  for _, statement in ipairs(list) do
    local word = statement.source:match "^def%s+([%a_][%w_]*)"
    if statement.source:sub(1, 1) == "@" then
      decorated = true
    elseif statement.head == "def" and word and not decorated then
      functions[word] = statement.body
    elseif statement.head or not scope:import(statement.source) then
      local parsed = not statement.head and python.read(statement.source)
      if parsed and parsed.k == "assign" then
        scope:assign(parsed)
      else
        scope:forget_all(statement)
      end
      decorated = false
    end
  end
  return scope, functions
end

--- Statements of one direction of a revision, as programs.lua describes.
function alembic.translate(text, direction)
  local out = program.list()
  local list, message, line = python.blocks(text)
  if not list then
    out:unknown(line or 1, "the file cannot be read as Python: " .. message)
    return out.items
  end
  local scope, functions = module_of(list)
  local word = direction == "down" and "downgrade" or "upgrade"
  local self = { out = out, module = scope, scope = names.new(scope),
                 functions = functions, depth = 0 }
  if functions[word] then
    walk(self, functions[word])
  else
    out:unknown(1, ("the file has no function %s that can be read"):format(
      word))
  end
  return out.items
end

return alembic
