-- Memory, the stack, and work in C that one instruction starts.
local numbered = require "numbered"

return {
  class = "memory, stack, C library",
  { "v38", "string.rep of a gigabyte", run = "('x'):rep(1 << 30)",
    "refused: longer than 1 MiB" },
  { "v38 variant", "string.rep by the method of a string",
    run = "local s = 'x' s:rep(1 << 40)", "refused: longer than 1 MiB" },
  { "v38 variant", "string.rep with a large gap",
    run = "('x'):rep(3, ('y'):rep(1e6) .. 'z')", "refused: 1 MiB" },
  { "v38 variant", "a text doubled until memory ends",
    run = "local s = 'x' while true do s = s .. s end", "limit memory" },
  { "v38 variant", "the same, behind pcall", run = "local s = 'x' while true "
    .. "do pcall(function() s = s .. s end) end", "limit memory" },
  { "v38 variant", "table.concat of one text many times", run = "local t, s = "
    .. "{}, ('x'):rep(1e6) for i = 1, 1000 do t[i] = s end table.concat(t)",
    "limit memory" },
  { "v38 variant", "string.format of one text many times",
    run = "local s = ('x'):rep(1e6) local t = {} for i = 1, 200 do t[i] = s "
      .. "end string.format(('%s'):rep(200), table.unpack(t))",
    "limit memory" },
  { "v38 variant", "a chain of concatenations of one text", run = "local s = "
    .. "('x'):rep(1e6) local t = s" .. (" .. s"):rep(150), "limit memory" },
  { "v39", "string.rep of nothing, without an end",
    run = "log(#(''):rep(1 << 62))", "says: 0" },
  { "v39 variant", "string.rep at the ends of the integers",
    run = "log(#('x'):rep(math.mininteger) + #('x'):rep(-1) + #(''):rep("
      .. "math.maxinteger, ''))", "says: 0" },
  { "v39 variant", "string.rep of nothing with a gap",
    run = "(''):rep(1 << 62, 'y')", "refused: longer than 1 MiB" },
  { "v40", "a pattern that tries everything",
    run = "(('a'):rep(60000)):find(('.-'):rep(6) .. 'b')", "limit cpu" },
  { "v40", "the same on more text than patterns get",
    run = "(('a'):rep(200000)):find('.-.-b')", "refused: at most 64 KiB" },
  { "v40 variant", "gmatch, through a string's methods",
    run = "('a'):rep(70000):gmatch('.-b')", "refused: at most 64 KiB" },
  { "v40 variant", "match with a fourth argument that says plain",
    run = "('a'):rep(70000):match('.-.-b', 1, true)",
    "refused: at most 64 KiB" },
  { "v40 variant", "gsub of more text than patterns get",
    run = "('a'):rep(70000):gsub('x', 'y')", "refused: at most 64 KiB" },
  { "v40 variant", "plain text searched for in much text",
    run = "('a'):rep(1 << 20):find(('a'):rep(1 << 19) .. 'b', 1, true)",
    "limit cpu" },
  { "v40 variant", "a pattern that recurses", run = "('x'):rep(6e4):match(("
    .. "'x?'):rep(6e4))", "refused: pattern too complex" },
  { "v40 variant", "odd patterns", run = "for _, p in ipairs { '%', '[', "
    .. "'[^', '[%', '[]', '%b', '%bx', '%f', '%f[', '(', ')', '%1', '(%1)', "
    .. "'()%1', '[a-', '[%a-z]', '%9', '\\0', '%\\0', '[\\0', ('('):rep(33), "
    .. "('%f[x]'):rep(99) } do for _, f in ipairs { string.find, "
    .. "string.match, string.gmatch, string.gsub } do pcall(function() local "
    .. "r = f('a(b)\\0c', p, 1) return type(r) == 'function' and r() end) end "
    .. "end log('on')", "says: on" },
  { "v40 variant", "odd replacements", run = "for _, r in ipairs { '%', "
    .. "'%2', '%0%1', '%\\0', {}, { a = {} }, { a = log }, log, 5 } do "
    .. "pcall(string.gsub, 'aaa', 'a', r) end log('on')", "harmless" },
  { "v40 variant", "a replacement from a library", run = "('x'):gsub('x', "
    .. "string)", "refused: string has no 'x'" },
  { "v41", "balanced brackets that never balance", run = "while true do "
    .. "(('('):rep(60000)):find('%b()') end", "limit cpu" },
  { "v42", "gsub that multiplies", run = "('x'):rep(6e4):gsub('', ('y'):rep("
    .. "1e5))", "limit memory" },
  { "v42 variant", "gsub with a function that multiplies",
    run = "('x'):rep(6e4):gsub('x', function() return ('y'):rep(1e6) end)",
    "limit memory" },
  { "v43", "long texts compared", run = "local a, b = ('x'):rep(1 << 20), "
    .. "('x'):rep(1 << 19):rep(2) while true do local x = a == b end",
    "limit cpu" },
  { "v43 variant", "one long text sorted against itself", run = "local t, s = "
    .. "{}, ('x'):rep(1 << 20) for i = 1, 2e5 do t[i] = s end table.sort(t)",
    "limit cpu" },
  { "v43 variant", "a long text turned around for ever",
    run = "local s = ('x'):rep(1 << 20) while true do s = s:reverse() end",
    "limit cpu" },
  { "v44", "table.unpack of ten million", run = "table.unpack({}, 1, 1e7)",
    "refused: too many results" },
  { "v44", "string.byte of a megabyte", run = "('x'):rep(1 << 20):byte(1, -1)",
    "refused: string slice too long" },
  { "v44 variant", "string.char of what is no byte", run = "for _, n in "
    .. "ipairs { -1, 256, math.mininteger, math.maxinteger, 1.5 } do assert("
    .. "not pcall(string.char, n)) end log('on')", "says: on" },
  { "v44 variant", "positions at the ends of the integers", run = "local lo, "
    .. "hi, s = math.mininteger, math.maxinteger, 'abc' log('%s|%s|%s|%s|%s', "
    .. "s:sub(lo, hi), s:sub(hi, lo), s:byte(hi), #{ s:byte(lo, hi) }, "
    .. "s:find('b', lo)) log('%s|%s|%s', s:find('b', hi), s:match('b', hi), "
    .. "s:gsub('', 'x', lo))", "says: abc||nil|3|2\nnil|nil|abc" },
  { "v44 variant", "the functions of utf8 at the ends of the integers",
    run = "local lo, hi = math.mininteger, math.maxinteger for _, n in ipairs "
      .. "{ lo, -5, 0, 5, hi } do for _, m in ipairs { lo, -5, 0, 5, hi } do "
      .. "pcall(utf8.len, 'aäb', n, m) pcall(utf8.codepoint, 'aäb', n, m) "
      .. "pcall(utf8.offset, 'aäb', n, m) pcall(utf8.char, n, m) end end "
      .. "log('on')", "says: on" },
  { "v44 variant", "select at the ends of the integers", run = "for _, n in "
    .. "ipairs { math.mininteger, -2, 0 } do assert(not pcall(select, n, 'x'))"
    .. " end log(select('#', select(math.maxinteger, 'x')))", "says: 0" },
  { "v44 variant", "arithmetic at the ends of the integers",
    run = "local lo, hi = math.mininteger, math.maxinteger log('%s %s %s %s "
      .. "%s %s', lo // -1 == lo, lo % -1, math.fmod(lo, -1), hi * 2, "
      .. "math.abs(lo) == lo, 1 << 64) assert(not pcall(function() return 1 "
      .. "// 0 end)) assert(not pcall(math.fmod, 1, 0)) assert(not "
      .. "pcall(math.tointeger)) log(math.ult(hi, lo))",
    "says: true 0 0 -2 true 0\ntrue" },
  { "v44 variant", "math.random at the ends of the integers", run = "local "
    .. "lo, hi = math.mininteger, math.maxinteger for _ = 1, 100 do local n = "
    .. "math.random(lo, hi) assert(math.type(n) == 'integer') assert("
    .. "math.random(hi, hi) == hi) end assert(not pcall(math.random, hi, lo)) "
    .. "assert(not pcall(math.random, -1)) log('on')", "says: on" },
  { "v44 variant", "tonumber of odd texts", run = "for _, s in ipairs { '0x', "
    .. "'1e', '1e999', ('9'):rep(1e5), '0x' .. ('f'):rep(1e5), ' ', '\\0', "
    .. "'1\\0', 'inf', 'nan', '0x1p99999', ('1'):rep(400) .. 'e-400' } do "
    .. "tonumber(s) for base = 2, 36 do pcall(tonumber, s, base) end end "
    .. "assert(not pcall(tonumber, '1', 1)) assert(not pcall(tonumber, '1', "
    .. "1 << 40)) log('on')", "says: on" },
  { "v44 variant", "text that becomes a number by itself",
    run = "log('%s %s %s', '10' + '0x10', pcall(function() return 'a' + 1 "
      .. "end), pcall(function() return '1' | '1.5' end))",
    "says: 26 false false" },
  { "v45", "string.format with the largest widths",
    run = "('%99.99f'):rep(1000):format(1)", "refused: bad argument #2" },
  { "v45", "addresses by string.format", run = "('%p'):format({})",
    "refused: %p is not available" },
  { "v45 variant", "addresses by string.format, with flags",
    run = "('%-5p'):format(log)", "refused: %p is not available" },
  { "v45 variant", "addresses by a method and a late directive",
    run = "('%d%%%5.1f%-0+ #12p'):format(1, 2, {})",
    "refused: %p is not available" },
  { "v45 variant", "a width of four digits", run = "('%1000d'):format(1)",
    "refused: invalid conversion" },
  { "v45 variant", "odd directives", run = "for _, f in ipairs { '%', '%%%', "
    .. "'%y', '%5', '%.', '%-', '%.999s', '%ll', '%\\0', '%1$s', '%*d', '%n', "
    .. "'%hn', '%ls', '%#q', '%5q' } do assert(not pcall(string.format, f, "
    .. "1), f) end log('on')", "says: on" },
  { "v45 variant", "directives without arguments", run = "for _, f in ipairs "
    .. "{ '%s', '%d', '%q', '%c', '%a', '%5.2s' } do assert(not pcall("
    .. "string.format, f), f) end log('on')", "says: on" },
  { "v45 variant", "%q of everything", run = "log('%q %q %q', 1/0, "
    .. "math.mininteger, '\\0\\r\\n\"') assert(not pcall(string.format, '%q', "
    .. "{}))", "says: 1e9999 0x8000000000000000 \"\\0\\13\\\n\\\"\"" },
  { "v46", "string.pack of a gigabyte", run = "string.pack('c' .. (1 << 30), "
    .. "'')", "refused: string has no 'pack'" },
  { "v46 variant", "string.unpack past the end", run = "('x'):unpack('i16', "
    .. "1 << 62)", "refused: string has no 'unpack'" },
  { "v47", "a comparison that is never false", run = "local t = { 3, 2, 1 } "
    .. "table.sort(t, function() return true end) log(#t)", "says: 3" },
  { "v47 variant", "a comparison that changes the list",
    run = "local t = {} for i = 1, 500 do t[i] = -i end table.sort(t, "
      .. "function(a, b) t[#t] = nil t[1000] = 'x' return a < b end) "
      .. "log(#t >= 500)", "says: true" },
  { "v47 variant", "a comparison that sorts the list",
    run = "local t, n = {}, 0 for i = 1, 60 do t[i] = 60 - i end "
      .. "table.sort(t, function(a, b) n = n + 1 if n < 150 then "
      .. "table.sort(t) end return a < b end) log('%d %d', t[1], t[60])",
    "says: 0 59" },
  { "v47 variant", "a comparison that fails half-way leaves the list",
    run = "local t, n = { 5, 4, 3, 2, 1 }, 0 pcall(table.sort, t, function("
      .. "a, b) n = n + 1 if n == 4 then error('x') end return a < b end) "
      .. "log(table.concat(t))", "says: 54321" },
  { "v47 variant", "a comparison that collects garbage of the list",
    run = "local t = {} for i = 1, 300 do t[i] = 'k' .. -i end table.sort(t, "
      .. "function(a, b) for i = 1, 300 do t[i] = nil end local g = {} for i "
      .. "= 1, 50 do g[i] = {} end return a < b end) log(t[1])",
    "says: k-1" },
  { "v47 variant", "a list of kinds that have no order",
    run = "table.sort({ 1, 'x', 2 })", "refused: attempt to compare" },
  { "v47 variant", "a list of nan", run = "local t = {} for i = 1, 999 do "
    .. "t[i] = 0/0 end table.sort(t) log(#t)", "says: 999" },
  { "v47 variant", "a comparison that is no function",
    run = "table.sort({ 1, 2 }, {})", "refused: function expected" },
  { "v47 variant", "sorting without an end", run = "while true do pcall("
    .. "table.sort, { 3, 2, 1 }, function() end) end", "limit instructions" },
  { "v48", "recursion in Lua", run = "local function f() return 1 + f() end "
    .. "f()", "limit memory" },
  { "v48 variant", "recursion in Lua, with more variables",
    run = "local function f(a, b, c, d) return 1 + f(a, b, c, d) end f()",
    "refused: stack overflow" },
  { "v48 variant", "recursion with ever more arguments",
    run = "local function f(...) return f(1, ...) end f()",
    "refused: overflow" },
  { "v48 variant", "recursion behind pcall, again and again",
    run = "local function f(...) return 1 + f(1, ...) end while true do "
      .. "pcall(f) end", "limit" },
  { "v48 variant", "an error far down the stack", run = "local function f(n) "
    .. "if n == 0 then error('deep') end return 1 + f(n - 1) end f(150000)",
    "refused: deep" },
  { "v49", "recursion through gsub", run = "local function f() return ('x'):"
    .. "gsub('x', f) end f()", "refused: C stack overflow" },
  { "v49 variant", "recursion through table.sort", run = "local function f() "
    .. "table.sort({ 1, 2 }, f) end f()", "refused: C stack overflow" },
  { "v49 variant", "recursion through lpeg", run = "local p p = lpeg.P("
    .. "function(s) lpeg.match(p, s) return 1 end) p:match('x')",
    "refused: C stack overflow" },
  { "v49 variant", "recursion through tasks", run = "local function f(n) "
    .. "return parallel { function() return ('x'):gsub('x', function() f(n + "
    .. "1) end) end } end f(1)", "refused: where a run cannot wait" },
  { "v50", "coroutines that close one another",
    run = "coroutine.close(log)", "refused: undefined global 'coroutine'" },
  { "v50 variant", "200 tasks, each given up inside the other",
    run = "local function f(n) if n == 200 then error('deep') end parallel { "
      .. "function() wait('1h') end, function() f(n + 1) end } end "
      .. "pcall(f, 100) log('on')", "says: on" },
  { "v51", "long names in an error message", file = "HEAD function run() local "
    .. "a = {} a._ENV = a local b = a" .. ("._ENV"):rep(40000)
    .. " + 1 end", "refused: attempt to perform arithmetic on a table value" },
  { "v51 variant", "a name of 200 KB in an error message", file = "HEAD "
    .. "function run() local " .. ("a"):rep(100000) .. " = 1 "
    .. ("a"):rep(100000) .. "() end", "refused: attempt to call a number" },
  { "v51 variant", "a long global that is not there",
    run = "local x = _ENV[('x'):rep(1 << 20)]",
    "refused: undefined global 'xxxx" },
  { "v52", "a collection that takes long", run = "collectgarbage()",
    "refused: undefined global 'collectgarbage'; memory is limited" },
  { "v53", "collection switched off", run = "collectgarbage('stop')",
    "refused: undefined global 'collectgarbage'" },
  { "v53 variant", "garbage made as fast as can be", run = "for i = 1, 500 do "
    .. "local s = ('x'):rep(1e6) .. i end log('on')", "says: on" },
  { "v54", "integer keys that all collide", run = "local t = {} for i = 1, "
    .. "200000 do t[i * 131071] = i end", "limit cpu" },
  { "v54 variant", "a table that only grows", run = "local t = {} while true "
    .. "do t[#t + 1] = {} end", "limit memory" },
  { "v54 variant", "300,000 keys in order", run = "local t = {} for i = 1, "
    .. "3e5 do t['k' .. i] = 1 end for _ in pairs(t) do end", "harmless" },
  { "v54 variant", "pairs, again and again", run = "while true do for _ in "
    .. "pairs({ 1, 2, 3 }) do end end", "limit instructions" },
  { "v55", "too many locals", file = ("local a = 1 "):rep(300),
    "load refused: too many local variables" },
  { "v55", "many constants", file = "HEAD function run() local t = {"
    .. numbered("'c#',", 20000) .. "} end", "harmless" },
  { "v55 variant", "many numbers", file = "HEAD function run() local t = {"
    .. numbered("#.5,", 20000) .. "} end", "harmless" },
  { "v55 variant", "too many upvalues", file = "HEAD function run() "
    .. numbered("local a# = 1 ", 130) .. "local function f() "
    .. numbered("local b# = 1 ", 130) .. "return function() "
    .. numbered("a# = b# ", 130) .. "end end end",
    "load refused: too many upvalues" },
  { "v55 variant", "a file of zeros", file = ("\0"):rep(1000),
    "load refused: unexpected symbol" },
  { "v55 variant", "a huge number", file = "HEAD x = " .. ("9"):rep(200000)
    .. " function run() log(x) end", "says: inf" },
  { "v55 variant", "a file of one long name", file = ("x"):rep(262144),
    "load refused: syntax error near <eof>" },
}
