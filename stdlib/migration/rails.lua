-- luacheck: globals host migration
--- A Rails migration: up, down or change, as the SQL that ActiveRecord sends
--- to PostgreSQL. The commands of `change` are recorded and turned round for
--- the way back, as Rails does. Conditions, loops and models are unknown.

local program, ruby = migration.program, migration.ruby
local python = migration.python
local values, ops = migration.rails_values, migration.rails_ops
local invert = migration.rails_invert

local rails = {}

local MAX_HELPERS = 8
local record

-- Recording ------------------------------------------------------------------

local function add(self, entry)
  entry.v = self.v
  self.entries[#self.entries + 1] = entry
end

local function unclear(self, node, what)
  local source = node.source or self.text:sub(node.at, node.at + 200)
  add(self, { line = self.line_of(node.at), unknown = ("%s: `%s`"):format(
    what, program.excerpt(source)) })
end

--- Names that a statement which is not followed may have given new values.
local function forget(self, node, depth)
  depth = depth or 0
  if type(node) ~= "table" or depth > 60 then return end
  if node.k == "assign" then self.v.names[node.name] = false end
  for word in (node.source or ""):gmatch "([%a_@][%w_]*)%s*[^%w%s=<>!]*=" do
    self.v.names[word] = false
  end
  for _, part in pairs(node) do forget(self, part, depth + 1) end
end

--- Do nothing to the schema.
local quiet = { say = true, puts = true, p = true, print = true,
                reset_column_information = true, announce = true }
--- Run their block as it is.
local transparent = { safety_assured = true, transaction = true,
                      say_with_time = true, suppress_messages = true }

local function apart(self, body, way)
  local before = self.entries
  self.entries = {}
  record(self, body)
  local group = { group = self.entries, way = way }
  self.entries = before
  return group
end

--- reversible do |dir| dir.up { } dir.down { } end
local function reversible(self, node)
  for _, inner in ipairs(node.block.body) do
    local recv = inner.k == "call" and inner.recv
    local is_dir = recv and recv.k == "call" and
      recv.v == node.block.params[1] and inner.block
    if is_dir and (inner.v == "up" or inner.v == "down") then
      add(self, apart(self, inner.block.body, inner.v))
    else
      unclear(self, inner, "not understood within reversible")
    end
  end
end

--- The calls on the table in change_table, as commands of their own.
local in_change = { column = "add_column", references = "add_reference",
                    belongs_to = "add_reference", index = "add_index",
                    timestamps = "add_timestamps", remove = "remove_columns",
                    remove_index = "remove_index", rename = "rename_column",
                    remove_timestamps = "remove_timestamps",
                    remove_references = "remove_reference",
                    remove_belongs_to = "remove_reference",
                    change = "change_column",
                    change_default = "change_column_default",
                    change_null = "change_column_null",
                    foreign_key = "add_foreign_key",
                    remove_foreign_key = "remove_foreign_key",
                    check_constraint = "add_check_constraint",
                    remove_check_constraint = "remove_check_constraint",
                    rename_index = "rename_index" }

local function table_command(self, name, table_node, node, args)
  add(self, { command = { name = name, kw = node.kw, order = node.order,
                          args = { table_node, table.unpack(args) } },
              line = self.line_of(node.at) })
end

local function change_table(self, node)
  local table_node = node.args[1]
  local function odd(inner)
    unclear(self, inner, "not understood within change_table")
  end
  for _, inner in ipairs(ops.table_calls(node.block, odd)) do
    local name = in_change[inner.v]
    if name == "add_reference" or name == "remove_reference" then
      for _, arg in ipairs(inner.args) do
        table_command(self, name, table_node, inner, { arg })
      end
    elseif name then
      table_command(self, name, table_node, inner, inner.args)
    elseif values.is_type(inner.v) then
      for _, arg in ipairs(inner.args) do
        table_command(self, "add_column", table_node, inner,
                      { arg, { k = "sym", v = inner.v, at = inner.at } })
      end
    else
      odd(inner)
    end
  end
end

local function helper(self, node)
  local body = self.methods[node.v]
  if not body or #node.args > 0 or #node.order > 0 or node.block or
    self.depth >= MAX_HELPERS then
    return unclear(self, node, "the call is not understood")
  end
  local outside = self.v
  self.depth, self.v = self.depth + 1, values.new(self.class)
  record(self, body)
  self.depth, self.v = self.depth - 1, outside
end

local function call(self, node)
  local recv = node.recv
  if recv and not (recv.k == "const" and recv.v == "self" or
                   recv.k == "call" and recv.v == "connection") and
    not (node.v == "execute" and recv.k == "call" and
         recv.v == "connection") then
    if quiet[node.v] then return end
    return unclear(self, node, "the call is not understood")
  end
  if quiet[node.v] and not node.block then return end
  if node.block and transparent[node.v] then
    return record(self, node.block.body)
  end
  if node.v == "reversible" and node.block then
    return reversible(self, node)
  end
  if node.v == "up_only" and node.block then
    return add(self, apart(self, node.block.body, "up"))
  end
  if node.v == "change_table" and node.block then
    return change_table(self, node)
  end
  if ops[node.v] and node.v ~= "text" and node.v ~= "say" and
    node.v ~= "table_calls" and not node.star then
    return add(self, { line = self.line_of(node.at), at = node.at,
                       command = { name = node.v, args = node.args,
                                   kw = node.kw, order = node.order,
                                   block = node.block } })
  end
  helper(self, node)
end

function record(self, body)
  for _, node in ipairs(body) do
    if self.stopped then return end
    if node.k == "call" and node.v == "raise" and not node.recv then
      add(self, { line = self.line_of(node.at), refuses = true,
                  unknown = "it refuses to run: `" .. program.excerpt(
                    self.text:match("[^\n]*", node.at)) .. "`" })
      self.stopped = true
    elseif node.k == "call" then
      call(self, node)
    elseif node.k == "assign" then
      -- Commands run when all are recorded: a second value is nobody's.
      local second = self.v.names[node.name] ~= nil
      self.v.names[node.name] = not second and self.v:resolve(node.value)
    elseif node.k == "return" then
      self.stopped = true
    elseif node.k == "str" or node.k == "const" or node.k == "num" or
      node.k == "sym" then
      self.last = node -- a value on its own does nothing
    else
      forget(self, node)
      unclear(self, node, node.k == "if" and
        "what runs under a condition is not known" or
        "the statement is not understood")
    end
  end
end

-- Running --------------------------------------------------------------------

local run_entries

local function run_command(self, entry)
  local command = entry.command
  local c = { v = entry.v or self.class, out = self.out, line = entry.line,
              version = self.version, history = self.history,
              line_of = self.line_of, text = self.text }
  local problem = ops[command.name](c, command)
  if problem then
    self.out:unknown(entry.line, ("%s of %s is not understood: `%s`"):format(
      problem, command.name, program.excerpt(self.text:match("[^\n]*",
      entry.at or 1))))
  end
end

local function run_entry(self, entry, back)
  if entry.group then
    if (entry.way == "down") == (self.direction == "down") then
      run_entries(self, entry.group, false)
    end
  elseif entry.unknown then
    self.out:unknown(entry.line, entry.unknown)
    self.out.items[#self.out.items].refuses = entry.refuses
  elseif back then
    local opposite = invert[entry.command.name]
    local command = opposite and opposite(entry.command)
    if command then
      run_command(self, { command = command, line = entry.line,
                          at = entry.at, v = entry.v })
    else
      self.out:unknown(entry.line, ("it cannot go back: Rails does not " ..
        "know the opposite of %s"):format(entry.command.name))
      self.out.items[#self.out.items].refuses = true
    end
  else
    run_command(self, entry)
  end
end

function run_entries(self, entries, back)
  for i = 1, #entries do
    run_entry(self, entries[back and #entries - i + 1 or i], back)
  end
end

-- The file -------------------------------------------------------------------

--- 7.0 of ActiveRecord::Migration[7.0]; nil for another class.
local function version_of(super)
  if not super then return nil end
  if super.k == "name" and super.v == "ActiveRecord::Migration" then
    return 4.2
  end
  if super.k == "call" and super.v == "[]" and super.recv and
    super.recv.v == "ActiveRecord::Migration" and super.args[1] then
    return tonumber(super.args[1].v)
  end
end

local function find_class(list, depth)
  for _, node in ipairs(list) do
    if node.k == "class" and version_of(node.super) then return node end
  end
  for _, node in ipairs(list) do
    if node.k == "class" and node.super then return node end
    if node.k == "module" and depth < 5 then
      local found = find_class(node.body, depth + 1)
      if found then return found end
    end
  end
end

local function read_class(self, class)
  for _, node in ipairs(class.body) do
    if node.k == "def" then
      self.methods[node.v] = not node.params and node.body or nil
    elseif node.k == "assign" then
      self.class.names[node.name] = self.class:resolve(node.value)
    elseif node.k == "call" and node.v == "disable_ddl_transaction!" then
      self.out.items.transaction = false
    elseif node.k == "unread" or node.k == "if" then
      forget(self, node)
      self.out:unknown(self.line_of(node.at),
                       "not understood within the class: `" ..
                       program.excerpt(node.source or "a condition") .. "`")
    end
  end
end

local function run(self)
  local direction = self.direction
  local body = self.methods[direction]
  local back = false
  if self.methods.change and not body then
    body, back = self.methods.change, direction == "down"
  end
  if not body then
    if direction == "down" and self.methods.up then
      self.out:unknown(1, "the migration has no method down")
      self.out.items[#self.out.items].refuses = true
    else
      self.out:unknown(1, "the class has no method that can be read")
    end
    return
  end
  self.v = values.new(self.class)
  record(self, body)
  run_entries(self, self.entries, back)
end

local function copied(history)
  local out = { indexes = {}, keys = {} }
  for at, all in pairs(history.indexes) do
    out.indexes[at] = {}
    for index, columns in pairs(all) do out.indexes[at][index] = columns end
  end
  for at, key in pairs(history.keys) do out.keys[at] = key end
  return out
end

local function line_finder(text)
  local starts = { 1 }
  for at in text:gmatch "\n()" do starts[#starts + 1] = at end
  return function(at) return python.line_of(starts, at or 1) end
end

--- Statements of one direction of a migration, as programs.lua describes.
--- history.rails keeps the names of indexes and keys, which later commands
--- refer to by columns.
function rails.translate(text, direction, history)
  local out = program.list()
  history.rails = history.rails or { indexes = {}, keys = {} }
  local line_of = line_finder(text)
  local list, message, at = ruby.parse(text)
  if not list then
    out:unknown(line_of(at), "the file cannot be read as Ruby: " .. message)
    return out.items
  end
  local class = find_class(list, 0)
  if not class then
    out:unknown(1, "the file has no class of a migration")
    return out.items
  end
  local version = version_of(class.super)
  local self = { out = out, text = text, direction = direction,
                 line_of = line_of, entries = {}, methods = {}, depth = 0,
                 version = version or 7.0, class = values.new(),
                 history = history.rails }
  self.v = self.class
  if direction == "down" then self.history = copied(history.rails) end
  if not version then
    out:unknown(line_of(class.at), "what the migration's own kind of class " ..
      "adds is not known")
  end
  read_class(self, class)
  run(self)
  return out.items
end

return rails
