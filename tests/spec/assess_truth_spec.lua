-- The command against what was measured: three real histories with the truth
-- of each migration, beside the project (../shared/migrations). By the text
-- no breaking migration passes; a scratch database tells the truth itself.

local A = require "tests.spec.support_assess"
local schema = require "tests.spec.support_schema"
local cli = A.cli

local ROOT = cli.root .. "/../shared/migrations/"

local function truth_of(name)
  local file = io.open(ROOT .. name .. "/truth.jsonl")
  if not file then return nil end
  local rows = {}
  for line in file:lines() do
    local row = schema.decode(line)
    rows[row.file] = row
  end
  file:close()
  return rows
end

before_each(cli.open)
after_each(cli.close)

if not truth_of "svix" then
  require("tests.spec.support_history").missing(it,
    "../shared/migrations/svix/truth.jsonl")
  return
end

describe("rbrun assess", function()
  for _, name in ipairs { "svix", "kratos", "crates.io" } do
    it("judges the text of " .. name, function()
      local truth, seen, missed, alarms, hits = truth_of(name), 0, 0, 0, 0
      local result = A.run(cli.quote(ROOT .. name) .. " --json")
      for file, verdict in pairs(A.verdicts(result)) do
        local row = assert(truth[file], file)
        seen = seen + 1
        local breaks = row.verdict == "incompatible"
        if verdict == "incompatible" then
          hits = hits + (breaks and 1 or 0)
          alarms = alarms + (breaks and 0 or 1)
        elseif breaks and (verdict ~= "unknown") then
          missed = missed + 1
        end
      end
      local rows = 0
      for _ in pairs(truth) do rows = rows + 1 end
      assert.equal(rows, seen)
      assert.equal(0, missed)
      assert.is_true(hits / (hits + alarms) >= 0.97)
    end)
  end

  it("tells the truth of svix on a scratch database", function()
    local truth = truth_of "svix"
    local result = A.run(cli.quote(ROOT .. "svix") .. " --shadow --json")
    local count = 0
    for _, one in ipairs(A.objects(result)) do
      local row = truth[one.file]
      local wanted = row.verdict == "clean" and "compatible" or row.verdict
      assert.equal(wanted, one.verdict, one.file)
      assert.equal(#row.reasons, #one.reasons, one.file)
      count = count + 1
    end
    assert.equal(16, count)
  end)
end)
