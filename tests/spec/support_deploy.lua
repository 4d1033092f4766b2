-- Helpers of the specs for drivers that run programs, switch links and talk
-- to HAProxy: a scratch directory, one driver call, background processes.
local json = require "dkjson"
local M = {}

local build = os.getenv "RBRUN_BUILD" or "build"

function M.quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

function M.output(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "a"
  local _, _, status = pipe:close()
  return text, status
end

local here = M.output("pwd"):gsub("\n", "")
if build:sub(1, 1) ~= "/" then build = here .. "/" .. build end

function M.slurp(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read "a"
  file:close()
  return text
end

function M.spew(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  assert(file:close())
  return path
end

--- A fresh directory; remove it with M.remove.
function M.scratch()
  return (M.output "mktemp -d":gsub("\n", ""))
end

function M.remove(path)
  assert(path:match "^/.+/.+")
  os.execute("rm -rf " .. M.quote(path))
end

--- Until what() gives something true; fails the test after 20 s.
function M.eventually(what, whatfor)
  local limit = os.time() + 20
  repeat
    local value = what()
    if value then return value end
    os.execute "sleep 0.02"
  until os.time() > limit
  error("waited 20 s for " .. whatfor)
end

--- The command line of one call in directory, without redirections.
-- call: driver, verb, binding, args, probe, mode, key
function M.command(directory, call)
  local binding = M.spew(directory .. "/binding.json",
                         json.encode(call.binding))
  local args = M.spew(directory .. "/args.json",
                      json.encode(setmetatable(call.args or {},
                                                  { __jsontype = "object" })))
  return table.concat({
    "cd", M.quote(directory), "&& ARTIFACTS=" .. M.quote(directory .. "/run"),
    call.environment or "",
    M.quote(build .. "/tests/driver-call"), call.driver, call.verb, binding,
    args, call.mode or call.probe and "probe" or "call", call.key or "",
  }, " ")
end

--- Make the call; its answer: outcome, value, message.
function M.call(directory, call)
  local text = M.output(M.command(directory, call) ..
                        " 2>>" .. M.quote(directory .. "/progress"))
  return assert(json.decode(text), "no answer: " .. text)
end

--- Start a command in the background; its process id.
function M.start(command, log)
  local text = M.output(("exec %s >%s 2>&1 & echo $!"):format(
    command, M.quote(log or "/dev/null")))
  return tonumber(text)
end

--- Whether a process is there and not merely waiting to be collected.
function M.alive(pid)
  local status = M.slurp(("/proc/%d/stat"):format(pid))
  return status ~= nil and status:match "%) (%a)" ~= "Z"
end

function M.kill(pid, signal)
  os.execute(("kill -%s %d 2>/dev/null"):format(signal or "KILL", pid))
end

function M.stop(pid)
  M.kill(pid)
  M.eventually(function() return not M.alive(pid) end, "a process to end")
end

--- Ports of 127.0.0.1 that nobody listens on.
function M.ports(count)
  local text = M.output(("python3 -c %s %d"):format(M.quote [[
import socket, sys
held = [socket.socket() for _ in range(int(sys.argv[1]))]
for s in held:
    s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in held))
]], count))
  local ports = {}
  for port in text:gmatch "%d+" do ports[#ports + 1] = tonumber(port) end
  assert(#ports == count)
  return ports
end

return M
