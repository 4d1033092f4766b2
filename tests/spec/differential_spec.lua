-- Histories made at random, judged from their text and by a private server:
-- a short part of tests/differential/run, always the same. The text calls
-- nothing harmless that breaks older code, and knows nearly all the rest.
local P = require "tests.spec.support_postgres"

local count, size = 2, 14
local SAME = 0.9 -- of the migrations: the same codes

describe("random histories", function()
  it("are to their text what they are to the server", function()
    local out, status = P.output(("tests/differential/run --seed 8100 " ..
      "--count %d --size %d --rows 2>&1"):format(count, size))
    local function counted(kind)
      return tonumber(out:match("\n" .. kind .. " +(%d+)") or
                      out:match("^" .. kind .. " +(%d+)") or 0)
    end
    assert.equal(0, status, out)
    local behind = counted "after others" + counted "after missed"
    local all = counted "same" + counted "codes" + counted "caution" +
      counted "alarm" + counted "unknown" + counted "objects"
    assert.is_true(all + behind > count * size / 2, out)
    assert.is_true(counted "same" >= all * SAME, out)
  end)
end)
