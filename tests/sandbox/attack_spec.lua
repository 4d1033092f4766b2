-- The attack table: each row of tests/sandbox/rows is tried on a real worker,
-- or on the whole of rbrun, and must end as it says.
--
-- A row: what it stands for, what it tries, its verdict (verdicts.lua), and
--   run      the body of run(), with `top` before it; or
--   file     the whole file, where HEAD is a header that is in order; or
--   engine   the body of run(), given to rbrun itself; the verdict is then
--            "status N: what it says"
--   modules, answers, order, limits, role, check, plan   see worker_drive.c
--   logs     what it also has to log; never: what rbrun must not print
--   uses, grants   those of the runbook for `engine`
--   times    run so often, with the same frames and instructions each time
--
-- "v01" to "v72" are the vectors of the study that the sandbox was designed
-- by; "variant" marks one that is not in it. "CVE-..." is a published hole,
-- eight digits are a commit of Lua's that mends an error of 5.4.4.
package.path = "tests/sandbox/?.lua;tests/spec/support/?.lua;" .. package.path
local drive = require "drive"
local verdicts = require "verdicts"
local cli = require "tests.spec.support_cli"

local CLASSES = { "loading", "metatables", "control", "resources", "lpeg",
  "output", "published" }

local function verdict_of(row)
  return row[3]
end

local function script_of(row)
  local limits = row.limits or { instructions = 20000000, memory = 64 << 20 }
  limits.cpu = verdicts.is_time(verdict_of(row)) and 1 or 20
  local mode = row.check and "check" or row.plan and "plan" or "live"
  return { modules = row.modules, answers = row.answers, order = row.order,
    start = { limits = limits, mode = mode } }
end

local function try(row)
  if row.file then
    return drive.file((row.file:gsub("HEAD", drive.header)), script_of(row),
      row.role)
  end
  return drive.body(row.run, script_of(row), row.top)
end

local function told(row, result)
  return ("%s wanted, got %s, page %s:\n%s"):format(verdict_of(row),
    result.exit, result.page, result.text:sub(-1500))
end

local function check_worker(row)
  local first = try(row)
  assert(verdicts.holds(verdict_of(row), first), told(row, first))
  if row.logs then
    assert.equal(row.logs, table.concat(drive.logs(first), "\n"))
  end
  for _ = 2, row.times or 1 do
    local again = try(row)
    assert.equal(first.text, again.text)
    assert.equal(first.instructions, again.instructions)
  end
end

-- Nothing that drives a terminal is in what a person sees, or can be taken
-- for another line of it.
local function check_shown(text)
  assert.is_nil(text:find "[%z\1-\8\11-\31\127]", text)
  assert.truthy(utf8.len(text), text)
  for _, sign in utf8.codes(text) do
    assert(sign < 0x80 or sign > 0x9f, text)
    assert(sign < 0x202A or sign > 0x202E, text)
    assert(sign < 0x2066 or sign > 0x2069, text)
  end
end

local function check_engine(row)
  cli.open()
  cli.book("\n" .. row.engine, cli.HEADER:gsub('"%*"', row.uses or '"*"'))
  cli.environment()
  if row.grants then
    cli.write("runbooks/environments/lab.lua", cli.read(
      "runbooks/environments/lab.lua"):gsub('"%* %*"', row.grants))
  end
  local result = cli.run "run runbooks/book.lua --yes"
  local runs = cli.runs()
  local records = runs[1] and cli.jq(cli.journal(runs[1]), ".kind")
  cli.close()
  local status, text = verdict_of(row):match "^status (%d+): (.*)$"
  assert.equal(tonumber(status), result.status, result.all)
  assert.truthy(result.all:find(text, 1, true), result.all)
  assert.falsy(row.never and result.all:find(row.never, 1, true), result.all)
  check_shown(result.all)
  assert.truthy(not records or records:find "ended$", records)
end

local seen = {} -- what rows stand for -> true
local variants = {} -- class -> number of them

local function note(class, row)
  local name, more = row[1]:match "^(%S+) ?(.*)$"
  assert(more == "" or more == "variant", row[1])
  if more == "variant" then
    variants[class] = (variants[class] or 0) + 1
  else
    seen[name] = true
  end
end

for _, file in ipairs(CLASSES) do
  local rows = require("rows." .. file)
  describe("an attack by " .. rows.class .. ":", function()
    for _, row in ipairs(rows) do
      note(file, row)
      it(row[1] .. ", " .. row[2], function()
        if row.engine then
          check_engine(row)
        else
          check_worker(row)
        end
      end)
    end
  end)
end

-- The published holes, and the errors of 5.4.4 that no correction of
-- Debian's mends.
local PUBLISHED = [[CVE-2022-0543 CVE-2022-24735 CVE-2022-24736 CVE-2022-24834
  CVE-2020-14147 CVE-2018-11218 CVE-2018-11219 CVE-2024-31449 CVE-2024-46981
  CVE-2025-49844 CVE-2025-46817 CVE-2025-46818 CVE-2025-46819 CVE-2025-67733
  CVE-2021-43519 CVE-2021-44647 CVE-2021-44964 CVE-2022-28805 CVE-2022-33099
  983bc433 196bb94d 1e64c139 7923dbbf 997f11f5 f623b969 5853c37a c764ca71
  1f3c6f45 25da574f 3fe7be95 2db966fc]]

describe("the attack table", function()
  it("has a row for every vector", function()
    for n = 1, 72 do
      local name = ("v%02d"):format(n)
      assert(seen[name], "no row stands for " .. name)
    end
  end)

  it("has a row for every published hole and known error", function()
    for name in PUBLISHED:gmatch "%S+" do
      assert(seen[name], "no row stands for " .. name)
    end
  end)

  it("has variants in every class", function()
    for _, file in ipairs(CLASSES) do
      assert(file == "published" or (variants[file] or 0) > 0, file)
    end
  end)

  it("would notice another end", function()
    local fine = drive.body("log('on')")
    for _, verdict in ipairs { "says: off", "refused: on", "load refused: on",
      "limit", "limit cpu", "limit memory", "ends as: gate" } do
      assert.is_false(verdicts.holds(verdict, fine), verdict)
    end
    assert.is_true(verdicts.holds("says: on", fine))
    local crashed = { exit = "signal 11", frames = fine.frames, text = "" }
    for _, verdict in ipairs { "says: on", "harmless", "refused: on",
      "limit", "loads" } do
      assert.is_false(verdicts.holds(verdict, crashed), verdict)
    end
  end)
end)
