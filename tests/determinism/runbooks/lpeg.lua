runbook { service = "lpeg", summary = "Grammars and their captures",
  uses = { "metric.query" } }

local P, R, S, V, C, Ct, Cg = lpeg.P, lpeg.R, lpeg.S, lpeg.V, lpeg.C, lpeg.Ct,
  lpeg.Cg
local space = S " \t" ^ 0
local number = C(P "-" ^ -1 * R "09" ^ 1) / tonumber * space

local function fold(first, rest)
  for _, pair in ipairs(rest) do
    first = pair.op == "+" and first + pair.value
      or pair.op == "-" and first - pair.value
      or first * pair.value
  end
  return first
end

local function chain(what, ops)
  return V(what) * Ct(Ct(Cg(C(S(ops)), "op") * space * Cg(V(what), "value"))
    ^ 0) / fold
end

local sum = P { "sum", sum = chain("product", "+-"),
  product = chain("atom", "*"),
  atom = number + "(" * space * V "sum" * ")" * space }

local fields = Ct((Cg(C(R "az" ^ 1) * "=" * C(R "09" ^ 1)
  / function(k, v) return k .. ":" .. v end) * P "," ^ -1) ^ 0)

function run()
  for _, text in ipairs { "1 + 2 * 3", "2*(3+4)*-5", "(((7)))", "1 +", "x" } do
    log("%s = %s", text, tostring(sum:match(text)))
  end
  local parts = {}
  for i = 1, 400 do
    parts[i] = ("%s=%d"):format(("abcdefghij"):sub(i % 10 + 1, -1), i)
  end
  local found = fields:match(table.concat(parts, ","))
  log("%d: %s", #found, table.concat(found, " ", 1, 50))
  log("%s %s", tostring(sum), tostring(select(2, pcall(P, {}))))
  local set = {}
  for _, one in ipairs(found) do
    set[one:sub(1, 4)] = (set[one:sub(1, 4)] or 0) + 1
  end
  for key, count in pairs(set) do
    if count > 38 then
      log("%s is there %d times", key, count)
      metric.query { expr = count % 2 == 0 and "errors" or "load" }
      break
    end
  end
end
