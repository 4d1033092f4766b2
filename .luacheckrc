-- luacheck for all Lua of the project. What runbooks may name comes from the
-- engine's own table of verbs, so it needs a build: build/, or RBRUN_BUILD.
local build = os.getenv "RBRUN_BUILD" or "build"
local pipe = assert(io.popen(build .. "/rbrun generate luacheck"))
local text = pipe:read "*a"
pipe:close()
assert(#text > 0, build .. "/rbrun says nothing; build it first")

local runbook = {}
local set = loadstring or load -- luacheck itself runs on Lua 5.1
local chunk = assert(set(text))
if setfenv then setfenv(chunk, runbook) end
chunk()

std = "lua54"
max_line_length = 80
cache = false
files["runbooks"] = runbook
files["examples"] = runbook
files["stdlib"] = runbook
files["tests/bench"] = runbook
files["tests/determinism"] = runbook
files["tests/spec"] = { std = "+busted" }
files["tests/sandbox"] = { std = "+busted" }
