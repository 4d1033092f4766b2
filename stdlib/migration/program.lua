-- luacheck: globals host migration
--- What the readers of Python and Ruby migrations share: PostgreSQL's
--- spelling of names and values, and the list of statements they make.

local program = {}

--- Always quoted: the tools keep the case that the program wrote.
function program.name(text)
  return '"' .. text:gsub('"', '""') .. '"'
end
local name = program.name

function program.qualified(schema, text)
  if schema then return name(schema) .. "." .. name(text) end
  return name(text)
end

function program.names(list)
  local out = {}
  for i, text in ipairs(list) do out[i] = name(text) end
  return table.concat(out, ", ")
end

--- A text as a literal; standard_conforming_strings is on.
function program.literal(text)
  return "'" .. text:gsub("'", "''") .. "'"
end

--- The first characters of a text in one line.
function program.excerpt(text)
  local line = text:gsub("%s+", " ")
  if #line <= 72 then return line end
  line = line:sub(1, 72)
  while #line > 0 and not utf8.len(line) do line = line:sub(1, -2) end
  return line .. " .."
end

-- The statements of one direction of one file --------------------------------

local list = {}
list.__index = list

--- items: {line =, sql =} as in the contract of translate (programs.lua).
function program.list()
  return setmetatable({ items = {} }, list)
end

--- A statement. `at_line` is the line at which the SQL text itself begins
--- where the file holds it as it is, so that each line of it can be named.
function list:sql(line, text, extra)
  local item = { line = line, sql = text }
  for k, v in pairs(extra or {}) do item[k] = v end
  if self.alone then item.alone = true end
  self.items[#self.items + 1] = item
  return item
end

--- What cannot be told. code: dynamic_sql (it may change the schema) or
--- not_judged.
function list:unknown(line, text, code)
  self.items[#self.items + 1] = { line = line, unknown = text,
                                  code = code or "dynamic_sql" }
end

return program
