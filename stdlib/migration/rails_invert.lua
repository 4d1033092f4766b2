-- luacheck: globals host migration
--- The way back of `change`: each command's opposite, as Rails' recorder
--- knows it. A command without one cannot be reverted.
--- Source: active_record/migration/command_recorder.rb (6.1 to 7.1).

local invert = {}

local function renamed(name)
  return function(command)
    local out = {}
    for k, v in pairs(command) do out[k] = v end
    out.name = name
    return out
  end
end

local function pair(a, b)
  invert[a], invert[b] = renamed(b), renamed(a)
end

pair("create_join_table", "drop_join_table")
pair("add_timestamps", "remove_timestamps")
pair("add_reference", "remove_reference")
pair("add_belongs_to", "remove_belongs_to")
pair("enable_extension", "disable_extension")
pair("create_schema", "drop_schema")

local function with_args(command, args, kw, name)
  local out = {}
  for k, v in pairs(command) do out[k] = v end
  out.args, out.kw, out.name = args, kw or {}, name or command.name
  return out
end

local function some(kw, keys)
  local out = {}
  for _, key in ipairs(keys) do out[key] = kw[key] end
  return out
end

function invert.create_table(command)
  return with_args(command, { command.args[1] },
                   some(command.kw, { "if_exists" }), "drop_table")
end

--- Only with the block that made it.
function invert.drop_table(command)
  if not command.block or #command.args ~= 1 then return nil end
  local out = renamed("create_table")(command)
  out.kw = {}
  for key, node in pairs(command.kw) do
    if key ~= "force" and key ~= "if_exists" then out.kw[key] = node end
  end
  return out
end

function invert.add_column(command)
  return with_args(command, { command.args[1], command.args[2] },
                   some(command.kw, { "if_exists" }), "remove_column")
end

function invert.remove_column(command)
  if not command.args[3] then return nil end
  return with_args(command, command.args, command.kw, "add_column")
end

function invert.add_columns(command)
  return with_args(command, command.args, {}, "remove_columns")
end

function invert.remove_columns(command)
  if not command.kw.type then return nil end
  return with_args(command, command.args, command.kw, "add_columns")
end

local function swapped(command, a, b)
  local args = table.move(command.args, 1, #command.args, 1, {})
  args[a], args[b] = args[b], args[a]
  return with_args(command, args, command.kw)
end

function invert.rename_table(command) return swapped(command, 1, 2) end
function invert.rename_column(command) return swapped(command, 2, 3) end
invert.rename_index = invert.rename_column

function invert.rename_enum(command)
  if not command.kw.to then return swapped(command, 1, 2) end
  return with_args(command, { command.kw.to }, { to = command.args[1] })
end

function invert.rename_enum_value(command)
  return with_args(command, command.args, { from = command.kw.to,
                                            to = command.kw.from })
end

function invert.add_index(command)
  local kw = some(command.kw, { "name", "algorithm" })
  return with_args(command, { command.args[1], command.args[2] }, kw,
                   "remove_index")
end

function invert.remove_index(command)
  local kw = {}
  for key, node in pairs(command.kw) do kw[key] = node end
  local column = command.args[2] or kw.column
  if not column then return nil end
  kw.column, kw.if_exists = nil, nil
  return with_args(command, { command.args[1], column }, kw, "add_index")
end

function invert.add_foreign_key(command)
  return with_args(command, command.args,
                   some(command.kw, { "column", "name" }),
                   "remove_foreign_key")
end

function invert.remove_foreign_key(command)
  local to = command.args[2] or command.kw.to_table
  if not to then return nil end
  local kw = {}
  for key, node in pairs(command.kw) do kw[key] = node end
  kw.to_table, kw.if_exists = nil, nil
  return with_args(command, { command.args[1], to }, kw, "add_foreign_key")
end

function invert.add_check_constraint(command)
  return with_args(command, command.args, some(command.kw, { "name" }),
                   "remove_check_constraint")
end

function invert.remove_check_constraint(command)
  if not command.args[2] then return nil end
  return with_args(command, command.args, command.kw, "add_check_constraint")
end

function invert.change_column_default(command)
  local kw = command.kw
  if not kw.from or not kw.to then return nil end
  return with_args(command, command.args, { from = kw.to, to = kw.from })
end

function invert.change_column_null(command)
  local null = command.args[3]
  if not null or null.k ~= "const" then return nil end
  local args = table.move(command.args, 1, 2, 1, {})
  args[3] = { k = "const", at = null.at,
              v = null.v == "true" and "false" or "true" }
  args[4] = command.args[4]
  return with_args(command, args, {})
end

function invert.create_enum(command)
  return with_args(command, { command.args[1] }, {}, "drop_enum")
end

function invert.drop_enum(command)
  if not command.args[2] then return nil end
  return with_args(command, command.args, {}, "create_enum")
end

local function nothing(command)
  return with_args(command, command.args, {}, "change_table_comment")
end
invert.validate_foreign_key, invert.validate_check_constraint = nothing,
  nothing
invert.validate_constraint = nothing
invert.change_table_comment, invert.change_column_comment = nothing, nothing

return invert
