runbook { service = "text", summary = "Values as text, without an address",
  uses = { "metric.query", "flag.set" } }

local function print_nothing() end

local function mistake(fn, ...)
  return tostring(select(2, pcall(fn, ...)))
end

local function values()
  return { {}, { 1 }, function() end, print_nothing, log, string.format,
    lpeg.P "x", metric, string, 1, 1.0, -0.0, 0 / 0 ~= 0 / 0, 1e15, 1e16,
    2 ^ 53, 1e100, 0.1, 1 / 3, math.huge, -math.huge, math.pi, "text", true,
    math.maxinteger, math.mininteger }
end

local directives = { "%d", "%5d", "%-5d|", "%+d", "%05d", "%i", "%u", "%c",
  "%x", "%X", "%#x", "%o", "%e", "%.3e", "%E", "%f", "%.10f", "%F", "%g",
  "%.17g", "%G", "%a", "%A", "%s", "%q", "%10s|", "%-10s|", "%.2s", "%%",
  "%p", "%y", "%10.4f", "%.99f", "%.100f", "%" }

function run()
  for _, value in ipairs(values()) do
    log("%s %s", type(value), tostring(value))
  end
  for _, directive in ipairs(directives) do
    for _, value in ipairs { 65, -1.5, 255, "a\"b\n", {}, print_nothing } do
      local ok, text = pcall(string.format, directive, value)
      log("%q %s: %s %s", directive, type(value), tostring(ok), text)
    end
  end
  local x = 1.0
  for i = 1, 40 do
    x = x * 1.37 - i / 7
    log("%s %.14g %.17g %a %d", x, x, x, x, math.floor(x))
  end
  for _, text in ipairs { "0x1p-2", "1e309", "  12  ", "0x10", "1_0", "" } do
    log("%q -> %s", text, tostring(tonumber(text)))
  end
  log("%s", mistake(function() return {} .. "" end))
  log("%s", mistake(function() return metric.query + 1 end))
  log("%s", mistake(function() return ({}).x.y end))
  log("%s", mistake(function() return #print_nothing end))
  log("%s", mistake(function() return {} < {} end))
  log("%s", mistake(error, { 1, 2 }))
  log("%s", mistake(error, print_nothing))
  log("%s", mistake(string.rep, "x", -1, {}))
  log("%s", mistake(metric.query, { expr = print_nothing }))
  log("%s", mistake(metric.query, { expr = "errors", [{}] = 1 }))
  local answer = metric.query { expr = "errors" }
  log("%s %s", tostring(answer), tostring(answer.value))
  undo("what was", function() flag.set { flag = "new", on = true } end)
  flag.set { flag = "new", on = false }
  metric.query { expr = "errors" } -- here the plan's sight ends
  error(values())
end
