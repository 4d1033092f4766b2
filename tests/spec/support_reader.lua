-- Helpers of reader_spec: ask the jailed reader as a driver would.
local json = require "dkjson"
local M = {}

M.build = os.getenv("RBRUN_BUILD") or "build"

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- Have text parsed; the answer of reader-ask as a table.
function M.ask(role, options, text, chunk)
  local name = os.tmpname()
  local file = assert(io.open(name, "wb"))
  assert(file:write(text))
  file:close()
  local pipe = assert(io.popen(("%s/tests/reader-ask %s %s %d < %s"):format(
    quote(M.build), role,
    quote(json.encode(setmetatable(options, { __jsontype = "object" }))),
    chunk or 65536, name)))
  local out = pipe:read "a"
  pipe:close()
  os.remove(name)
  return assert(json.decode(out), "reader-ask printed: " .. out)
end

--- files: {{name =, text =, ...}, ...} or one text. Returns the reply.
function M.sql(files, options)
  options = options or {}
  if type(files) == "string" then files = { { text = files } } end
  local texts = {}
  options.files = {}
  for i, file in ipairs(files) do
    texts[i] = file.text
    options.files[i] = { name = file.name or "file" .. i, bytes = #file.text,
                         format = file.format, direction = file.direction }
  end
  local answer = M.ask("sql", options, table.concat(texts))
  assert(answer.reply, answer.message)
  return answer.reply
end

--- All codes of a reply: reasons and cautions.
function M.codes(reply)
  local out = {}
  local function add(entry)
    for _, list in ipairs { entry.reasons or {}, entry.cautions or {} } do
      for _, reason in ipairs(list) do out[reason.code] = true end
    end
  end
  for _, file in ipairs(reply.files) do
    add(file)
    for _, statement in ipairs(file.statements) do add(statement) end
  end
  return out
end

return M
