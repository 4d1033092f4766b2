-- luacheck: globals host migration
--- Rails' schema statements, one function each by their names.
--- Source: active_record/connection_adapters/abstract/schema_statements.rb,
--- postgresql/schema_statements.rb (6.1 to 7.1).
---
--- A function gets c = {v, out, line, version, history} and the command
--- {name, args, kw, block, line}; it returns what it did not understand, or
--- nothing.

local program, values = migration.program, migration.rails_values
local tables = migration.rails_table
local name, quoted = program.name, values.table

local ops = {}

local function text(c, node) return node and c.v:text(node) end

local function is_true(c, node)
  return node ~= nil and c.v:boolean(node) == true
end

local function say(c, format, ...)
  c.out:sql(c.line, format:format(...))
end

-- Blocks of tables -----------------------------------------------------------

--- The calls on a block's table, each {name, args, kw, at}; others are given
--- to `odd`.
function ops.table_calls(block, odd)
  local out = {}
  for _, node in ipairs(block.body) do
    local recv = node.k == "call" and node.recv
    if recv and recv.k == "call" and not recv.recv and
      recv.v == block.params[1] and not node.star then
      out[#out + 1] = node
    else
      odd(node)
    end
  end
  return out
end

local function add_line(parts, line) parts.lines[#parts.lines + 1] = line end

local function add_columns(c, parts, words, kind, kw)
  for _, word in ipairs(words) do
    local sql, problem = tables.column(c, word, kind, kw)
    if not sql then return problem end
    add_line(parts, sql)
    if kw.index and c.v:boolean(kw.index) ~= false then
      table.insert(parts.indexes, { { word }, c.v:hash(kw.index) or {} })
    end
    if kw.comment then table.insert(parts.comments, { word, kw }) end
  end
end

local function add_reference(c, parts, word, kw)
  local found, problem = tables.reference(c, parts.table, word, kw)
  if not found then return problem end
  for _, column in ipairs(found.columns) do
    problem = add_columns(c, parts, { column[1] }, column[2], column[3])
    if problem then return problem end
  end
  if found.index then table.insert(parts.indexes, found.index) end
  if found.key then
    local sql
    sql, problem = tables.key(c, parts.table, found.key[1], found.key[2])
    if not sql then return problem end
    table.insert(parts.keys, sql)
  end
end

local function stamps(c, kw)
  local options = { null = { k = "const", v = "false" } }
  for key, node in pairs(kw) do options[key] = node end
  if not options.precision and c.version >= 6.0 then
    options.precision = { k = "num", v = "6" }
  end
  return options
end

local in_table = {}

function in_table.column(c, parts, node)
  local word, kind = text(c, node.args[1]), text(c, node.args[2])
  if not word or not kind then return "a column" end
  return add_columns(c, parts, { word }, kind, node.kw)
end

function in_table.references(c, parts, node)
  for _, arg in ipairs(node.args) do
    local word = text(c, arg)
    local problem = word and add_reference(c, parts, word, node.kw)
    if not word or problem then return problem or "a reference" end
  end
end
in_table.belongs_to = in_table.references

function in_table.timestamps(c, parts, node)
  return add_columns(c, parts, { "created_at", "updated_at" }, "datetime",
                     stamps(c, node.kw))
end

function in_table.index(c, parts, node)
  local columns = node.args[1] and c.v:texts(node.args[1])
  if not columns then return "an index's columns" end
  table.insert(parts.indexes, { columns, node.kw })
end

function in_table.foreign_key(c, parts, node)
  local to = text(c, node.args[1])
  if not to then return "a foreign key" end
  local sql, problem = tables.key(c, parts.table, to, node.kw)
  if not sql then return problem end
  table.insert(parts.keys, sql)
end

function in_table.check_constraint(c, parts, node)
  local expression = text(c, node.args[1])
  if not expression then return "a constraint" end
  local own = text(c, node.kw.name) or
    values.check_name(parts.table, expression)
  table.insert(parts.keys, ("CONSTRAINT %s CHECK (%s)"):format(name(own),
                                                             expression))
end

function in_table.primary_key(c, parts, node)
  local word = text(c, node.args[1])
  local kind = node.args[2] and text(c, node.args[2])
  if not word then return "a key" end
  local line, problem = tables.primary(c, {
    primary_key = { k = "str", v = word },
    id = kind and { k = "str", v = kind } or nil, default = node.kw.default })
  if not line then return problem or "a key" end
  add_line(parts, line)
end

local function one_of_table(c, parts, node)
  local make = in_table[node.v]
  if make then return make(c, parts, node) end
  if not values.is_type(node.v) then return "t." .. node.v end
  local words = {}
  for i, arg in ipairs(node.args) do
    words[i] = text(c, arg)
    if not words[i] then return "a column's name" end
  end
  return add_columns(c, parts, words, node.v, node.kw)
end

local function finish_table(c, parts, kw)
  local missing = is_true(c, kw.if_not_exists) and "IF NOT EXISTS " or ""
  local lines = table.move(parts.keys, 1, #parts.keys, #parts.lines + 1,
                           parts.lines)
  say(c, "CREATE %sTABLE %s%s (%s%s%s)%s",
      is_true(c, kw.temporary) and "TEMPORARY " or "", missing,
      quoted(parts.table), #lines > 0 and "\n  " or "",
      table.concat(lines, ",\n  "), #lines > 0 and "\n" or "",
      kw.options and " " .. (text(c, kw.options) or "?") or "")
  for _, index in ipairs(parts.indexes) do
    local problem = tables.add_index(c, parts.table, index[1], index[2])
    if problem then return problem end
  end
  for _, one in ipairs(parts.comments) do
    tables.comment(c, parts.table, one[1], one[2])
  end
  local comment = text(c, kw.comment)
  if comment then
    say(c, "COMMENT ON TABLE %s IS %s", quoted(parts.table),
        program.literal(comment))
  end
end

local table_options = {}
for word in ([[id primary_key force if_not_exists temporary comment options
  default limit bulk null]]):gmatch "%S+" do
  table_options[word] = true
end

local function drop_before(c, table_name, node)
  if not node or c.v:boolean(node) == false or c.v:is_nil(node) then return end
  say(c, "DROP TABLE IF EXISTS %s%s", quoted(table_name),
      c.v:text(node) == "cascade" and " CASCADE" or "")
end

local function fill_table(c, parts, block)
  local function odd(node)
    c.out:unknown(c.line_of(node.at), "not understood within the table " ..
      parts.table)
  end
  for _, node in ipairs(ops.table_calls(block, odd)) do
    c.line = c.line_of(node.at)
    local problem = one_of_table(c, parts, node)
    if problem then
      c.out:unknown(c.line, ("%s of the table %s is not understood"):format(
        problem, parts.table))
    end
  end
end

function ops.create_table(c, command)
  local table_name = text(c, command.args[1])
  if not table_name then return "a table's name" end
  for key in pairs(command.kw) do
    if not table_options[key] then return "the option " .. key end
  end
  drop_before(c, table_name, command.kw.force)
  local parts = { table = table_name, lines = {}, keys = {}, indexes = {},
                  comments = {} }
  local line, last = tables.primary(c, command.kw)
  if line == false then return last end
  if line then add_line(parts, line) end
  local before = c.line
  if command.block then fill_table(c, parts, command.block) end
  c.line = before
  if last then table.insert(parts.keys, 1, last) end
  return finish_table(c, parts, command.kw)
end

function ops.create_join_table(c, command)
  local one, two = text(c, command.args[1]), text(c, command.args[2])
  if not one or not two then return "a table's name" end
  local list = { one, two }
  table.sort(list)
  local own = text(c, command.kw.table_name)
  if not own then
    local head, a, b = (list[1] .. "\0" .. list[2]):match(
      "^(.*[_-])(.+)%z%1(.+)$")
    own = head and head .. a .. "_" .. b or list[1] .. "_" .. list[2]
  end
  local parts = { table = own, lines = {}, keys = {}, indexes = {},
                  comments = {} }
  local options = command.kw.column_options and
    c.v:hash(command.kw.column_options) or {}
  local kw = { null = { k = "const", v = "false" } }
  for key, node in pairs(options) do kw[key] = node end
  for _, word in ipairs { one, two } do
    local problem = add_reference(c, parts, values.singular(word),
      { null = kw.null, index = kw.index or { k = "const", v = "false" },
        foreign_key = kw.foreign_key, type = kw.type })
    if problem then return problem end
  end
  if command.block then fill_table(c, parts, command.block) end
  return finish_table(c, parts, {})
end

function ops.drop_join_table(c, command)
  local one, two = text(c, command.args[1]), text(c, command.args[2])
  local own = text(c, command.kw.table_name)
  if not own and not (one and two) then return "a table's name" end
  local list = { one, two }
  table.sort(list)
  say(c, "DROP TABLE %s", quoted(own or table.concat(list, "_")))
end

function ops.drop_table(c, command)
  for _, arg in ipairs(command.args) do
    local table_name = text(c, arg)
    if not table_name then return "a table's name" end
    say(c, "DROP TABLE %s%s%s",
        is_true(c, command.kw.if_exists) and "IF EXISTS " or "",
        quoted(table_name),
        text(c, command.kw.force) == "cascade" and " CASCADE" or "")
    c.history.indexes[table_name] = nil
  end
end

function ops.rename_table(c, command)
  local old, new = text(c, command.args[1]), text(c, command.args[2])
  if not old or not new then return "a table's name" end
  say(c, "ALTER TABLE %s RENAME TO %s", quoted(old), name(values.bare(new)))
  local indexes = c.history.indexes[old] or {}
  local sorted = {}
  for index in pairs(indexes) do sorted[#sorted + 1] = index end
  table.sort(sorted)
  c.history.indexes[old], c.history.indexes[new] = nil, nil
  for _, index in ipairs(sorted) do
    local columns = indexes[index]
    local to = index
    if index == values.index_name(old, columns) then
      to = values.index_name(new, columns)
      say(c, "ALTER INDEX %s RENAME TO %s", name(index), name(to))
    end
    tables.remember(c, new, to, columns)
  end
end

-- Columns --------------------------------------------------------------------

function ops.add_column(c, command)
  local table_name, word = text(c, command.args[1]), text(c, command.args[2])
  local kind = text(c, command.args[3])
  if not table_name or not word or not kind then return "a column" end
  local kw, extra = command.kw, {}
  for key, node in pairs(kw) do extra[key] = node end
  extra.if_not_exists = nil
  local sql, problem = tables.column(c, word, kind, extra)
  if not sql then return problem end
  say(c, "ALTER TABLE %s ADD COLUMN %s%s", quoted(table_name),
      is_true(c, kw.if_not_exists) and "IF NOT EXISTS " or "", sql)
  tables.comment(c, table_name, word, kw)
end

function ops.add_columns(c, command)
  local kind = command.kw.type
  local kw = {}
  for key, node in pairs(command.kw) do kw[key] = node end
  kw.type = nil
  for i = 2, #command.args do
    local problem = ops.add_column(c, { kw = kw, args = {
      command.args[1], command.args[i], kind } })
    if problem then return problem end
  end
end

function ops.remove_column(c, command)
  local table_name, word = text(c, command.args[1]), text(c, command.args[2])
  if not table_name or not word then return "a column" end
  say(c, "ALTER TABLE %s DROP COLUMN %s%s", quoted(table_name),
      is_true(c, command.kw.if_exists) and "IF EXISTS " or "", name(word))
end

function ops.remove_columns(c, command)
  for i = 2, #command.args do
    local problem = ops.remove_column(c, { kw = {}, args = {
      command.args[1], command.args[i] } })
    if problem then return problem end
  end
end

function ops.rename_column(c, command)
  local table_name = text(c, command.args[1])
  local old, new = text(c, command.args[2]), text(c, command.args[3])
  if not table_name or not old or not new then return "a column" end
  say(c, "ALTER TABLE %s RENAME COLUMN %s TO %s", quoted(table_name),
      name(old), name(new))
  local indexes, sorted = c.history.indexes[table_name] or {}, {}
  for index in pairs(indexes) do sorted[#sorted + 1] = index end
  table.sort(sorted)
  for _, index in ipairs(sorted) do
    local columns, changed, there = indexes[index], {}, false
    for i, column in ipairs(columns) do
      changed[i] = column == old and new or column
      there = there or column == old
    end
    if there and index == values.index_name(table_name, columns) then
      local to = values.index_name(table_name, changed)
      say(c, "ALTER INDEX %s RENAME TO %s", name(index), name(to))
      indexes[index], indexes[to] = nil, changed
    elseif there then
      indexes[index] = changed
    end
  end
end

function ops.change_column(c, command)
  local table_name, word = text(c, command.args[1]), text(c, command.args[2])
  local kind = text(c, command.args[3])
  if not table_name or not word or not kind then return "a column" end
  local kw = command.kw
  local sql, problem = c.v:type(kind, kw, c.version)
  if not sql then return problem end
  local alter = ("ALTER TABLE %s ALTER COLUMN %s"):format(quoted(table_name),
                                                          name(word))
  local using = text(c, kw.using)
  local cast = text(c, kw.cast_as)
  if kw.using and not using then return "a column's conversion" end
  if cast then using = ("CAST(%s AS %s)"):format(name(word), cast) end
  say(c, "%s TYPE %s%s", alter, sql, using and " USING " .. using or "")
  if kw.default then
    local default
    default, problem = c.v:default(kw.default, kind)
    if problem then return problem end
    say(c, default and "%s SET DEFAULT %s" or "%s DROP DEFAULT", alter,
        default)
  end
  local null = kw.null and c.v:boolean(kw.null)
  if null ~= nil then
    say(c, "%s %s NOT NULL", alter, null and "DROP" or "SET")
  end
  tables.comment(c, table_name, word, kw)
end

function ops.change_column_null(c, command)
  local table_name, word = text(c, command.args[1]), text(c, command.args[2])
  local null = command.args[3] and c.v:boolean(command.args[3])
  if not table_name or not word or null == nil then return "a column" end
  if command.args[4] and not null and not c.v:is_nil(command.args[4]) then
    local default, problem = c.v:default(command.args[4], "string")
    if not default then return problem end
    say(c, "UPDATE %s SET %s = %s WHERE %s IS NULL", quoted(table_name),
        name(word), default, name(word))
  end
  say(c, "ALTER TABLE %s ALTER COLUMN %s %s NOT NULL", quoted(table_name),
      name(word), null and "DROP" or "SET")
end

function ops.change_column_default(c, command)
  local table_name, word = text(c, command.args[1]), text(c, command.args[2])
  local node = command.kw.to or command.args[3]
  if not table_name or not word or not node then return "a column" end
  local hash = c.v:hash(node)
  if hash and hash.to then node = hash.to end
  local default, problem = c.v:default(node, "")
  if problem then return problem end
  say(c, "ALTER TABLE %s ALTER COLUMN %s %s", quoted(table_name), name(word),
      default and "SET DEFAULT " .. default or "DROP DEFAULT")
end

function ops.change_column_comment() end
ops.change_table_comment = ops.change_column_comment

function ops.add_timestamps(c, command)
  for _, word in ipairs { "created_at", "updated_at" } do
    local problem = ops.add_column(c, { kw = stamps(c, command.kw), args = {
      command.args[1], { k = "sym", v = word },
      { k = "sym", v = "datetime" } } })
    if problem then return problem end
  end
end

function ops.remove_timestamps(c, command)
  return ops.remove_columns(c, { args = { command.args[1],
    { k = "sym", v = "updated_at" }, { k = "sym", v = "created_at" } } })
end

ops.text, ops.say = text, say
return ops
