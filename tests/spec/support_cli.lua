-- A scratch folder with a runbook and an environment, and rbrun run in it,
-- for the specs of the command line.

local C = {}

local function shell(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "a"
  pipe:close()
  return text
end

local build = os.getenv "RBRUN_BUILD" or "build"
C.build = shell("cd '" .. build .. "' && pwd"):gsub("\n", "")
C.rbrun = C.build .. "/rbrun"
C.root = shell "pwd":gsub("\n", "")

-- A build with sanitizers has no seccomp and no Landlock, and some kernels
-- have no Landlock. Doctor says so, and so does each run: C.run takes that
-- line away unless C.warned is set.
C.sanitized = C.build:match "asan" ~= nil
C.warned = false

function C.quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- Open a scratch folder; files are named below it from now on.
function C.open()
  C.directory = shell "mktemp -d":gsub("\n", "")
  assert(C.directory:sub(1, 1) == "/", "mktemp made no folder")
  C.state = C.directory .. "/state"
  assert(os.execute("mkdir -p " .. C.directory .. "/runbooks/environments"))
end

function C.close()
  -- An engine whose terminal has just gone is still writing its last record.
  for _ = 1, 50 do
    if os.execute("rm -rf " .. C.directory .. " 2>/dev/null") then return end
    os.execute "sleep 0.1"
  end
  assert(os.execute("rm -rf " .. C.directory))
end

function C.path(name)
  return C.directory .. "/" .. name
end

function C.read(name)
  local file = io.open(C.path(name), "rb")
  local text = file and file:read "a"
  if file then
    file:close()
  end
  return text
end

function C.write(name, text)
  local file = assert(io.open(C.path(name), "wb"))
  file:write(text)
  file:close()
end

C.HEADER = [[runbook { service = "shop", summary = "t", uses = { "*" },
  inputs = { to = "text=v1" } }
]]

--- runbooks/book.lua: the body of run(input) behind a header of two lines,
--- so that its first line is line 3.
function C.book(body, header)
  C.write("runbooks/book.lua", (header or C.HEADER)
    .. "function run(input) " .. body .. "\nend\n")
end

C.BINDINGS = [[
  deploy = { shop = { driver = "memory", version = "v2",
    releases = { "v1", "v2" }, state = "../../world.json" } },
  metric = { m = { driver = "memory", values = { errors = 0.2 } } },
  flag = { f = { driver = "memory", flags = { new = true },
    state = "../../world.json" } },
  notify = { chat = { driver = "memory", state = "../../world.json" } },
]]

--- runbooks/environments/lab.lua with these bindings (and more lines).
function C.environment(bindings, more)
  C.write("runbooks/environments/lab.lua", "return { name = \"lab\",\n"
    .. (bindings or C.BINDINGS) .. (more or "")
    .. "grants = { [\"book.lua\"] = { \"* *\" } } }\n")
end

--- The command line that runs rbrun there. settings: environment variables
--- as "A=b C=d".
function C.command(arguments, settings)
  return ("cd %s && env -u RBRUN_ENVIRONMENT RBRUN_STATE=%s %s %s %s")
    :format(C.directory, C.state, settings or "", C.quote(C.rbrun), arguments)
end

--- What a run said, without what it says of this machine's jail.
function C.without_warning(text)
  return (text:gsub("warning: the runbook's jail lacks [^\n]+\n", "", 1))
end

--- Run it: {status, out, err, all}. input: what stands on standard input.
function C.run(arguments, settings, input)
  C.write("stdin", input or "")
  local status = shell(("( %s ) <%s/stdin >%s/out 2>%s/err; echo $?"):format(
    C.command(arguments, settings), C.directory, C.directory, C.directory))
  local out, err = C.read "out", C.read "err"
  if not C.warned then
    err = C.without_warning(err)
  end
  return { status = tonumber(status), out = out, err = err, all = out .. err }
end

--- The plan's id, as an option: consent to a plan that foresees a failure.
function C.agreed(arguments)
  local said = C.run("plan " .. arguments .. " --json")
  return " --plan " .. C.jq(said.out, "select(.event == \"plan\").id")
end

--- Run a command in the folder; its output.
function C.sh(command, ...)
  return shell(("cd %s && "):format(C.directory) .. command:format(...))
end

--- What jq makes of a text; fails when a line is no JSON.
function C.jq(text, filter)
  C.write("jq.json", text)
  local answer = C.sh("jq -c -r %s jq.json 2>&1; echo \" $?\"",
    C.quote(filter))
  local said, status = answer:match "^(.*) (%d+)\n$"
  assert(status == "0", "jq: " .. said .. "\n" .. text)
  return (said:gsub("\n$", ""))
end

--- Run it, and kill it as soon as its journal names this verb.
function C.killed_at(verb, arguments)
  C.write("start.sh", (C.command(arguments):gsub("&& env ", "&& exec env ", 1))
    .. " >log 2>&1\n")
  C.sh([[(sh start.sh & run=$!
    for i in $(seq 200); do
      grep -qs '"%s"' state/runs/*/journal.ndjson && break
      sleep 0.1
    done
    kill -9 $run)]], verb)
end

--- The names of the runs there are.
function C.runs()
  local list = {}
  for name in C.sh("ls state/runs 2>/dev/null"):gmatch "[^\n]+" do
    list[#list + 1] = name
  end
  return list
end

--- A run's journal.
function C.journal(id)
  return C.read("state/runs/" .. (id or C.runs()[1]) .. "/journal.ndjson")
end

return C
