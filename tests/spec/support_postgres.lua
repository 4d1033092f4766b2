-- Helpers of the specs for databases: a private PostgreSQL cluster, fresh
-- databases in it, sessions in the background, a git repository of
-- migrations, and driver calls against them.
local S = require "tests.spec.support_deploy"
local P = setmetatable({}, { __index = S })

local here = S.output("pwd"):gsub("\n", "")
local tool = here .. "/tests/tools/postgres"

--- Start a cluster below a fresh directory; stop it with P.stop_cluster.
function P.cluster(...)
  local dir = S.scratch()
  -- The server may run as another user, who has to get through.
  assert(os.execute("chmod 755 " .. S.quote(dir)))
  local words = { S.quote(tool), "start", S.quote(dir .. "/pg"), ... }
  local text, status = S.output(table.concat(words, " "))
  assert(status == 0, "no cluster: " .. text)
  return { dir = dir, socket = dir .. "/pg", count = 0 }
end

--- A hot standby of a cluster, below the same directory.
function P.standby(cluster)
  local text, status = S.output(("%s standby %s %s"):format(
    S.quote(tool), S.quote(cluster.dir .. "/standby"),
    S.quote(cluster.socket)))
  assert(status == 0, "no standby: " .. text)
  return { dir = cluster.dir, socket = cluster.dir .. "/standby" }
end

function P.stop_cluster(cluster)
  if not cluster then return end
  for _, name in ipairs { "standby", "pg" } do
    local path = cluster.dir .. "/" .. name
    if S.slurp(path .. "/data/PG_VERSION") then
      os.execute(("%s stop %s"):format(S.quote(tool), S.quote(path)))
    end
  end
  S.remove(cluster.dir)
end

local function psql(cluster, database, user)
  return ("psql -X -q -A -t -v ON_ERROR_STOP=1 -h %s -U %s -d %s"):format(
    S.quote(cluster.socket), user or "postgres", database)
end

--- Run SQL as the superuser; its output, one row a line.
function P.sql(cluster, database, text)
  local file = S.spew(cluster.dir .. "/in.sql", text)
  local out, status = S.output(("%s -f %s 2>&1"):format(
    psql(cluster, database), S.quote(file)))
  assert(status == 0, out)
  return (out:gsub("\n$", ""))
end

--- A database that no test had before.
function P.database(cluster, text)
  cluster.count = cluster.count + 1
  local name = "t" .. cluster.count
  P.sql(cluster, "postgres", "CREATE DATABASE " .. name)
  if text then P.sql(cluster, name, text) end
  return name
end

--- A session that runs the text in the background, such as "BEGIN; LOCK ..;
--- SELECT pg_sleep(60)"; its process id. End it with P.stop.
function P.session(cluster, database, text)
  local file = S.spew(cluster.dir .. "/session.sql", text)
  return S.start(("%s -f %s"):format(psql(cluster, database), S.quote(file)))
end

--- Until a query of the superuser gives "t".
function P.until_true(cluster, query)
  return S.eventually(function()
    return P.sql(cluster, "postgres", query) == "t"
  end, query)
end

--- A commit with these files (path = text; false removes it), tagged.
function P.commit(repo, tag, files)
  if not S.slurp(repo .. "/.git/HEAD") then
    assert(os.execute("git init -q " .. S.quote(repo)))
  end
  for path, text in pairs(files) do
    local full = repo .. "/" .. path
    if text then
      os.execute("mkdir -p " .. S.quote(full:match "^(.*)/"))
      S.spew(full, text)
    else
      os.remove(full)
    end
  end
  assert(os.execute(("cd %s && git add -A && git -c user.name=t " ..
    "-c user.email=t@localhost commit -q --allow-empty -m %s && git tag %s")
    :format(S.quote(repo), tag, tag)))
end

return P
