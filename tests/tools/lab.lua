-- A lab of one's own for a spec, and what a visitor sees of it.

local L = {
  LAB = "examples/lab/lab",
  PARTS = "examples/lab/parts/",
}

--- A new scratch directory, with the lab's state below it. Open to user
--- postgres, who serves root's lab.
function L.scratch()
  local pipe = assert(io.popen("mktemp -d -p \"${TMPDIR:-/tmp}\" lab.XXXXXX"))
  L.directory = pipe:read("l")
  pipe:close()
  assert(os.execute("chmod 755 " .. L.directory))
  L.state = L.directory .. "/lab"
end

--- Take the lab down and remove the scratch directory.
function L.clean()
  L.run(L.LAB .. " down")
  os.execute("rm -rf " .. L.directory)
end

--- Run a command; its output (both streams) and its exit status.
function L.run(command, ...)
  local line = "export RBRUN_LAB=" .. L.state .. "; " .. command:format(...)
  local pipe = assert(io.popen("( " .. line .. " ) 2>&1; echo \" $?\""))
  local text = pipe:read("a")
  pipe:close()
  local output, status = text:match("^(.*) (%d+)\n$")
  return output, tonumber(status)
end

--- The same for a command that has to succeed.
function L.must(command, ...)
  local output, status = L.run(command, ...)
  assert(status == 0, command .. " ended with " .. status .. ":\n" .. output)
  return output
end

function L.read(path)
  local file = assert(io.open(path))
  local text = file:read("a")
  file:close()
  return text
end

function L.write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

function L.exists(path)
  return (os.execute("test -e " .. path)) == true
end

function L.port(name)
  return L.read(L.state .. "/settings"):match(name .. "_port=(%d+)")
end

--- Ask the shop through HAProxy: HTTP status, and seconds it took.
function L.ask(path, body)
  local post = body and ("-H 'Content-Type: application/json' -d '%s'")
    :format(body) or ""
  local out = L.must("curl -s -m 10 -o /dev/null %s -w '%%{http_code} " ..
    "%%{time_total}' http://127.0.0.1:%s%s", post, L.port "shop", path)
  local code, seconds = out:match("^(%d+) ([%d.]+)$")
  return tonumber(code), tonumber(seconds)
end

--- What a visitor meets: the status of each kind of request. Product 3 has
--- no discount, order 5 belongs to a customer without an address.
local function visit_once()
  return {
    list = L.ask "/products",
    product = L.ask "/products/3",
    order = L.ask "/orders/5",
    place = L.ask("/orders", '{"customer":1,"product":1,"quantity":1}'),
  }
end

--- 503 is HAProxy's, while it sees no instance: after a restart on a busy
--- machine that takes a moment.
function L.visit()
  local seen
  for _ = 1, 50 do
    seen = visit_once()
    local away = false
    for _, status in pairs(seen) do
      away = away or status == 503
    end
    if not away then
      break
    end
    os.execute "sleep 0.2"
  end
  return seen
end

L.WELL = { list = 200, product = 200, order = 200, place = 201 }

--- All well but for some.
function L.but(changes)
  local all = {}
  for key, value in pairs(L.WELL) do
    all[key] = changes[key] or value
  end
  return all
end

--- Make a release live on both instances, as the deploy driver does.
function L.deploy(tag)
  for _, name in ipairs { "blue", "green" } do
    L.must("ln -sfn %s/releases/%s %s/%s/current", L.state, tag, L.state,
      name)
    L.must(L.PARTS .. "instance %s restart %s", L.state, name)
    L.must("for i in $(seq 100); do curl -sf http://127.0.0.1:%s/version " ..
      "| grep -q %s && break; sleep 0.1; done; curl -sf " ..
      "http://127.0.0.1:%s/healthz", L.port(name), tag, L.port(name))
  end
end

--- The versions that the instances say they run.
function L.versions()
  local found = {}
  for _, name in ipairs { "blue", "green" } do
    found[name] = L.must("curl -s http://127.0.0.1:%s/version",
      L.port(name)):match('"version": "([^"]+)"')
  end
  return found
end

--- git in the lab's repository.
function L.git(command)
  return L.must("git -c safe.directory='*' -C %s/repo %s", L.state, command)
end

--- The answer of the lab's database, without line ends.
function L.sql(query)
  return (L.must("echo '%s' | /usr/lib/postgresql/15/bin/psql -At " ..
    "-d \"$(cat %s/environments/database.url)\"", query, L.state)
    :gsub("\n", ""))
end

--- Processes whose command line names the state directory.
function L.processes()
  return (L.run("grep -l -a -F %s/ /proc/[0-9]*/cmdline 2>/dev/null " ..
    "| cut -d/ -f3 | while read p; do [ -d /proc/$p ] && " ..
    "tr '\\0' ' ' </proc/$p/cmdline | grep -v -e grep -e 'sh -c'; done",
    L.state))
end

--- Wait, at most so many seconds, until Prometheus' answer is above (or, if
--- negative, below minus) the limit.
function L.await(expr, limit, seconds)
  L.must("for i in $(seq %d); do v=$(%smetric.py http://127.0.0.1:%s '%s' " ..
    "2>/dev/null) && awk -v v=$v -v l=%s 'BEGIN { exit !(l < 0 ? " ..
    "v < -l : v > l) }' && exit 0; sleep 0.1; done; echo $v; exit 1",
    seconds * 10, L.PARTS, L.port "prometheus", expr, limit)
end

return L
