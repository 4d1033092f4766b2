-- Real repositories for the specs, made by git itself.
local support = dofile "tests/spec/support_http.lua"
local json = require "dkjson"
local assert = require "luassert"

local M = {}
local Repo = {}
Repo.__index = Repo

--- An empty repository in a directory of its own.
function M.repository(options)
  local self = setmetatable({ clock = 1600000000 }, Repo)
  self.directory = support.directory()
  self.path = self.directory .. "/repo"
  self:git("init -q -b main " .. (options or "") .. " " .. self.path, true)
  return self
end

--- Run git; its output without the last newline. outside: not in it.
function Repo:git(arguments, outside)
  local person = ("GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null "
    .. "GIT_AUTHOR_NAME='Ann Author' GIT_AUTHOR_EMAIL=ann@example.org "
    .. "GIT_COMMITTER_NAME=Carl GIT_COMMITTER_EMAIL=carl@example.org "
    .. "GIT_AUTHOR_DATE='%d +0000' GIT_COMMITTER_DATE='%d +0000' ")
    :format(self.clock, self.clock)
  local command = person .. "git "
    .. (outside and "" or "-C " .. self.path .. " ") .. arguments
  local text, good = support.output(command .. " 2>&1")
  assert(good, command .. ": " .. text)
  return (text:gsub("\n$", ""))
end

function Repo:write(name, text)
  local path = self.path .. "/" .. name
  assert(os.execute("mkdir -p " .. support.quote(path:match "^(.*)/")))
  support.spew(path, text)
end

--- Commit files = { name = text, or false to remove }; the hash.
function Repo:commit(subject, files)
  self.clock = self.clock + 60
  for name, text in pairs(files or { ["app.txt"] = subject .. self.clock }) do
    if text then
      self:write(name, text)
    else
      os.remove(self.path .. "/" .. name)
    end
  end
  self:git "add -A"
  self:git("commit -q --allow-empty -m " .. support.quote(subject))
  return self:git "rev-parse HEAD"
end

--- Attach CI results: note("HEAD", "build: success").
function Repo:note(commit, text)
  self:git(("notes --ref=%s add -f -m %s %s"):format(self.notes or "ci",
    support.quote(text), commit))
end

function Repo:remove()
  support.remove(self.directory)
end

--- Answer one call on this repository.
function Repo:call(verb, args, binding)
  binding = binding or {}
  binding.path = binding.path or self.path
  return support.call("libgit2", verb, binding, args)
end

local GitHub = {}
GitHub.__index = GitHub

--- Start tests/tools/github.py with a world.
function M.github(world)
  local self = setmetatable({ directory = support.directory() }, GitHub)
  self:world(world)
  self.pipe = assert(io.popen(
    "exec python3 tests/tools/github.py " .. self.directory, "w"))
  self.port = support.eventually(function()
    return support.slurp(self.directory .. "/port")
  end, "the port of the fake GitHub")
  self.url = "http://127.0.0.1:" .. self.port
  return self
end

function GitHub:world(world)
  local path = self.directory .. "/world.json"
  support.spew(path .. ".new", json.encode(world))
  os.rename(path .. ".new", path)
end

--- What it was asked since the last question, oldest first.
function GitHub:requests()
  local list = {}
  local text = support.slurp(self.directory .. "/requests") or ""
  for line in text:gmatch "[^\n]+" do list[#list + 1] = json.decode(line) end
  os.remove(self.directory .. "/requests")
  return list
end

function GitHub:stop()
  self.pipe:close()
  support.remove(self.directory)
end

M.support = support
--- The answer failed so, with a message that holds all these texts.
function M.fails(answer, outcome, ...)
  assert.equal(outcome, answer.outcome, answer.message)
  for _, text in ipairs { ... } do
    assert.truthy(answer.message:find(text, 1, true),
      ("%q is not in: %s"):format(text, answer.message))
  end
end

--- The value of an answer that must be ok.
function M.good(answer)
  assert.equal("ok", answer.outcome, answer.message)
  return answer.value
end

return M
