-- How an attack may end, as the rows say it. This is the one place that knows
-- by which status a worker says so.
local drive = require "drive"

local V = {}

local limits = {
  ["limit instructions"] = "exit 10",
  ["limit memory"] = "exit 11",
  ["limit frame"] = "exit 15",
  ["limit cpu"] = "signal 24",
}

local function finished(result)
  if result.exit == "exit 0" then
    local doc, kind = drive.last(result)
    return kind == "DONE" and doc.ended == "finished" and doc
  end
end

local function said(result)
  return table.concat(drive.logs(result), "\n")
end

-- What an author is told is clean: no address, nothing but UTF-8.
local function is_clean(text)
  return not text:find("0x%x%x%x%x%x%x") and utf8.len(text) ~= nil
end

local function refused(result, text, kind)
  if result.exit ~= "exit 0" then
    return false
  end
  local doc, got = drive.last(result)
  local message = (doc.error or doc).message
  return got == kind and doc.ended ~= "finished" and text ~= ""
    and message:find(text, 1, true) and is_clean(message)
end

-- verdict -> whether a result has it. text: what stands behind the colon.
local kinds = {
  harmless = function(result)
    return finished(result) and is_clean(said(result))
  end,
  says = function(result, text)
    return finished(result) and said(result) == text
  end,
  ["ends as"] = function(result, text)
    local doc = finished(result)
    return doc and doc.result.as == text
  end,
  ["the same"] = finished, -- and the same every time
  loads = function(result)
    return result.exit == "exit 0" and #drive.all(result, "LOADED") == 1
  end,
  refused = function(result, text)
    return refused(result, text, "DONE")
  end,
  ["load refused"] = function(result, text)
    return refused(result, text, "FAIL")
  end,
  limit = function(result) -- which one is first is no matter
    for _, exit in pairs(limits) do
      if result.exit == exit then
        return true
      end
    end
  end,
}
for name, exit in pairs(limits) do
  kinds[name] = function(result)
    return result.exit == exit and #drive.all(result, "DONE") == 0
  end
end

--- "refused: text" -> "refused", "text"
function V.split(verdict)
  local kind, text = verdict:match "^([%l ]+): (.*)$"
  if kind then
    return kind, text
  end
  return verdict, ""
end

--- Whether the result of a worker has the verdict.
function V.holds(verdict, result)
  local kind, text = V.split(verdict)
  local check = assert(kinds[kind], "there is no verdict " .. verdict)
  return check(result, text) and true or false
end

--- Whether the verdict is one that time brings about, so that the row gets
--- little of it.
function V.is_time(verdict)
  return verdict == "limit cpu" or verdict == "limit"
end

return V
