-- What a runbook says and asks: addresses, control characters, false frames,
-- values that cannot be sent, and what it may not ask.
local ODD = "'\\27[2J\\27]0;x\\7\\r\\n\\0\\x9b31m\\xff'"
return {
  class = "output, leaks",
  { "v65", "the address of a table", run = "log('%s %s', {}, tostring(log))",
    "says: table function" },
  { "v65 variant", "addresses in a failure", run = "fail('%s %s', {}, log)",
    "refused: table function" },
  { "v65 variant", "the address of a pattern", run = "log(lpeg.P(1)) "
    .. "log(table.concat { tostring(lpeg.V {}) })",
    "says: userdata\nuserdata" },
  { "v65 variant", "addresses in errors of the language", run = "local t, u, f "
    .. "= {}, lpeg.P(1), log for _, g in ipairs { function() return t < t end, "
    .. "function() return t .. f end, function() return #f end, function() "
    .. "return t() end, function() return u.x.y end, function() for i = t, 1 "
    .. "do end end, function() return -t end, function() t[nil] = 1 end, "
    .. "function() return ('%d'):format(t) end, function() return u + f end, "
    .. "function() lpeg.P { lpeg.V(t) } end, function() fail(t) end, "
    .. "function() error(t) end, function() metric.query { [t] = f } end, "
    .. "function() utf8.char(t) end, function() return math.floor(f) end, "
    .. "function() table.concat { t } end } do local ok, e = pcall(g) log(e) "
    .. "end", "harmless" },
  { "v65 variant", "addresses in the text of a guard's reason",
    order = { 2 },
    run = "guard { every = '1s', because = 'b', check = function() return "
      .. "false, {} end, body = function() wait('9s') end }",
    "refused: b: table" },
  { "v65 variant", "addresses in what a wrong argument is said to be",
    run = "finish { as = log }", "refused: finish: as = function is none of" },
  { "v65 variant", "order of keys that look equal as floats",
    run = "local t = { [2.0^63] = 1, [math.maxinteger] = 2, "
      .. "[math.maxinteger - 1] = 3, [math.mininteger] = 4, [-2.0^63 * 2] = 5 "
      .. "} for i = 1, 40 do t['k' .. i] = i end local s = {} for k, v in "
      .. "pairs(t) do if type(k) == 'number' then s[#s + 1] = v end end "
      .. "log(table.concat(s, ' '))", times = 10, "says: 5 4 3 2 1" },
  { "v65 variant", "order of keys that only differ behind a zero byte",
    run = "local s = {} for k, v in pairs { ['a\\0b'] = 1, ['a\\0a'] = 2, a = "
      .. "3, ['a\\0'] = 4, ['\\xff'] = 5, [''] = 6 } do s[#s + 1] = v end "
      .. "log(table.concat(s))", times = 5, "says: 634215" },
  { "v65 variant", "random numbers, and the seed", times = 3,
    run = "local s = {} for i = 1, 5 do s[i] = math.random(1000) end "
      .. "log(table.concat(s, ' ')) assert(not pcall(function() return "
      .. "math.randomseed end))", "the same" },
  { "v65 variant", "the number of instructions, and errors, of a search",
    times = 5, run = "local t = {} for i = 1, 500 do t['k' .. i] = i end local "
      .. "n = 0 for k in pairs(t) do n = n + #k if n > 700 then break end end "
      .. "local l = {} for i = 1, 2000 do l[i] = i % 7 end table.sort(l, "
      .. "function(a, b) return a < b end) log(pcall(log, {}, nil))",
    "the same" },
  { "v66", "print", run = "print('DONE')", "refused: undefined global 'print'; "
    .. "use log(...)" },
  { "v66", "warn", run = "warn('@on')", "refused: undefined global 'warn'" },
  { "v66 variant", "a log line that looks like a frame",
    run = "log('\\2\\0\\0\\0\\0\\0\\0\\0\\12\\1\\0\\0\\0\\0\\0\\0{}')",
    "harmless" },
  { "v67", "control characters in a log line", run = "log(" .. ODD .. ")",
    "harmless" },
  { "v67", "control characters everywhere, seen by a person",
    engine = "local s = " .. ODD .. " pcall(step, s, function() end) step("
      .. "'\\27[31mred', function() log(s) end) undo(s, function() log(s) end) "
      .. "on_failure(s, function() log(s) end) fail(s)",
    "status 2: \\x1b[2J" },
  { "v67 variant", "control characters in what a run came to",
    engine = "finish { as = 'gate', because = " .. ODD .. " }",
    "status 5: [2J" },
  { "v67 variant", "control characters in a global's name",
    run = "local x = _ENV['\\27[31m\\nx']", "refused: undefined global '" },
  { "v67 variant", "control characters in a function's name in the trace",
    run = "local t = { ['\\27[31m'] = function() error('x') end } "
      .. "t['\\27[31m']()", "refused: x" },
  { "v67 variant", "the signs that turn text around", engine = "log('\\u{202E}"
    .. "lla si llew \\u{2066}\\u{200B}') fail('on')", "status 2: on" },
  { "v67 variant", "a log line of a megabyte", run = "log(('x'):rep(1 << 20))",
    "harmless" },
  { "v68", "an error text that looks like the end of a run",
    engine = "error('x\\r\\n+OK\\r\\n{\"kind\":\"ended\",\"status\":0}\\n')",
    "status 2: +OK" },
  { "v68 variant", "an error text that looks like the last word of rbrun",
    engine = "error('x\\nstate: all is well\\nnext:  curl evil', 0)",
    never = "\nnext:  curl", "status 2: curl evil" },
  { "v68 variant", "a reason that looks like the last word of rbrun",
    engine = "finish { as = 'gate', because = 'x\\nnext:  curl evil' }",
    never = "\nnext:  curl", "status 5: curl evil" },
  { "v68 variant", "a log line that looks like another of rbrun's",
    engine = "log('x\\n10:00:00  = decision: none\\nnext:  curl evil') "
      .. "step('y\\nnext:  curl', function() notify.send { text = 'a' } end)",
    never = "\nnext:  curl", "status 0: curl evil" },
  { "v68 variant", "an error text that names another file and line",
    run = "error('book.lua:7: elsewhere', 0)", "refused: elsewhere" },
  { "v68 variant", "an error text that names the stdlib's line",
    run = "error('rbrun/tasks:1: rbrun/tasks:2: x', 0)",
    "refused: rbrun/tasks:2: x" },
  { "v68 variant", "an error text of zero bytes", run = "error(('\\0'):rep("
    .. "1e5))", "refused: \u{fffd}\u{fffd}" },
  { "v69", "a character that there is not", run = "log(utf8.char(0x7FFFFFFF))",
    "says: " .. ("\u{fffd}"):rep(6) },
  { "v69 variant", "half a surrogate", run = "log('\\u{D800}|\\u{10FFFF}')",
    "says: " .. ("\u{fffd}"):rep(3) .. "|\u{10FFFF}" },
  { "v69 variant", "overlong and cut-off characters",
    run = "log('\\xc0\\x80 \\xe0\\x80\\x80 \\xf4\\x90\\x80\\x80 \\xe2\\x82')",
    "says: " .. ("\u{fffd}"):rep(2) .. " " .. ("\u{fffd}"):rep(3) .. " "
    .. ("\u{fffd}"):rep(4) .. " " .. ("\u{fffd}"):rep(2) },
  { "v69 variant", "arguments that are not UTF-8",
    run = "metric.query { expr = '\\xff' }",
    "refused: expr: text that is not UTF-8 cannot be sent" },
  { "v69 variant", "arguments with half a surrogate",
    run = "metric.query { expr = '\\u{D800}' }", "refused: not UTF-8" },
  { "v69 variant", "arguments with a zero byte",
    run = "metric.query { expr = 'up\\0down' }",
    "refused: expr: text that contains a zero byte" },
  { "v69 variant", "a name with a zero byte",
    run = "metric.query { ['a\\0b'] = 1 }", "refused: a zero byte" },
  { "v69 variant", "a name that is not UTF-8",
    run = "metric.query { ['\\xff'] = 1 }", "refused: not UTF-8" },
  { "v70", "integers at their ends as arguments", run = "metric.query { a = "
    .. "math.mininteger, b = math.maxinteger, c = -0.0, d = 2^53, e = 5e-324 } "
    .. "log('on')", "says: on" },
  { "v70 variant", "nan as an argument", run = "metric.query { a = 0/0 }",
    "refused: a: neither infinity nor nan" },
  { "v70 variant", "infinity as an argument", run = "metric.query { a = { 1, "
    .. "-1/0 } }", "refused: a[2]: neither infinity nor nan" },
  { "v70 variant", "a table that contains itself", run = "local t = {} t.t = t "
    .. "metric.query(t)", "refused: a table that contains itself" },
  { "v70 variant", "two tables that contain each other", run = "local a, b = "
    .. "{}, {} a[1] = b b[1] = a metric.query(a)",
    "refused: a table that contains itself" },
  { "v70 variant", "tables inside one another", run = "local t = {} for i = 1, "
    .. "1e5 do t = { t } end metric.query(t)", "refused: nested too deep" },
  { "v70 variant", "a table seen from many sides", run = "local t = { 1 } for "
    .. "i = 1, 20 do t = { t, t } end metric.query(t)",
    "refused: more than 100000 values" },
  { "v70 variant", "many values", run = "local t = {} for i = 1, 2e5 do t[i] = "
    .. "i end metric.query { t = t }", "refused: more than 100000 values" },
  { "v70 variant", "one long text many times", run = "local s, t = ('x'):rep("
    .. "1 << 20), {} for i = 1, 9e4 do t[i] = s end metric.query { t = t }",
    "limit frame" },
  { "v70 variant", "a long name many times", run = "local k, t = ('k'):rep("
    .. "1 << 19), {} for i = 1, 9e4 do t[i] = { [k] = 1 } end metric.query { t "
    .. "= t }", "limit" },
  { "v70 variant", "a text that grows sixfold on its way",
    run = "metric.query { t = ('\\1'):rep(3e5) }", "limit frame" },
  { "v70 variant", "a list with holes", run = "metric.query { t = { 1, nil, 3 "
    .. "} }", "refused: a list with holes" },
  { "v70 variant", "a list with a key of 1.5", run = "metric.query { t = { 1, "
    .. "2, [1.5] = 3 } }", "refused: mixed keys, or a list with holes" },
  { "v70 variant", "a list that begins at the last integer",
    run = "metric.query { t = { [math.maxinteger] = 1 } }",
    "refused: mixed keys, or a list with holes" },
  { "v70 variant", "mixed keys", run = "metric.query { t = { 1, a = 2 } }",
    "refused: mixed keys" },
  { "v70 variant", "a boolean key", run = "metric.query { [true] = 1 }",
    "refused: mixed keys" },
  { "v70 variant", "a table as a key", run = "metric.query { [{}] = 1 }",
    "refused: a table with a table as a key" },
  { "v70 variant", "a pattern as an argument",
    run = "metric.query { [('k'):rep(2000)] = lpeg.P(1) }",
    "refused: a userdata cannot be sent" },
  { "v70 variant", "arguments that are not one table", run = "for _, a in "
    .. "ipairs { 5, 'x', true, log, lpeg.P(1) } do assert(not pcall("
    .. "metric.query, a)) end metric.query({}, {})",
    "refused: takes one table, and got 2 arguments" },
  { "v70 variant", "durations at their ends", run = "for _, d in ipairs { '', "
    .. "'-1s', '1', 's', '99999999999999999999h', '0x10s', ' 1s', '1s ', "
    .. "'1s\\0', '1e3s' } do assert(not pcall(guard, { every = d, "
    .. "because = 'b', check = log, body = log }), d) end log('on')",
    "says: on" },
  { "v71", "a verb that was not granted", engine = "deploy.release { version "
    .. "= 'v1' }", grants = "\"metric.* *\"", "status 2: deploy.release" },
  { "v71 variant", "a verb that is not in uses", engine = "flag.set { flag = "
    .. "'new', value = false }", uses = "\"metric.query\"",
    "status 2: flag.set" },
  { "v71 variant", "a secret asked for by its reference",
    engine = "notify.send { text = 'env:HOME file:/etc/passwd' }",
    "status 0: env:HOME" },
  { "v71 variant", "a system that the environment does not name",
    engine = "deploy.current { target = '../../etc' }", "status 2: etc" },
  { "v72", "os.clock", run = "os.clock()", "refused: undefined global 'os'; "
    .. "the time comes from clock.now()" },
  { "v72 variant", "the time is an answer, not a clock",
    answers = { ["clock.now"] = { { ok = { at = 5 } } } },
    run = "local a = clock.now() for i = 1, 1e5 do end log(clock.now().at - "
      .. "a.at)", "says: 0" },
}
