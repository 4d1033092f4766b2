-- Helpers of the program_*_spec files: the reader's statements of migrations
-- that are programs, and two databases compared, one made by the tool itself
-- and one by those statements.
local P = require "support_postgres"
local reader = require "support_reader"
local M = { P = P, reader = reader }

M.root = P.output("pwd"):gsub("\n", "") .. "/tests/programs/"

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- Files below tests/programs as {name =, text =, format =, direction =}.
function M.files(format, names, direction)
  local out = {}
  for i, name in ipairs(names) do
    local path = M.root .. format .. "/" .. name
    out[i] = { name = name, text = assert(P.slurp(path), path),
               format = format, direction = direction }
  end
  return out
end

--- The reader's answer about files of one format.
function M.ask(files)
  return reader.sql(files, { mode = "history", closed = true,
                             want_text = true })
end

--- A file that holds `body`, as its format has it, and what is said of it.
function M.one(format, name, text, direction)
  local reply = M.ask { { name = name, text = text, format = format,
                          direction = direction } }
  local sql = {}
  for i, one in ipairs(reply.files[1].statements) do sql[i] = one.sql end
  return sql, reply.files[1]
end

--- All statements of a reply's files, from one on, as a script for psql.
function M.script(reply, first)
  local out = {}
  for i = first or 1, #reply.files do
    for _, one in ipairs(reply.files[i].statements) do
      out[#out + 1] = one.sql .. ";\n"
    end
  end
  return table.concat(out)
end

--- The unknown reasons of a file's entry: {line, text}.
function M.unknown(entry)
  local out = {}
  for _, reason in ipairs(entry.reasons) do
    if reason.level == "unknown" then
      out[#out + 1] = ("%d: %s"):format(reason.line or 0, reason.text)
    end
  end
  return out
end

--- A database's schema as text, without the tool's own ledger.
function M.dump(cluster, database)
  local hidden = ""
  for _, name in ipairs { "alembic_version", "django_migrations*",
                          "schema_migrations", "ar_internal_metadata" } do
    hidden = hidden .. " -T " .. quote(name)
  end
  local text, status = P.output(("pg_dump -s --no-owner -h %s -U postgres " ..
    "%s %s"):format(quote(cluster.socket), hidden, database))
  assert(status == 0, text)
  return (text:gsub("\n\\%a*restrict [^\n]*", ""))
end

--- Run the tool; its output is an error's text.
function M.run(format, command)
  local text, status = P.output(("cd %s && PYTHONDONTWRITEBYTECODE=1 %s 2>&1")
    :format(quote(M.root .. format), command))
  assert(status == 0, text)
end

return M
