-- Work for the processor only; plain lua5.4 runs it, too (bench/worker.c).
runbook { service = "bench", summary = "Keep the processor busy", uses = {},
  inputs = { kind = "text" } }

local work = {}

function work.loops()
  local sum = 0
  for i = 1, 3000 do
    for k = 1, 5000 do
      sum = (sum + i * k) % 1000003
    end
  end
  return sum
end

local function fib(n)
  if n < 2 then
    return n
  end
  return fib(n - 1) + fib(n - 2)
end

function work.calls()
  return fib(31)
end

function work.tables()
  local list, sum = {}, 0
  for round = 1, 20 do
    for i = 1, 100000 do
      list[i] = { key = i, value = round }
    end
    for i = 1, #list do
      sum = sum + list[i].key * list[i].value
    end
  end
  return sum
end

function work.strings()
  local size = 0
  for i = 1, 200000 do
    local line = "host-" .. i .. ".example"
    size = size + #line:upper() + #line:sub(3, 9)
    if line:find("99", 1, true) then
      size = size + #string.format("%05d %s", i, line)
    end
  end
  return size
end

function work.patterns()
  local count = 0
  for i = 1, 60000 do
    local line = "GET /api/v1/items/" .. i .. " 200 12ms"
    local path, status = line:match("^%u+ (%S+) (%d+)")
    count = count + #path + tonumber(status) + select(2, line:gsub("%d", "n"))
  end
  return count
end

function work.pairs()
  local set, sum = {}, 0
  for i = 1, 200 do
    set["key" .. i] = i
  end
  for _ = 1, 500 do
    for _, value in pairs(set) do
      sum = sum + value
    end
  end
  return sum
end

function work.sort()
  local total, x = 0, 1
  for _ = 1, 10 do
    local list = {}
    for i = 1, 20000 do
      x = (x * 1103515245 + 12345) % 2147483648
      list[i] = x
    end
    table.sort(list)
    total = total + list[1]
  end
  return total
end

function run(input)
  work[input.kind]()
end
