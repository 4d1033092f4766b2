-- The shared histories beside the checkout (../shared/migrations), judged by
-- the reader from their text alone, against what a live server measured.
local json = require "dkjson"
local M = {}

M.build = os.getenv("RBRUN_BUILD") or "build"
M.root = "../shared/migrations"
M.names = { "svix", "kratos", "crates.io" }

local function slurp(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read "a"
  file:close()
  return text
end

--- Rows of a file of JSON lines, or nil where it is missing.
function M.rows(path)
  local text = slurp(path)
  if not text then return nil end
  local out = {}
  for line in text:gmatch "[^\n]+" do out[#out + 1] = json.decode(line) end
  return out
end

--- Where the measured data is not beside the checkout: the one row of a spec
--- that has nothing to measure then, and says so by its name.
function M.missing(it, path)
  it(("has nothing to measure: %s is not there"):format(path), function()
    assert(not slurp(path), path .. " is there")
  end)
end

function M.truth(name)
  return M.rows(("%s/%s/truth.jsonl"):format(M.root, name))
end

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- Ask the reader; options as in core/drivers/migrate_sql.h, texts in the
--- order of the stream.
function M.ask(options, texts)
  local given, input = os.tmpname(), os.tmpname()
  local file = assert(io.open(given, "wb"))
  file:write(json.encode(options))
  file:close()
  file = assert(io.open(input, "wb"))
  file:write(table.concat(texts))
  file:close()
  local pipe = assert(io.popen(("%s/tests/reader-ask sql %s < %s"):format(
    quote(M.build), given, input)))
  local out = pipe:read "a"
  pipe:close()
  os.remove(given)
  os.remove(input)
  local answer = assert(json.decode(out), "reader-ask printed: " .. out)
  return assert(answer.reply, answer.message)
end

--- The migrations of a history, each in the context of those before it.
--- rows: of its truth. Gives the entries of the reply, in their order.
function M.judge(name, rows)
  local options, texts = { mode = "history", closed = true, files = {} }, {}
  local function add(path, fields)
    local text = assert(slurp(("%s/%s/%s"):format(M.root, name, path)))
    fields.name, fields.bytes, fields.format = path, #text, "plain"
    table.insert(options.files, fields)
    texts[#texts + 1] = text
  end
  for _, row in ipairs(rows) do add(row.file, { direction = "up" }) end
  for i, row in ipairs(rows) do
    if row.down_present then
      add(row.down_file, { direction = "down", of = i })
    end
  end
  return M.ask(options, texts).files
end

--- Codes of a list of reasons, sorted, as one text.
function M.codes(list)
  local seen, out = {}, {}
  for _, one in ipairs(list or {}) do
    local code = type(one) == "table" and one.code or one:match "^[%w_]+"
    if not seen[code] then
      seen[code] = true
      out[#out + 1] = code
    end
  end
  table.sort(out)
  return table.concat(out, " ")
end

--- Counts of one history: tp fp fn tn of "incompatible", missed = breaking
--- migrations that were called compatible or caution though they parse and
--- hold no block of code, codes = rows whose codes are the truth's.
function M.score(rows, entries)
  local s = { tp = 0, fp = 0, fn = 0, tn = 0, missed = {}, wrong = {},
              unknown = 0, same = 0, rows = #rows }
  for i, row in ipairs(rows) do
    local verdict = entries[i].verdict
    local truth, mine = row.verdict == "incompatible",
      verdict == "incompatible"
    local cell = truth and (mine and "tp" or "fn") or mine and "fp" or "tn"
    s[cell] = s[cell] + 1
    if verdict == "unknown" then s.unknown = s.unknown + 1 end
    local holds_block = false
    for _, kind in ipairs(row.stmts) do
      holds_block = holds_block or kind:find("^DoStmt") ~= nil
    end
    if truth and (verdict == "compatible" or verdict == "caution") and
      not row.parse_error and not holds_block then
      table.insert(s.missed, row.file)
    end
    if cell == "fp" or cell == "fn" then table.insert(s.wrong, row.file) end
  end
  return s
end

-- What only the text can know: the rows that statements write, and code.
local of_data = { rows_added = true, data_changed = true, dynamic_sql = true }

--- Findings about the schema, which a catalog shows too.
function M.of_schema(list)
  local out = {}
  for _, one in ipairs(list) do
    if not of_data[one.code] then out[#out + 1] = one end
  end
  return out
end

--- Whether the way back is said to lose what it lost.
function M.same_losses(row, down)
  local mine, truth = {}, {}
  for _, loss in ipairs(down.loses) do
    mine[#mine + 1] = loss.code .. " " .. loss.object:match "^%S+"
  end
  for i, loss in ipairs(row.down_loses or {}) do
    truth[i] = loss:match "^[%w_]+" .. " " .. loss:match ": (%S+)"
  end
  table.sort(mine)
  table.sort(truth)
  return table.concat(mine, "\n") == table.concat(truth, "\n")
end

local function share(part, whole)
  return whole == 0 and 1 or part / whole
end

function M.recall(s) return share(s.tp, s.tp + s.fn) end
function M.precision(s) return share(s.tp, s.tp + s.fp) end
function M.accuracy(s)
  return share(s.tp + s.tn, s.tp + s.tn + s.fp + s.fn)
end

return M
