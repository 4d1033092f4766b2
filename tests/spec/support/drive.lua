-- Drives a worker through build/tests/worker-drive, for the specs.
local drive = {}

--- After so many seconds a worker that does not end is a failure.
drive.SECONDS = 60

local build = os.getenv("RBRUN_BUILD") or "build"

-- JSON, as far as scripts and frames need it -------------------------------

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n",
  ["\r"] = "\\r", ["\t"] = "\\t" }

local function encode(value)
  local kind = type(value)
  if kind == "string" then
    return '"' .. value:gsub('[%c"\\]', function(c)
      return escapes[c] or ("\\u%04x"):format(c:byte())
    end) .. '"'
  elseif kind ~= "table" then
    return tostring(value)
  end
  local parts = {}
  if #value > 0 then
    for i, item in ipairs(value) do
      parts[i] = encode(item)
    end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for key, item in pairs(value) do
    parts[#parts + 1] = encode(key) .. ":" .. encode(item)
  end
  return "{" .. table.concat(parts, ",") .. "}"
end
drive.encode = encode

local decode_at

local function decode_text(text, at)
  local parts = {}
  at = at + 1
  while true do
    local from, to, c = text:find('([\\"])', at)
    parts[#parts + 1] = text:sub(at, from - 1)
    if c == '"' then
      return table.concat(parts), to + 1
    end
    local e = text:sub(to + 1, to + 1)
    at = to + 2
    if e == "u" then
      parts[#parts + 1] = utf8.char(tonumber(text:sub(at, at + 3), 16))
      at = at + 4
    else
      parts[#parts + 1] = ({ n = "\n", r = "\r", t = "\t" })[e] or e
    end
  end
end

local function decode_list(text, at)
  local list = {}
  at = at + 1
  while text:sub(at, at) ~= "]" do
    list[#list + 1], at = decode_at(text, at)
    at = text:sub(at, at) == "," and at + 1 or at
  end
  return list, at + 1
end

local function decode_object(text, at)
  local object = {}
  at = at + 1
  while text:sub(at, at) ~= "}" do
    local key, colon = decode_text(text, at)
    object[key], at = decode_at(text, colon + 1)
    at = text:sub(at, at) == "," and at + 1 or at
  end
  return object, at + 1
end

function decode_at(text, at)
  local c = text:sub(at, at)
  if c == '"' then
    return decode_text(text, at)
  elseif c == "[" then
    return decode_list(text, at)
  elseif c == "{" then
    return decode_object(text, at)
  end
  local word = text:match("^[%w%.%+%-]+", at)
  if word == "true" or word == "false" then
    return word == "true", at + #word
  elseif word == "null" then
    return nil, at + #word
  end
  return tonumber(word), at + #word
end

-- Files --------------------------------------------------------------------

local function write(path, text)
  local f = assert(io.open(path, "wb"))
  f:write(text)
  f:close()
end

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- The header that every small runbook needs.
drive.header = [[runbook { service = "s", summary = "t", uses = { "*" } } ]]

--- Run a file's text. Returns {frames, text, exit, page, instructions}: the
--- frames are {type, call, blocked, doc}; exit is "exit 0" or "signal 9".
function drive.file(source, script, role)
  local path = os.tmpname()
  script = script or {}
  script.source = nil
  write(path .. ".json", encode(script))
  write(path, source)
  script.start = script.start or {}
  script.start.source_name = script.start.source_name or "book.lua"
  write(path .. ".json", encode(script))
  local pipe = io.popen(("timeout -k 1 %d %s/tests/worker-drive "
    .. "%s/rbrun-worker %s %s %s 2>/dev/null"):format(drive.SECONDS,
    quote(build), quote(build), role or "run", quote(path),
    quote(path .. ".json")))
  local text = pipe:read("a")
  pipe:close()
  os.remove(path)
  os.remove(path .. ".json")
  local result = { frames = {}, text = text }
  for line in text:gmatch("[^\n]+") do
    local name, mark, call, doc = line:match("^(%u+)(!?) (%d+) (.*)$")
    if name then
      result.frames[#result.frames + 1] = { type = name,
        call = tonumber(call), blocked = mark == "!",
        doc = (decode_at(doc, 1)) }
    elseif line:match("^page") then
      result.page = line
    elseif line:match("^instructions") then
      result.instructions = tonumber(line:match("%d+"))
    else
      result.exit = line
    end
  end
  return result
end

--- Run the body of run(input) behind a header; top comes before it. All on
--- the first line up to the body, so that its lines count from 1.
function drive.body(body, script, top)
  return drive.file(drive.header .. (top or "") .. " function run(input) "
    .. body .. "\nend\n", script)
end

--- All frames of a type.
function drive.all(result, kind)
  local list = {}
  for _, frame in ipairs(result.frames) do
    if frame.type == kind then
      list[#list + 1] = frame
    end
  end
  return list
end

--- The last DONE or FAIL document.
function drive.last(result)
  for i = #result.frames, 1, -1 do
    local frame = result.frames[i]
    if frame.type == "DONE" or frame.type == "FAIL" then
      return frame.doc, frame.type
    end
  end
  error("the worker did not end by itself: " .. result.text, 2)
end

--- The texts that the runbook logged.
function drive.logs(result)
  local list = {}
  for _, frame in ipairs(drive.all(result, "EVENT")) do
    if frame.doc.kind == "log" then
      list[#list + 1] = frame.doc.text
    end
  end
  return list
end

--- The verbs called, in order, with what `show` makes of each.
function drive.calls(result)
  local list = {}
  for _, frame in ipairs(drive.all(result, "CALL")) do
    list[#list + 1] = frame.doc
  end
  return list
end

--- What body() fails with: the message, and the whole error.
function drive.message(source, script, top)
  local doc, kind = drive.last(drive.body(source, script, top))
  if kind ~= "DONE" or doc.ended ~= "failed" then
    error("the run did not fail: " .. encode(doc), 2)
  end
  return doc.error.message, doc.error
end

--- What body() logs, a line a call; the run must have finished.
function drive.logged(source, script, top)
  local result = drive.body(source, script, top)
  if drive.last(result).ended ~= "finished" or result.exit ~= "exit 0" then
    error("the run did not finish: " .. result.text, 2)
  end
  return table.concat(drive.logs(result), "\n")
end

return drive
