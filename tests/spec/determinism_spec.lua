-- The same answers, the same run: many processes over runbooks that try to
-- come out otherwise (tests/determinism) write one journal, to the byte. In
-- the test program time stands still while somebody works, and ids and seeds
-- are given; everything else is the shipped program.

local BUILD = os.getenv "RBRUN_BUILD" or "build"
local SANITIZED = BUILD:match "asan"
local FOLDER = "tests/determinism/runbooks"
local TIME = 1800000000000

local BOOKS = { "clock", "collide", "failing", "flow", "globals", "lpeg",
  "modules", "pairs", "parallel", "random", "sort", "text" }
-- What does not depend on the clock or on the seed: also compared where these
-- are real.
local TIMELESS = { "collide", "globals", "lpeg", "pairs", "sort", "text" }
local PROCESSES = SANITIZED and 4 or 50
local EXIT = { failing = 7, text = 1 }

local top

local function sh(format, ...)
  local pipe = assert(io.popen("exec 2>&1; " .. format:format(...)))
  local text = pipe:read "a"
  local _, _, status = pipe:close()
  return text, status
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "a"
  file:close()
  return text
end

local function program(name)
  return BUILD .. (name == "faulty" and "/tests/rbrun-faulty" or "/rbrun")
end

--- The journal of the one run in a state directory.
local function journal(state)
  return read((sh("ls %s/runs/*/journal.ndjson", state):gsub("\n", "")))
end

local function lines(text)
  local list = {}
  for line in text:gmatch "[^\n]+" do
    list[#list + 1] = line
  end
  return list
end

local function start(book, state, settings, which)
  local text, status = sh("env RBRUN_STATE=%s %s %s run %s/%s.lua "
    .. "--environment %s/environments/still.lua --yes </dev/null", state,
    settings or "", program(which), FOLDER, book, FOLDER)
  return status, text
end

--- Run a runbook in so many processes, two at a time, each with a state
--- directory of its own: top/BOOK/1, 2, ...
local function start_many(book, count, settings, which)
  assert(os.execute(("mkdir -p %s/%s"):format(top, book)))
  local text = sh([[seq %d | xargs -P 2 -I @ sh -c 'RBRUN_STATE=%s/%s/@ ]]
    .. [[%s %s run %s/%s.lua --json --environment ]]
    .. [[%s/environments/still.lua --yes >%s/%s/@.json 2>%s/%s/@.err ]]
    .. [[</dev/null; test $? = %d || echo "@ failed"; cat %s/%s/@.err']],
    count, top, book, settings or "", program(which), FOLDER, book, FOLDER,
    top, book, top, book, EXIT[book] or 0, top, book)
  assert.equal("", text, book)
end

local STILL = ("FAULT_CLOCK=%d FAULT_SEED=7"):format(TIME)

--- The fields that two runs may not share, by name, and nothing else.
local function mask(text)
  return (text:gsub('"prev":"%x+"', '"prev"'):gsub('"at":[%d.]+', '"at"')
    :gsub('"ms":%d+', '"ms"'):gsub('"seed":%d+', '"seed"')
    :gsub('"key":"%x+"', '"key"'):gsub('"run":"%d+%-%w+"', '"run"'))
end

local function first_difference(a, b)
  local one, other = lines(a), lines(b)
  for i = 1, math.max(#one, #other) do
    if one[i] ~= other[i] then
      return ("record %d:\n%s\n%s"):format(i, one[i] or "-", other[i] or "-")
    end
  end
end

local function same(wanted, got, what)
  if wanted ~= got then
    error(what .. " differs, " .. tostring(first_difference(wanted, got)), 2)
  end
end

--- What a journal tells of the run, whoever wrote which part of it.
local function story(text)
  local list = {}
  for _, line in ipairs(lines(text)) do
    if not line:find('"what":"resumed"', 1, true) then
      list[#list + 1] = line:gsub('^{"n":%d+,"prev":"%x+","epoch":%d+,', "")
        :gsub('"ms":%d+', '"ms"')
    end
  end
  return table.concat(list, "\n")
end

local function instructions(text)
  return tonumber(text:match '"instructions":(%d+)')
end

describe("the same runbook with the same answers", function()
  setup(function()
    top = sh("mktemp -d ${TMPDIR:-/tmp}/rbrun-same-XXXXXX"):gsub("%s", "")
  end)

  teardown(function()
    os.execute("rm -rf " .. top)
  end)

  for _, book in ipairs(BOOKS) do
    describe(book, function()
      local wanted

      setup(function()
        start_many(book, PROCESSES, STILL, "faulty")
        wanted = journal(("%s/%s/1"):format(top, book))
      end)

      teardown(function()
        os.execute(("rm -rf %s/%s"):format(top, book))
      end)

      it("writes one journal in " .. PROCESSES .. " processes", function()
        assert.truthy(instructions(wanted) > 1000, wanted)
        assert.falsy(wanted:find "0x5%x%x%x%x", "an address")
        for i = 2, PROCESSES do
          same(wanted, journal(("%s/%s/%d"):format(top, book, i)),
            "journal " .. i)
        end
      end)

      it("prints the same events", function()
        local first = read(("%s/%s/1.json"):format(top, book))
        assert.truthy(#lines(first) > 3, first)
        for i = 2, PROCESSES do
          same(first, read(("%s/%s/%d.json"):format(top, book, i)),
            "output " .. i)
        end
      end)

      it("replays", function()
        for i = 1, math.min(3, PROCESSES) do
          local text, status = sh("env RBRUN_STATE=%s/%s/%d %s replay last "
            .. "--quiet </dev/null", top, book, i, program())
          assert.equal(0, status, text)
          assert.truthy(text:find("the same requests", 1, true), text)
        end
      end)

      it("comes to the same when it is killed and resumed", function()
        local points = top .. "/points"
        start(book, top .. "/counted", STILL .. " FAULT_COUNT=" .. points,
          "faulty")
        local moments, began = 0, false
        for line in io.lines(points) do
          began = began or line:find " moment approval"
          moments = moments + (began and line:find " moment " and 1 or 0)
        end
        os.remove(points)
        for part = 1, 3 do
          local at = math.max(1, moments * part // 4)
          local state = ("%s/killed-%s-%d"):format(top, book, part)
          local status = start(book, state,
            STILL .. " FAULT_KILL_MOMENT=" .. at, "faulty")
          assert.equal(137, status, "was not killed at moment " .. at)
          -- Time goes on where it stood still.
          local now = TIME
          for _, line in ipairs(lines(journal(state))) do
            now = line:match '^{"n":%d+,"prev":"%x+","epoch":%d+,"at":(%d+)'
              or now
          end
          local text = sh("env RBRUN_STATE=%s FAULT_CLOCK=%s %s resume last "
            .. "</dev/null; echo $?", state, now, program "faulty")
          local ended = journal(state)
          assert.truthy(ended:find('"kind":"ended"', 1, true), text)
          same(story(wanted), story(ended), "moment " .. at .. ": the story")
          assert.equal(instructions(wanted), instructions(ended))
          text, status = sh("env RBRUN_STATE=%s %s replay last --quiet "
            .. "</dev/null", state, program())
          assert.equal(0, status, text)
          os.execute("rm -rf " .. state)
        end
        os.execute(("rm -rf %s/counted"):format(top))
      end)
    end)
  end

  for _, book in ipairs(TIMELESS) do
    it("differs in nothing else under a real clock: " .. book, function()
      local count = SANITIZED and 2 or 10
      start_many(book, count)
      local wanted = journal(("%s/%s/1"):format(top, book))
      local other = journal(("%s/%s/2"):format(top, book))
      assert.not_equal(wanted, other) -- the mask has something to hide
      for i = 2, count do
        same(mask(wanted), mask(journal(("%s/%s/%d"):format(top, book, i))),
          "journal " .. i)
      end
      os.execute(("rm -rf %s/%s"):format(top, book))
    end)
  end

  it("replays what real processes answered side by side", function()
    local calls
    for i = 1, SANITIZED and 1 or 3 do
      local state = ("%s/real%d"):format(top, i)
      local status, text = start("processes", state)
      assert.equal(0, status, text)
      -- The order is the machine's; what is asked for is the runbook's.
      local asked = {}
      for _, line in ipairs(lines(journal(state))) do
        asked[#asked + 1] = line:find('"kind":"intent"', 1, true)
          and line:match '"args":{"command":"%w+"}' or nil
      end
      table.sort(asked)
      calls = calls or asked
      assert.same(calls, asked)
      assert.equal(21, #asked)
      -- Eight replays at a time, so that none of them has a processor.
      text = sh([[seq 8 | xargs -P 8 -I @ sh -c 'RBRUN_STATE=%s %s replay ]]
        .. [[last --quiet </dev/null || echo "@ failed"' | sort | uniq -c]],
        state, program())
      text = text:gsub(
        "warning: [^\n]+ lacks [%l_, ]+ on this machine [^\n]+\n", "")
      assert.truthy(text:match "^%s+8 run %S+ replays: %d+ calls, [^\n]*\n$",
        text)
    end
  end)
end)
