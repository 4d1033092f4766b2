-- The shared histories judged from their text alone: nothing that breaks
-- older code is called harmless, and what is called breaking breaks it. The
-- figures are tests/score's.
local history = require "tests.spec.support_history"

if not history.truth "svix" then
  describe("the text of the shared histories", function()
    history.missing(it, history.root .. "/svix/truth.jsonl")
  end)
  return
end

describe("the text of the shared histories", function()
  local sum = { tp = 0, fp = 0, fn = 0, tn = 0 }
  for _, name in ipairs(history.names) do
    describe(name, function()
      local rows, entries, score
      setup(function()
        rows = history.truth(name)
        entries = history.judge(name, rows)
        score = history.score(rows, entries)
        for key in pairs(sum) do sum[key] = sum[key] + score[key] end
      end)

      it("gets an entry for each migration", function()
        assert.equal(#rows, #entries)
      end)
      it("calls nothing harmless that breaks older code", function()
        assert.same({}, score.missed)
      end)
      it("finds what is incompatible, and little else", function()
        assert.is_true(history.recall(score) >= 0.99)
        assert.is_true(history.precision(score) >= 0.97)
      end)
      it("gives the measured codes but in a few rows", function()
        local same = 0
        for i, row in ipairs(rows) do
          if history.codes(row.reasons) ==
            history.codes(history.of_schema(entries[i].reasons)) and
            history.codes(row.cautions) ==
            history.codes(history.of_schema(entries[i].cautions)) then
            same = same + 1
          end
        end
        assert.is_true(same / #rows >= 0.98, same .. " of " .. #rows)
      end)
      it("knows which ways back are there, and what they lose", function()
        local same, all = 0, 0
        for i, row in ipairs(rows) do
          local down = entries[i].down
          assert.equal(row.down_present, down.present)
          if row.down_present and row.down_applies then
            all = all + 1
            assert.equal(row.down_empty, down.empty, row.file)
            same = same + (history.same_losses(row, down) and 1 or 0)
          end
        end
        assert.is_true(same / all >= 0.95, same .. " of " .. all)
      end)
    end)
  end

  it("is judged as a whole within the limits", function()
    assert.is_true(history.recall(sum) >= 0.99)
    assert.is_true(history.precision(sum) >= 0.97)
  end)
end)
