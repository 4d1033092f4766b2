-- The comparison of live catalogs against what was measured: the shared
-- histories (../shared/migrations) and the statement forms, applied to a
-- private cluster. Here the first files of each by a fixed stride;
-- `tests/score --live` takes every row.
local C = require "tests.spec.support_catalogs"
local history = require "tests.spec.support_history"

local STRIDE = { svix = 4, kratos = 17, ["crates.io"] = 17 }
local FILES = 140
local PROBE_STRIDE = 9

if not history.truth "svix" then
  describe("the truth of the shared histories", function()
    history.missing(it, history.root .. "/svix/truth.jsonl")
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
      local last, checks = math.min(#rows, FILES), {}
      for i = 1, last, stride do
        checks[#checks + 1] = { from = i - 1, to = i, row = rows[i] }
      end
      for i, r in ipairs(C.releases(name)) do
        if i % 3 == 0 and r.to <= last then checks[#checks + 1] = r end
      end
      local wanted = {}
      for _, c in ipairs(checks) do
        wanted[c.from], wanted[c.to] = true, true
      end
      C.apply_history(cluster, name, table.move(rows, 1, last, 1, {}), wanted)
      for _, c in ipairs(checks) do
        assert.is_nil(C.check_states(cluster, name, c.from, c.to, c.row),
                      c.row.file or c.row.to_tag)
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
