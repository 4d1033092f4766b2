-- Holes that others had, and the errors that Lua 5.4.4 still has, as far as
-- a text can reach them.
local numbered = require "numbered"

return {
  class = "published",
  { "CVE-2022-0543", "a package library that was left in", run =
    "package.loadlib('liblua5.4.so.0', 'luaopen_io')()",
    "refused: undefined global 'package'" },
  { "CVE-2022-24735", "a shared function overwritten for others",
    file = "HEAD function tostring() end",
    "load refused: 'tostring' is a name of rbrun's" },
  { "CVE-2022-24736", "a file whose functions are not there",
    file = "HEAD run = nil", "load refused: the file has no run" },
  { "CVE-2022-24834", "a text that overflows its encoder",
    run = "metric.query { t = ('\\\\\"\\1'):rep(3e5) }", "limit frame" },
  { "CVE-2018-11218", "values too deep for their encoder", run = "local t = {} "
    .. "for i = 1, 28 do t = { t } end metric.query { t = t }",
    "refused: nested too deep" },
  { "CVE-2018-11219", "sizes that overflow an unpacker",
    run = "string.unpack('>I999999999', 'x')",
    "refused: string has no 'unpack'" },
  { "CVE-2020-14147", "sizes that overflow a packer",
    run = "string.packsize('c2147483647c2147483647')",
    "refused: string has no 'packsize'" },
  { "CVE-2024-31449", "the smallest integer in every function of ours",
    run = "local n = math.mininteger for _, f in ipairs { function() return "
      .. "('x'):rep(n) end, function() return table.move({}, n, n, n) end, "
      .. "function() return ('%d'):format(n) end, function() return tostring("
      .. "n) end, function() return ('x'):find('x', n) end, function() return "
      .. "('x'):gsub('x', 'y', n) end, function() return ('x'):gmatch('x', n)()"
      .. " end, function() return log(n) end, function() return pairs({ [n] = "
      .. "n }) end, function() table.sort { n, -1, n } end, function() return "
      .. "lpeg.P(n) end, function() return metric.query { n = n } end } do "
      .. "pcall(f) end log('on')", "says: -9223372036854775808\non" },
  { "CVE-2024-46981", "garbage that lives until the state is closed",
    run = "X = {} for i = 1, 1e4 do X[i] = { __gc = log, __close = log } end "
      .. "finish { as = 'recovered' }", top = "X = nil X = {}", "harmless" },
  { "CVE-2025-49844", "garbage collected while a file is parsed",
    limits = { memory = 8 << 20 }, file = "HEAD function run() end local t = { "
    .. numbered("'" .. ("a"):rep(20) .. "#' .. x,", 6000) .. " }",
    "load refused: undefined global 'x'" },
  { "CVE-2025-46817", "a range that overflows unpack", run = "for _, r in "
    .. "ipairs { { math.mininteger, math.maxinteger }, { -1, 2147483646 }, { 0,"
    .. " math.maxinteger }, { 1, 1 << 31 } } do local ok, e = pcall("
    .. "table.unpack, {}, r[1], r[2]) assert(not ok and e:find('too many "
    .. "results'), e) end log('on')", "says: on" },
  { "CVE-2025-46818", "the metatables of simple values",
    run = "for _, v in ipairs { 'x', 5, true, log } do assert(not pcall("
      .. "function() v.x = 1 end)) assert(not pcall(function() return "
      .. "v.__index.x end)) end log('on')", "says: on" },
  { "CVE-2025-46819", "a long bracket that never ends",
    file = "HEAD x = [" .. ("="):rep(200000), "load refused: invalid long "
    .. "string delimiter" },
  { "CVE-2025-46819", "a long comment that never ends",
    file = "HEAD --[" .. ("="):rep(1000) .. "[ x ]" .. ("="):rep(999) .. "]",
    "load refused: unfinished long comment" },
  { "CVE-2025-46819", "a text cut off in an escape", file = "HEAD x = '\\u{",
    "load refused: hexadecimal digit expected" },
  { "CVE-2025-67733", "an error text with the protocol's own signs",
    run = "error('\\r\\n-ERR\\r\\n$5\\r\\nhello\\r\\n', 0)",
    "refused: \r\n-ERR\r\n$5\r\nhello\r\n" },
  { "CVE-2021-43519", "a stack that overflows in a resumed task",
    run = "local function f(n) return parallel { function() return n < 99 and "
      .. "f(n + 1) or pcall(string.gsub, 'x', 'x', function() return f(1) end) "
      .. "end } end f(1) log('on')", "says: on" },
  { "CVE-2021-44647", "an error whose caller has no name",
    run = "for _, f in ipairs { function() for _ in 5 do end end, function() "
      .. "for _ in pairs({})() do end end, function() local t = {} t.x.y() "
      .. "end, function() return ({})() end, function() return (1)() end } do "
      .. "local ok, e = pcall(f) assert(not ok and type(e) == 'string') end "
      .. "log('on')", "says: on" },
  { "CVE-2021-44964", "garbage that comes to life again",
    run = "local t = {} for i = 1, 2e4 do t[i % 7] = { t[i % 5], function() "
      .. "return t end } end log('on')", "says: on" },
  { "CVE-2022-28805", "a global of an _ENV that is a constant",
    run = "local _ENV <const> = 1 X = 1", "refused: attempt to index" },
  { "CVE-2022-28805", "the same, read and called",
    run = "local l = log local _ENV <const> = {} l(X == nil) return X()",
    "refused: attempt to call" },
  { "CVE-2022-33099", "an error while an error is made",
    run = "local function f(a, b, c, d) return f() .. f() end for _ = 1, 3 "
      .. "do xpcall(f, "
      .. "function() return f() end) end log('on')", "says: on" },
  { "983bc433", "a field set through a weak metatable",
    run = "setmetatable({}, setmetatable({}, { __mode = 'v' }))",
    "refused: undefined global 'setmetatable'" },
  { "196bb94d", "variables to close under a growing stack",
    run = "local function f(n) local x <close> = nil if n > 0 then return f(n "
      .. "- 1) .. '' end return '' end log(#f(9000))", "says: 0" },
  { "1e64c139", "closing of coroutines inside one another",
    run = "coroutine.close()", "refused: undefined global 'coroutine'" },
  { "7923dbbf", "a name looked for in a long chain", file = "HEAD function "
    .. "run() local a = {} a._ENV = a local b = #a" .. ("._ENV"):rep(40000)
    .. ".x end", "refused: attempt to get length" },
  { "997f11f5", "a break out of a loop with a variable to close",
    run = "local n = 0 for i = 1, 3 do local x <close> = nil if i == 2 then "
      .. "break end local f = function() return x end n = n + 1 end log(n)",
    "says: 1" },
  { "f623b969", "texts with zero bytes compared", run = "local t = { 'a\\0b', "
    .. "'a', 'a\\0', '\\0', '', 'a\\0a', 'a\\0\\0' } table.sort(t) local s = "
    .. "{} for i, x in ipairs(t) do s[i] = #x end log(table.concat(s))",
    "says: 0112333" },
  { "5853c37a", "a concatenation whose size overflows", run = "local s = ('x'):"
    .. "rep(1 << 20) local function f(n) if n == 0 then return s end local t = "
    .. "f(n - 1) return t .. t .. t .. t end f(40)", "limit memory" },
  { "c764ca71", "bits of constants far down the list", run = "local a = 12 "
    .. "local t = {" .. numbered("'c#',", 300) .. "} log('%d %d %d', 6 & a, 3 "
    .. "| a, 7 ~ a)", "says: 4 15 11" },
  { "1f3c6f45", "an _ENV that is a constant", run = "local l = log local _ENV "
    .. "<const> = { x = 5 } l(x) x = 6 l(x)", "says: 5\n6" },
  { "25da574f", "an error handler that raises nothing",
    run = "log('%s', xpcall(error, function() error() end))", "says: false" },
  { "3fe7be95", "an error value that is lost on its way",
    run = "local ok, e = pcall(function() local x <close> = nil error({ "
      .. "message = 'kept' }) end) log(e.message)", "says: kept" },
  { "2db966fc", "a trace of a stack that is full", run = "local function f("
    .. "a, b, c, d) return 1 + f() end f()", "refused: stack overflow" },
}
