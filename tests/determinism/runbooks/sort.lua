runbook { service = "sort", summary = "Sorts that could come out otherwise",
  uses = { "metric.query" } }

local function numbers(count, most)
  local list, x = {}, 12345
  for i = 1, count do
    x = (x * 1103515245 + 12345) & 0x7fffffff
    list[i] = { key = (x >> 8) % most, at = i }
  end
  return list
end

local function digest(list)
  local sum = 0
  for i, entry in ipairs(list) do
    sum = (sum * 31 + entry.at * i) & 0xffffffffffff
  end
  return sum
end

local function by_key(a, b)
  return a.key < b.key
end

function run()
  local list = numbers(20000, 1 << 20)
  table.sort(list, by_key)
  log("20000: %d", digest(list))
  list = numbers(3000, 7) -- nearly all keys are equal
  table.sort(list, by_key)
  log("equal keys: %d", digest(list))
  local asked = 0
  list = numbers(800, 40)
  table.sort(list, function(a, b)
    asked = asked + 1
    return (attempt(function()
      if (a.key + b.key) % 11 == 0 then
        error("not these two")
      end
      return a.key < b.key
    end)) or false
  end)
  log("comparisons: %d, %d", asked, digest(list))
  local reasons = {}
  for round = 1, 3 do
    local stopped = numbers(300, 50)
    local left = round * 100
    reasons[round] = tostring(select(2, pcall(table.sort, stopped,
      function(a, b)
        left = left - 1
        return left == 0 and error("enough") or a.key > b.key
      end)))
    reasons[round] = reasons[round] .. " " .. digest(stopped)
  end
  log("%s", table.concat(reasons, "; "))
  local results = parallel {
    up = function()
      local mine = numbers(500, 9)
      metric.query { expr = "errors" }
      table.sort(mine, by_key)
      return digest(mine)
    end,
    down = function()
      local mine = numbers(500, 9)
      table.sort(mine, function(a, b) return a.key > b.key end)
      metric.query { expr = "load" }
      return digest(mine)
    end,
  }
  log("in parallel: %d %d", results.up, results.down)
  local words = {}
  for i = 1, 300 do
    words[i] = ("w"):rep(i * 7 % 5) .. i % 10
  end
  table.sort(words)
  log("%s", table.concat(words, " ", 1, 60))
end
