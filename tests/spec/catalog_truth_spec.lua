-- The comparison of live catalogs against what was measured: the shared
-- histories (../shared/migrations) and the statement forms, applied to a
-- private cluster. Here by a fixed stride; `tests/score --live` takes every
-- row.
local C = require "tests.spec.support_catalogs"
local history = require "tests.spec.support_history"

local STRIDE = { svix = 4, kratos = 41, ["crates.io"] = 37 }
local PROBE_STRIDE = 9

if not history.truth "svix" then
  describe("the truth of the shared histories", function()
    pending(history.root .. " is not there")
  end)
  return
end

describe("the comparison of live catalogs", function()
  local cluster
  setup(function() cluster = C.cluster() end)
  teardown(function() C.stop_cluster(cluster) end)

  for name, stride in pairs(STRIDE) do
    it("is the truth for rows of " .. name, function()
      local rows = history.truth(name)
      local last, wanted = 0, {}
      for i = 1, #rows, stride do
        wanted[i - 1], wanted[i], last = true, true, i
      end
      local releases = C.releases(name)
      for i = 1, #releases, 4 do
        local r = releases[i]
        wanted[r.from], wanted[r.to] = true, true
        last = math.max(last, r.to)
      end
      C.apply_history(cluster, name, table.move(rows, 1, last, 1, {}), wanted)
      for i = 1, #rows, stride do
        assert.is_nil(C.check_states(cluster, name, i - 1, i, rows[i]),
                      rows[i].file)
      end
      for i = 1, #releases, 4 do
        local r = releases[i]
        assert.is_nil(C.check_states(cluster, name, r.from, r.to, r.row),
                      r.row.to_tag)
      end
    end)
  end

  it("is the truth for statement forms", function()
    local rows = history.rows(history.root .. "/rule_probe.jsonl")
    local wanted = C.every(PROBE_STRIDE, #rows)
    C.apply_probe(cluster, rows, wanted)
    local seen = 0
    for i, row in ipairs(rows) do
      if wanted[i] and row.reasons then
        seen = seen + 1
        assert.is_nil(C.check_states(cluster, "probe", 2 * i - 1, 2 * i, row),
                      row.form)
      end
    end
    assert.is_true(seen > 10)
  end)
end)
