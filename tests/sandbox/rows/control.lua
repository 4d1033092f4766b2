-- Ways around the limits by what controls the flow: errors that are caught,
-- tasks, undo steps, guards, jumps.
local FOREVER = "while true do end"
local SPIN = "function() while true do end end"
return {
  class = "control flow around limits",
  { "v28", "pcall swallows the limit", run = "while true do pcall(" .. SPIN
    .. ") end", "limit instructions" },
  { "v28 variant", "attempt swallows the limit", run = "while true do "
    .. "attempt(" .. SPIN .. ") end", "limit instructions" },
  { "v28 variant", "attempt swallows what tasks of its own do",
    run = "while true do attempt(parallel, { " .. SPIN .. " }) end",
    "limit instructions" },
  { "v28 variant", "large texts made behind pcall", run = "while true do "
    .. "pcall(string.rep, 'y', 1e6) end", "limit instructions" },
  { "v28 variant", "larger texts made behind pcall", run = "for i = 1, 1e9 do "
    .. "pcall(('x').rep, ('y'):rep(1e5), 10) end", "limit instructions" },
  { "v28 variant", "a loop at the top of the file", file = FOREVER,
    "limit instructions" },
  { "v28 variant", "a loop at the top of a module",
    file = "HEAD pcall(require, 'a')", modules = { a = FOREVER },
    "limit instructions" },
  { "v28 variant", "a loop in an environment", role = "config",
    file = FOREVER, "limit instructions" },
  { "v28 variant", "a loop while the file is only checked", check = true,
    file = FOREVER, "limit instructions" },
  { "v28 variant", "a loop in a plan", plan = true, run = FOREVER,
    "limit instructions" },
  { "v29", "an error handler that loops", run = "xpcall(" .. SPIN .. ", "
    .. SPIN .. ")", "limit instructions" },
  { "v29 variant", "an error handler that raises, and so on",
    run = "xpcall(error, function() xpcall(error, function() xpcall(error, "
      .. SPIN .. ") end) end)", "limit instructions" },
  { "v29 variant", "an error handler of a stack overflow that loops",
    run = "local function f(a, b, c, d) return 1 + f(a, b, c, d) end "
      .. "xpcall(f, " .. SPIN .. ")",
    "limit instructions" },
  { "v29 variant", "an error handler that waits",
    run = "xpcall(error, function() wait('1s') end) log('on')", "says: on" },
  { "v29 variant", "an error handler that starts tasks",
    run = "xpcall(error, function() parallel { log } end) log('on')",
    "says: on" },
  { "v30", "coroutines that start the count anew",
    run = "coroutine.wrap(log)()", "refused: undefined global 'coroutine'; "
    .. "use parallel or guard" },
  { "v30", "many tasks of just under the count",
    run = "while true do parallel { function() for i = 1, 300 do end end } "
      .. "end", "limit instructions" },
  { "v31", "many tiny tasks", run = "while true do parallel { function() end, "
    .. "function() end } end", "limit instructions" },
  { "v31 variant", "tasks that fail, again and again", run = "while true do "
    .. "attempt(parallel, { error, error }) end", "limit instructions" },
  { "v31 variant", "a task that starts a task that starts a task",
    run = "local function f() parallel { f } end f()",
    "refused: more than 256 tasks" },
  { "v31 variant", "300 tasks at once", run = "local t = {} for i = 1, 300 do "
    .. "t[i] = function() wait('1s') end end parallel(t)",
    "refused: more than 256 tasks" },
  { "v31 variant", "guards inside guards", run = "local function f() guard { "
    .. "every = '1s', because = 'b', check = function() return true end, "
    .. "body = f } end f()", "refused: more than 256 tasks" },
  { "v31 variant", "a branch that gives back a million values",
    run = "local t = {} for i = 1, 990000 do t[i] = i end parallel { "
      .. "function() return table.unpack(t) end }",
    "refused: a function gave back 990000 values" },
  { "v31 variant", "a guard's body that gives back 300,000 values",
    run = "local t = {} for i = 1, 300000 do t[i] = i end pcall(guard, { "
      .. "every = '1s', because = 'b', check = function() return true end, "
      .. "body = function() return table.unpack(t) end }) log('on')",
    "says: on" },
  { "v31 variant", "run gives back a million values",
    run = "local t = {} for i = 1, 990000 do t[i] = i end return "
      .. "table.unpack(t)", "harmless" },
  { "v31 variant", "a branch that gives back itself", run = "local r r = "
    .. "parallel { a = function() return _ENV end } log(r.a == _ENV)",
    "says: true" },
  { "v31 variant", "branches that are no functions",
    run = "parallel { 1, 'x', {} }", "refused: is a number, not a function" },
  { "v31 variant", "branches under nan and infinity",
    run = "local r = parallel { [1/0] = function() return 1 end, [-1/0] = "
      .. "function() return 2 end } log('%d %d', r[1/0], r[-1/0])",
    "says: 1 2" },
  { "v32", "debug.sethook in a coroutine",
    run = "coroutine.create(debug.sethook)",
    "refused: undefined global 'coroutine'" },
  { "v33", "memory errors swallowed", run = "local t = {} for i = 1, 1e9 do "
    .. "pcall(function() t[i] = ('x'):rep(1e6) .. i end) end",
    "limit memory" },
  { "v33 variant", "memory errors swallowed in string.rep",
    run = "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1e5) pcall("
      .. "table.concat, t) end", "limit memory" },
  { "v33 variant", "memory errors swallowed in gsub", run = "local t = {} for "
    .. "i = 1, 1e9 do t[i] = ('x'):rep(6e4):upper() pcall(string.gsub, t[i], "
    .. "'X', ('y'):rep(33)) end", "limit memory" },
  { "v33 variant", "memory taken in an undo step", run = "undo(function() "
    .. "local t = {} while true do t[#t + 1] = {} end end) fail()",
    "limit memory" },
  { "v33 variant", "memory taken in an error handler", run = "xpcall(error, "
    .. "function() local t = {} while true do t[#t + 1] = {} end end)",
    "limit memory" },
  { "v34", "a jump to itself", run = "::a:: goto a", "limit instructions" },
  { "v34", "a loop to the last integer", run = "for i = 1, math.maxinteger "
    .. "do end", "limit instructions" },
  { "v34", "a loop that repeats", run = "repeat until false",
    "limit instructions" },
  { "v34 variant", "an iterator without an end", run = "for _ in (function() "
    .. "return 1 end) do end", "limit instructions" },
  { "v34 variant", "a loop of floats that does not move",
    run = "for i = 1e300, 2e300, 1 do end", "limit instructions" },
  { "v34 variant", "a loop around the end of the integers",
    run = "local n = 0 for i = math.maxinteger - 1, math.maxinteger do n = n "
      .. "+ 1 end for i = math.mininteger, math.maxinteger, math.maxinteger "
      .. "do n = n + 1 end log(n)", "says: 5" },
  { "v34 variant", "a tail call without an end",
    run = "local function f(x) return f(x) end f(1)",
    "refused: stack overflow" },
  { "v34 variant", "tail calls keep their values", run = "local function g("
    .. "...) return ... end local function f(...) local x = ... local h = "
    .. "function() return x end return g(h(), ...) end log('%s %s %s', f(1, "
    .. "nil, 3))", "says: 1 1 nil" },
  { "v34 variant", "pairs over a table that grows", run = "local t = { 1 } "
    .. "for k in pairs(t) do t[#t + 1] = 1 t['k' .. #t] = 1 end log(#t)",
    "says: 2" },
  { "v34 variant", "ipairs over a table that grows", run = "local t = { 1 } "
    .. "for i in ipairs(t) do t[i + 1] = 1 end", "limit" },
  { "v34 variant", "pairs over a table that is emptied", run = "local t = { "
    .. "a = 1, b = 2, c = 3 } local n = 0 for k in pairs(t) do n = n + 1 "
    .. "t.a = nil t.b = nil t.c = nil end log(n)", "says: 1" },
  { "v34 variant", "the iterator of pairs used for another table",
    run = "local f, t = pairs({ a = 1, b = 2 }) log('%s %s %s', f({ a = 5 }), "
      .. "pcall(f, nil), pcall(f, 'x'))", "says: a false false" },
  { "v35", "waiting inside table.sort", run = "table.sort({ 2, 1 }, "
    .. "function() wait('1s') end)",
    "refused: where a run cannot wait" },
  { "v35 variant", "waiting inside gsub", run = "('x'):gsub('x', function() "
    .. "wait('1s') end)", "refused: where a run cannot wait" },
  { "v35 variant", "waiting inside a match of lpeg", run = "lpeg.match("
    .. "lpeg.Cmt('x', function() wait('1s') end), 'x')",
    "refused: where a run cannot wait" },
  { "v35 variant", "starting tasks inside gsub", run = "('x'):gsub('x', "
    .. "function() parallel { log } end)",
    "refused: where a run cannot wait" },
  { "v35 variant", "ending the run inside gsub", run = "('x'):gsub('x', "
    .. "function() finish { as = 'recovered' } end)",
    "refused: where a run cannot wait" },
  { "v35 variant", "waiting inside the iterator of a loop", run = "local n = "
    .. "0 for i in function() wait('1s') n = n + 1 return n < 4 and n or nil "
    .. "end do log(i) end", "says: 1\n2\n3" },
  { "v36", "error handlers that fail", run = "local function f() xpcall("
    .. "error, f) end f() log('on')", "says: on" },
  { "v36 variant", "pcall that calls itself", run = "local function f() "
    .. "return pcall(f) end f() log('on')", "says: on" },
  { "v36 variant", "pcall of pcall of pcall", run = "log('%s', pcall(pcall, "
    .. "pcall, pcall, pcall, error))", "says: true" },
  { "v36 variant", "an error handler that is no function",
    run = "xpcall(error, nil)", "refused: bad argument #2 to 'xpcall'" },
  { "v37", "errors out of calls, again and again, leak nothing",
    run = "local s = ('x'):rep(9e5) for _ = 1, 400 do pcall(metric.query, { "
      .. "a = s, b = log }) end metric.query { a = s } log('on')",
    "says: on" },
  { "v37 variant", "errors out of every callback",
    run = "local function e() error('x') end for _ = 1, 2000 do "
      .. "pcall(table.sort, { 2, 1, 3 }, e) pcall(string.gsub, 'x', 'x', e) "
      .. "pcall(lpeg.match, lpeg.P(1) / e, 'x') "
      .. "pcall(lpeg.match, lpeg.Cmt(1, e), 'x') end log('on')",
    "says: on" },
  { "v37 variant", "an error out of a call in the midst of a deep stack",
    run = "local function f(n) if n == 0 then return pcall(metric.query, { a "
      .. "= { { { log } } } }) end return ('x'):gsub('x', function() f(n - 1) "
      .. "end) end for n = 150, 200 do pcall(f, n) end log('on')",
    "says: on" },
  { "v37 variant", "undo steps that loop", run = "undo(" .. SPIN
    .. ") fail()", "limit instructions" },
  { "v37 variant", "undo steps that add undo steps", run = "local function f() "
    .. "undo(f) end undo(f) fail('x')", "refused: x" },
  { "v37 variant", "more undo steps than there may be", run = "for i = 1, "
    .. "2000 do undo(function() end) end", "refused: more than 1000 undos" },
  { "v37 variant", "undo steps that all fail, at length", run = "for i = 1, "
    .. "900 do undo(('u'):rep(400), function() error(('x'):rep(1e4)) end) end "
    .. "fail('x')", "refused: x" },
  { "v37 variant", "what is told in the end, under a long name",
    run = "on_failure(('x'):rep(1000), function() log('told') end) "
      .. "pcall(log, 'a') fail('x')", "refused: x", logs = "a\ntold" },
  { "v37 variant", "a guard whose body does not wait", run = "guard { every = "
    .. "'1s', because = 'b', check = function() return true end, body = "
    .. SPIN .. " }", "limit instructions" },
  { "v37 variant", "a guard whose reason is an error that holds itself",
    answers = { ["metric.query"] = { { err = { outcome = "no_data",
      message = "m" } } } },
    run = "guard { every = '1s', because = 'b', check = function() local _, e "
      .. "= metric.query() e.message = e return false, e end, body = "
      .. "function() while true do wait('1s') end end }",
    "refused: b: metric.query: no_data: a table" },
  { "v37 variant", "steps without an end", run = "while true do step('s', "
    .. "function() end) end", "limit" },
  { "v37 variant", "steps inside one another", run = "local function f(n) "
    .. "step('s' .. n, function() f(n + 1) end) end f(1)",
    "refused: more than 32 steps" },
  { "v37 variant", "a step with a zero byte in its name",
    run = "pcall(step, 'a\\0b', log) log('on')", "says: on" },
  { "v37 variant", "a step whose name is not UTF-8", run = "step('\\xff', "
    .. "log)", "refused: UTF-8" },
  { "v37 variant", "steps that are left by errors", run = "for _ = 1, 500 do "
    .. "pcall(step, 'a', function() step('b', error) end) end log('on')",
    "says: on" },
}
