-- Runs rbrun beside a worker that obeys a script (tests/tools/hostile_worker.c)
-- and looks at what is left of the run, for tests/spec/hostile_*_spec.lua.
local C = require "tests.spec.support_cli"
local assert = require "luassert"

local H = { null = {} }

H.SECRET = "tops3cret-hostile-value"

-- Canonical JSON ------------------------------------------------------------

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n",
  ["\r"] = "\\r", ["\t"] = "\\t" }

local function text(value)
  return '"' .. value:gsub('[%c"\\]', function(c)
    return escapes[c] or ("\\u%04x"):format(c:byte())
  end) .. '"'
end

--- A list, which may be empty.
function H.list(t)
  return setmetatable(t, { __name = "list" })
end

local function is_list(t)
  return getmetatable(t) ~= nil or #t > 0
end

function H.encode(value)
  if value == H.null then
    return "null"
  elseif type(value) == "string" then
    return text(value)
  elseif type(value) ~= "table" then
    return tostring(value)
  end
  local parts, keys = {}, {}
  if is_list(value) then
    for i, item in ipairs(value) do
      parts[i] = H.encode(item)
    end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for key in pairs(value) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  for i, key in ipairs(keys) do
    parts[i] = text(key) .. ":" .. H.encode(value[key])
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

--- A copy of a document with other fields; H.null takes one out.
function H.with(document, changes)
  local copy = {}
  for key, value in pairs(document) do
    copy[key] = value
  end
  for key, value in pairs(changes or {}) do
    copy[key] = value
    if value == H.null then
      copy[key] = nil
    end
  end
  return copy
end

-- Frames --------------------------------------------------------------------

H.type = { START = 1, MODULE = 2, SOURCE = 3, LOADED = 4, RUN = 5, CALL = 6,
  RESULT = 7, EVENT = 8, CANCEL = 9, STOP = 10, UNDO = 11, DONE = 12,
  FAIL = 13, WAIT = 14 }

--- Lines of a script: a frame of that type. document: a table, or the text
--- as it is. flags: 1 says that the worker waits.
function H.frame(name, document, flags, call)
  if type(document) ~= "string" then
    document = H.encode(document)
  end
  return ("frame %d %d %d %s"):format(H.type[name] or name, flags or 0,
    call or 0, document)
end

function H.take(name)
  return "take " .. H.type[name]
end

--- A header alone, in hex, with fields that no honest writer would set.
function H.header(h)
  local bytes = string.pack("<I4I4BBI2I4", h.size or 2, h.body or 0,
    h.type or H.type.WAIT, h.flags or 1, h.zero or 0, h.call or 0)
  return (bytes:gsub(".", function(c)
    return ("%02x"):format(c:byte())
  end))
end

--- A frame as bytes: its document may hold any.
function H.bytes(name, document, flags, call)
  return string.pack("<I4I4BBI2I4", #document, 0, H.type[name], flags or 0, 0,
    call or 0) .. document
end

--- Bytes as a line.
function H.raw(bytes)
  return "raw " .. bytes:gsub(".", function(c)
    return ("%02x"):format(c:byte())
  end)
end

-- The honest beginning ------------------------------------------------------

H.BOOK = [[
runbook { service = "shop", summary = "t", uses = { "*" },
  inputs = { to = "text=v1" } }
function run(input)
  deploy.current { target = "shop" }
  undo("back", function() deploy.release { version = "v2" } end)
  deploy.release { target = "shop", version = input.to }
  command.run { command = "slow" }
end
]]

H.LOADED = { has_run = true, jail = { "rlimits", "no_new_privs", "seccomp" },
  modules = H.list {}, header = { service = "shop", summary = "t",
  uses = { "*" }, inputs = { to = "text=v1" } } }

H.READ = { verb = "deploy.current", args = { target = "shop" }, step = "",
  undoing = false, file = "book.lua", line = 4 }
H.REGISTER = { kind = "undo", id = 1, what = "back", file = "book.lua",
  line = 5 }
H.WRITE = { verb = "deploy.release", step = "", undoing = false,
  args = { target = "shop", version = "v1" }, file = "book.lua", line = 6 }
H.SLOW = { verb = "command.run", args = { command = "slow" }, step = "",
  undoing = false, file = "book.lua", line = 7 }
H.BACK = { verb = "deploy.release", step = "undo: back", undoing = true,
  undo = 1, args = { version = "v2" }, file = "book.lua",
  line = 5 }
H.DONE = { ended = "finished", result = { as = "recovered" }, undone = 0,
  undo_failed = 0 }
H.FAILED = { ended = "failed", error = { message = "no" }, undone = 1,
  undo_failed = 0 }

-- Each begins where the one before it ends.
local stages = {
  { "start", { H.take "START" } },
  { "loaded", { H.frame("LOADED", H.LOADED, 1), H.take "RUN" } },
  { "read", { H.frame("CALL", H.READ, 1, 1), H.take "RESULT" } },
  { "registered", { H.frame("EVENT", H.REGISTER) } },
  { "written", { H.frame("CALL", H.WRITE, 1, 2), H.take "RESULT" } },
  { "writing", { H.frame("CALL", H.SLOW, 1, 3), "await @/slow" } },
}

--- The lines up to a stage's end. mode: "live" or "plan".
function H.upto(stage, mode)
  local lines = { "at run " .. (mode or "live") }
  for _, row in ipairs(stages) do
    for _, line in ipairs(row[2]) do
      lines[#lines + 1] = line
    end
    if row[1] == stage then
      return lines
    end
  end
  error("no stage " .. stage)
end

-- The whole run -------------------------------------------------------------

-- One shell for all that is asked after a run.
local CASE = [[
#!/bin/sh
cd "$(dirname "$0")" || exit 1
export RBRUN_STATE="$PWD/state" HOSTILE_SECRET="]] .. H.SECRET .. [["
unset RBRUN_ENVIRONMENT
[ -n "$KEEP" ] || rm -rf state world.json
rm -f slow once
[ $# -gt 0 ] || set -- run --yes runbooks/book.lua
timeout -k 5 100 bin/rbrun "$@" </dev/null >out 2>err
echo "status $?"
ls -l /proc/[0-9]*/exe 2>/dev/null | grep -cF "$PWD/bin/" | sed 's/^/left /'
for lock in state/locks/*; do
  [ ! -e "$lock" ] || flock -n "$lock" true || echo "locked $lock"
done
grep -rlF "$HOSTILE_SECRET" out err state 2>/dev/null | sed 's/^/leak /'
for run in state/runs/*; do
  [ -e "$run" ] || continue
  echo "run ${run##*/}"
  bin/rbrun verify "${run##*/}" >verified 2>&1
  echo "verified $?"
done
]]

local function real(name)
  return C.build .. "/" .. name
end

function H.open()
  C.open()
  C.sh("mkdir bin && cp %s bin/rbrun && cp %s bin/rbrun-worker",
    C.quote(real "rbrun"), C.quote(real "tests/hostile-worker"))
  C.sh("ln -s %s bin/real-worker", C.quote(real "rbrun-worker"))
  for _, name in ipairs { "rbrun-curl.so", "rbrun-git.so", "rbrun-pg.so",
    "rbrun-reader" } do
    C.sh("ln -s %s bin/%s", C.quote(real(name)), name)
  end
  C.write("runbooks/book.lua", H.BOOK)
  H.environment()
  C.write("case", CASE)
  C.sh "chmod +x case"
end

H.close = C.close

--- The environment. slow: what the shell does in the slow command; limits:
--- a line; grants: their list.
function H.environment(slow, limits, grants)
  C.write("runbooks/environments/lab.lua", ([[
return { name = "lab",
  deploy = { shop = { driver = "memory", version = "env:HOSTILE_SECRET",
    releases = { "v1", "v2" }, state = "../../world.json" } },
  flag = { f = { driver = "memory", flags = { new = true },
    state = "../../world.json" } },
  notify = { chat = { driver = "memory", state = "../../world.json" } },
  command = { slow = { driver = "command", argv = { "/bin/sh", "-c",
    "touch %s/slow; %s" } } },
  %s
  grants = { ["book.lua"] = { %s } },
}
]]):format(C.directory, slow or "sleep 0.1", limits or "",
    grants or '"* *"'))
end

--- Run rbrun with these lines as its worker. arguments: other than those of
--- a new run; what was there before is then kept. Returns what there is to
--- see.
function H.run(lines, arguments)
  local seen = { locked = {}, leaks = {} }
  C.write("bin/script", (table.concat(lines, "\n") .. "\n")
    :gsub("@/", C.directory .. "/"))
  local said = C.sh("%s ./case %s", arguments and "KEEP=1" or "",
    arguments or "")
  for word, rest in said:gmatch "(%w+) ([^\n]*)" do
    if word == "leak" or word == "locked" then
      local list = word == "leak" and seen.leaks or seen.locked
      list[#list + 1] = rest
    else
      seen[word] = tonumber(rest) or rest
    end
  end
  seen.out, seen.err = C.read "out", C.read "err"
  seen.all = seen.out .. seen.err
  seen.journal = seen.run and C.journal(seen.run) or ""
  return seen
end

--- What is the same for all: nothing is left, nothing leaks, nothing drives
--- the terminal. Returns what is wrong, or nil.
function H.wrong(seen)
  if seen.left ~= 0 then
    return seen.left .. " processes are left"
  elseif #seen.locked > 0 then
    return "still locked: " .. seen.locked[1]
  elseif #seen.leaks > 0 then
    return "a secret is in " .. seen.leaks[1]
  elseif seen.all:find "Sanitizer" or seen.all:find "runtime error" then
    return "the engine is not sound"
  elseif seen.all:find "[\0-\8\11-\31\127]"
    or seen.all:find("\u{9b}", 1, true) then
    return "control characters reach the terminal"
  elseif seen.verified and seen.verified ~= 0 then
    return "the journal is not whole: " .. C.read "verified"
  elseif not seen.all:find "\nnext: " then
    return "it does not say what to do next"
  end
end

-- Rows -----------------------------------------------------------------------

--- A script that goes on behind a stage with lines, or one line.
function H.script(stage, lines, mode)
  local script = H.upto(stage, mode)
  for _, line in ipairs(type(lines) == "table" and lines or { lines }) do
    script[#script + 1] = line
  end
  return script
end

--- One run. row: name, stage, lines, exit status, what is said; journal: a
--- text that the journal must hold. Returns what there is to see.
function H.check(row)
  local seen = H.run(H.script(row[2], row[3]))
  assert.is_nil(H.wrong(seen), seen.all)
  assert.are.equal(row[4], seen.status, seen.all)
  assert.truthy(seen.all:find(row[5], 1, true), seen.all)
  local held = row.journal or '"verdict":"violation"'
  assert.truthy(seen.journal:find(held, 1, true), seen.journal)
  return seen
end

--- A test for each row. it: busted's, which only a spec's file knows.
function H.each(it, rows)
  for _, row in ipairs(rows) do
    it(row[1], function()
      H.check(row)
    end)
  end
end

H.cli = C
return H
