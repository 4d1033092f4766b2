-- Helpers of the specs that drive one driver against a peer.
local json = require "dkjson"
local M = {}

M.build = os.getenv("RBRUN_BUILD") or "build"

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end
M.quote = quote

local function slurp(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read "a"
  file:close()
  return text
end
M.slurp = slurp

function M.spew(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  assert(file:close())
end

--- A fresh directory; the caller removes it.
function M.directory()
  local pipe = assert(io.popen("mktemp -d"))
  local path = pipe:read "l"
  pipe:close()
  return path
end

function M.remove(path)
  assert(path:match "^/.+/.+")
  os.execute("rm -rf " .. quote(path))
end

--- Run a command; its standard output.
function M.output(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "a"
  return text, pipe:close()
end

-- Until what() gives something true; fails the test after 30 s.
function M.eventually(what, whatfor)
  local limit = os.time() + 30
  repeat
    local value = what()
    if value then return value end
    os.execute "sleep 0.05"
  until os.time() > limit
  error("waited 30 s for " .. whatfor)
end

local Peer = {}
Peer.__index = Peer

--- Start tests/tools/peer.py; it ends with this process at the latest.
function M.peer(kind, script, arguments)
  local self = setmetatable({ directory = M.directory() }, Peer)
  if script then self:script(script) end
  self.pipe = assert(io.popen(("exec python3 tests/tools/peer.py %s %s %s")
    :format(kind, self.directory, arguments or ""), "w"))
  self.port = M.eventually(function()
    return slurp(self.directory .. "/port")
  end, "the peer's port")
  return self
end

function Peer:script(answers)
  for i, answer in ipairs(answers) do
    answers[i] = setmetatable(answer, { __jsontype = "object" })
  end
  M.spew(self.directory .. "/script.new", json.encode(answers))
  os.rename(self.directory .. "/script.new", self.directory .. "/script")
end

function Peer:url(path)
  return "http://127.0.0.1:" .. self.port .. (path or "")
end

--- What it was sent since the last question, oldest first.
function Peer:requests()
  local list = {}
  local text = slurp(self.directory .. "/requests") or ""
  for line, past in text:gmatch("([^\n]+)\n()", self.read or 1) do
    list[#list + 1] = json.decode(line)
    self.read = past
  end
  return list
end

function Peer:stop()
  self.pipe:close()
  M.remove(self.directory)
end

--- A port that nobody listens on, now.
function M.closed_port()
  return (M.output [[python3 -c '
import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])']]):match "%d+"
end

--- Answer one call with one driver. more: key, mode, changed_at, artifacts,
--- timeout. Returns the outcome's table and what was said meanwhile.
function M.call(driver, verb, binding, args, more)
  more = more or {}
  local noise = os.tmpname()
  local empty = { __jsontype = "object" }
  local function object(t)
    return quote(json.encode(next(t) and t or setmetatable({}, empty)))
  end
  local command = ("CHANGED_AT=%s ARTIFACTS=%s %s/tests/driver-call %s %s "
    .. "%s %s %s %s 2>%s"):format(more.changed_at or 0,
    quote(more.artifacts or "/nonexistent"), M.build, driver, verb,
    object(binding), object(args), more.mode or "call",
    more.key or ("0123456789abcdef"):rep(4), noise)
  local text = M.output(command)
  local said = slurp(noise)
  os.remove(noise)
  local answer = json.decode(text)
  assert(answer, verb .. " said nothing: " .. text .. said)
  return answer, said
end

--- A certificate for 127.0.0.1 in directory: cert.pem and key.pem.
function M.certificate(directory)
  assert(os.execute(("openssl req -x509 -newkey rsa:2048 -nodes -days 2 "
    .. "-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 "
    .. "-keyout %s/key.pem -out %s/cert.pem 2>/dev/null")
    :format(directory, directory)))
  return ("--cert %s/cert.pem --key %s/key.pem"):format(directory, directory)
end

return M
