-- The statement forms that were measured on a live server
-- (../shared/migrations/rule_probe.jsonl), row by row, from their text alone:
-- codes, locks and rewrites of each are those of the server.
local history = require "tests.spec.support_history"
local C = require "tests.spec.support_catalogs"

local rows = history.rows(history.root .. "/rule_probe.jsonl")
if not rows then
  describe("the statement forms", function()
    history.missing(it, history.root .. "/rule_probe.jsonl")
  end)
  return
end

--- What only the text can know: the rows that a statement writes.
local own = { rows_added = true, data_changed = true }

local function codes(list)
  local out = {}
  for _, one in ipairs(list or {}) do
    local code = type(one) == "table" and one.code or one:match "^[%w_]+"
    if not own[code] then out[code] = true end
  end
  return out
end

--- Parts of a form: what is done before (;;), and what is measured.
local function parts(up)
  local first, last = up:match "^(.*);;(.-)$"
  return first and first .. ";" or "", last or up
end

local function judge(row)
  local first, up = parts(row.up)
  local texts = { C.probe_base .. first, up }
  local reply = history.ask({
    mode = "release", closed = true, search_path = { "app" }, files = {
      { name = "base.sql", bytes = #texts[1], context = true },
      { name = "form.sql", bytes = #up } } }, texts)
  return reply, reply.files[2]
end

local function wanted_verdict(row, reply)
  if #(row.reasons or {}) > 0 then return "incompatible" end
  for _, reason in ipairs(reply.reasons) do
    if own[reason.code] then return "unknown" end
  end
  local cautions = #(row.cautions or {}) > 0 or #reply.cautions > 0
  return cautions and "caution" or "compatible"
end

local function locks_of(file)
  local out, rewrites = {}, {}
  for _, lock in ipairs(file.locks) do
    local name = lock.relation:match "%.(.*)$"
    out[name] = lock.mode:gsub("Lock$", "")
    if lock.work == "rewrite" then rewrites[#rewrites + 1] = name end
  end
  table.sort(rewrites)
  return out, rewrites
end

--- The server's list names no locks of what runs outside a transaction, and
--- counts what is done with new files on disk as a rewrite.
local function check_locks(row, file)
  local locks, rewrites = locks_of(file)
  if not row.in_transaction then return end
  for name, mode in pairs(row.locks) do
    assert.equal(mode, locks[name], row.form .. ": lock of " .. name)
  end
  if #row.rewrites > 0 then
    for _, name in ipairs(row.rewrites) do
      assert.truthy(table.concat(rewrites, " "):find(name, 1, true), row.form)
    end
  end
end

describe("the statement form", function()
  for _, row in ipairs(rows) do
    it(row.form, function()
      local reply, file = judge(row)
      assert.equal(row.in_transaction, file.transaction)
      if not row.reasons then
        return assert.equal("unknown", reply.verdict)
      end
      assert.same(codes(row.reasons), codes(reply.reasons))
      assert.same(codes(row.cautions), codes(reply.cautions))
      assert.equal(wanted_verdict(row, reply), reply.verdict)
      check_locks(row, file)
    end)
  end
end)
