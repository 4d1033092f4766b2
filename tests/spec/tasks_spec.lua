-- Calls, steps, parallel, guard, undo and the end of a run.
package.path = "tests/spec/support/?.lua;" .. package.path
local drive = require "drive"
local body, last, logs = drive.body, drive.last, drive.logs
local message, logged = drive.message, drive.logged

describe("a call", function()
  it("carries arguments, line, file and step, and returns its answer",
    function()
      local result = body("\nlocal a = step('one', function()\n"
        .. "return step('two', function()\nlocal x = metric.query { "
        .. "expr = 'up', n = 1, r = 1.0, t = { 1, 2 }, e = {} }\n"
        .. "return x end) end)\nlog('%s %s', a.value, a.list[2])",
        { answers = { ["metric.query"] = { { ok = { value = 0.5,
          list = { 1, 2 } } } } } })
      local call = drive.all(result, "CALL")[1]
      assert.are.equal(1, call.call)
      assert.are.equal("one / two", call.doc.step)
      assert.are.equal(4, call.doc.line)
      assert.are.equal("book.lua", call.doc.file)
      assert.is_false(call.doc.undoing)
      assert.truthy(result.text:find(
        '{"e":{},"expr":"up","n":1,"r":1.0,"t":[1,2]}', 1, true))
      assert.are.same({ "0.5 2" }, logs(result))
    end)

  it("keeps its line behind return, in functions of any kind", function()
    local result = body("\nlocal function f(...)\nlocal x <close> = nil\n"
      .. "do local y = function() return x end end\nreturn clock.now(...)\n"
      .. "end\nlocal function g() return f({}) end\nlocal a, b = g()\n"
      .. "local function c(...)\nreturn select('#', ...) end\n"
      .. "log('%s %d', b, c(1, nil, nil))\nreturn f()")
    local calls = drive.calls(result)
    assert.are.equal(5, calls[1].line)
    assert.are.equal(5, calls[2].line)
    assert.are.same({ "nil 3" }, logs(result))
  end)

  it("takes null for nil, and keeps empty lists lists", function()
    local result = body("local a = metric.query{} "
      .. "metric.query { list = a.list }",
      { answers = { ["metric.query"] = { { ok = { list = {} } } } } })
    assert.truthy(result.text:find('"list":{}', 1, true))
  end)

  it("returns nil and an error when a read fails", function()
    assert.are.equal("nil no_data nothing matches metric.query | "
      .. "metric.query: no_data: nothing matches | x metric.query: no_data: "
      .. "nothing matches",
      logged("local a, err = metric.query{} "
        .. "log('%s %s %s %s | %s | %s', a, err.outcome, err.message, "
        .. "err.verb, err, 'x ' .. err)",
        { answers = { ["metric.query"] = { { err = { outcome = "no_data",
          message = "nothing matches" } } } } }))
  end)

  it("raises when a write fails, and pcall has the error", function()
    local answers = { ["deploy.release"] = { { err = { outcome = "conflict",
      message = "v2 is live" } } } }
    assert.are.equal("false conflict",
      logged("local ok, err = pcall(deploy.release, {}) "
        .. "log('%s %s', ok, err.outcome)", { answers = answers }))
    local text, err = message("\ndeploy.release{}", { answers = answers })
    assert.are.equal("deploy.release: conflict: v2 is live", text)
    assert.are.equal("conflict", err.outcome)
    assert.are.equal("deploy.release", err.verb)
    assert.are.equal(2, err.line)
    assert.are.equal("deploy.release{}", err.excerpt)
  end)

  it("does not fail the run when it is a notification", function()
    assert.are.equal("auth", logged("local ok, err = notify.send{} "
      .. "log(err.outcome)", { answers = { ["notify.send"] = { { err = {
        outcome = "auth", message = "m" } } } } }))
  end)

  it("raises misuse at the author's line", function()
    local text, err = message("local function f()\nmetric.query{ x = 1 } "
      .. "end\nf()", { answers = { ["metric.query"] = { {
        misuse = "metric.query has no parameter x" } } } })
    assert.are.equal("metric.query has no parameter x", text)
    assert.are.equal(2, err.line)
    assert.are.same({ "book.lua:2: in f", "book.lua:3: in run" }, err.trace)
  end)

  local unsendable = {
    { "{ a = { b = log } }", "a.b: a function cannot be sent" },
    { "{ l = { 1, { log } } }", "l[2][1]: a function cannot be sent" },
    { "{ x = 0/0 }", "x: neither infinity nor nan" },
    { "{ x = 1/0 }", "x: neither infinity nor nan" },
    { "{ x = 'a\\0b' }", "x: text that contains a zero byte" },
    { "{ x = '\\xff' }", "x: text that is not UTF-8" },
    { "{ ['\\xff'] = 1 }", "a key that is not UTF-8" },
    { "{ ['a\\0'] = 1 }", "a key that contains a zero byte" },
    { "{ x = { 1, a = 2 } }", "x: a table with mixed keys" },
    { "{ x = { 1, nil, 3 } }", "x: a table with mixed keys, or a list with "
      .. "holes" },
    { "{ x = { [1] = 1, [1.5] = 2, [3] = 3 } }", "x[2]: a list with holes" },
    { "{ [true] = 1 }", "a table with mixed keys" },
    { "{ x = { [{}] = 1 } }", "x: a table with a table as a key" },
    { "{ x = lpeg.P(1) }", "x: a userdata cannot be sent" },
    { "(function() local t = {} t.t = t return t end)()", "contains itself" },
    { "'up'", "metric.query takes one table, not a string" },
    { "{}, 1", "metric.query takes one table, and got 2 arguments" },
  }
  for _, row in ipairs(unsendable) do
    it("refuses " .. row[1], function()
      local text, err = message("\nmetric.query(" .. row[1] .. ")")
      assert.truthy(text:find(row[2], 1, true), text)
      assert.truthy(text:find("metric.query", 1, true), text)
      assert.are.equal(2, err.line)
    end)
  end

  it("refuses a colon for a dot", function()
    assert.truthy(message("metric:query{}"):find("with a dot, not a colon"))
  end)

  it("sends 500 keys sorted", function()
    local result = body("local t = {} for i = 1, 500 do t['k' .. i] = i end "
      .. "metric.query(t)")
    assert.are.equal("exit 0", result.exit)
    assert.are.equal("finished", last(result).ended)
  end)

  it("cannot wait inside a callback of C", function()
    for _, code in ipairs { "('x'):gsub('x', function() clock.now() end)",
      "table.sort({ 1, 2 }, function() clock.now() end)" } do
      assert.truthy(message(code):find("where a run cannot wait", 1, true))
    end
  end)

  it("waits by wait(\"30s\")", function()
    local result = body("wait('30s') wait.sleep { duration = '1s' }")
    local calls = drive.calls(result)
    assert.are.equal("wait.sleep", calls[1].verb)
    assert.are.equal("30s", calls[1].args.duration)
    assert.are.equal("1s", calls[2].args.duration)
    assert.truthy(message("wait(30)"):find("wait(\"30s\")", 1, true))
  end)
end)

describe("parallel", function()
  it("makes its calls in one burst, in the order of its keys", function()
    local result = body("local r = parallel { "
      .. "b = function() return metric.query { expr = 'b' } end, "
      .. "a = function() return metric.query { expr = 'a' } end } "
      .. "log('%s %s', r.a.n, r.b.n)",
      { order = { 2, 1 }, answers = { ["metric.query"] = {
        { ok = { n = 1 } }, { ok = { n = 2 } } } } })
    local calls = drive.all(result, "CALL")
    assert.are.equal("a", calls[1].doc.args.expr)
    assert.is_false(calls[1].blocked)
    assert.is_true(calls[2].blocked)
    assert.are.equal(1, #drive.all(result, "WAIT"))
    assert.are.same({ "2 1" }, logs(result))
  end)

  it("returns a list for a list, and the errors beside it", function()
    assert.are.equal("1 nil no_data", logged(
      "local r, errs = parallel { function() return 1 end, "
      .. "function() return metric.query{} end } "
      .. "log('%s %s %s', r[1], r[2], errs[2].outcome)",
      { answers = { ["metric.query"] = { { err = { outcome = "no_data",
        message = "m" } } } } }))
  end)

  it("cancels the others when one raises, and reports where", function()
    local result = body("\nparallel { a = function()\nclock.now()\n"
      .. "error('boom') end,\nb = function() step('s', function() "
      .. "metric.query{} end) end }")
    assert.are.same({ calls = { 2 } }, drive.all(result, "CANCEL")[1].doc)
    local doc = last(result)
    assert.are.equal("boom", doc.error.message)
    assert.are.equal(4, doc.error.line)
    assert.are.equal("book.lua:2: in run", doc.error.trace[2])
    assert.truthy(result.text:find('"name":"s","state":"failed"', 1, true))
  end)

  it("can be caught, nested, and go on", function()
    assert.are.equal("false boom 3", logged([[
      local ok, err = pcall(parallel, {
        function() parallel { function() clock.now() error("boom", 0) end,
          function() clock.now() end } end,
        function() wait("1h") end })
      local r = parallel { function() return 1 end,
        function() return parallel { function() return 2 end }[1] end }
      log("%s %s %d", ok, err, r[1] + r[2]) ]]))
  end)

  it("refuses what is no function", function()
    assert.truthy(message("parallel { a = metric.query{} }")
      :find("a is a table, not a function", 1, true))
  end)

  it("has at most 256 tasks", function()
    assert.truthy(message("local t = {} for i = 1, 300 do "
      .. "t[i] = function() wait('1s') end end parallel(t)")
      :find("more than 256 tasks", 1, true))
  end)
end)

describe("guard", function()
  local guarded = [[
    local n = guard { every = "5s", because = "errors rise",
      check = function() local e = metric.query{} return e.good, e.why end,
      body = function() step("s", function() deploy.release{} end)
        return 42 end }
    log(n) ]]
  local function script(order, good)
    return { order = order, answers = { ["metric.query"] = { { ok = {
      good = good, why = "0.5" } } } } }
  end

  it("returns what its body returns, and gives the watcher up", function()
    local result = body(guarded, script({ 1 }, true))
    assert.are.same({ "42" }, logs(result))
    assert.are.same({ calls = { 2 } }, drive.all(result, "CANCEL")[1].doc)
    assert.are.equal("5s", drive.calls(result)[2].args.duration)
  end)

  it("gives the body up when the check fails", function()
    local result = body(guarded, script({ 2, 3 }, false))
    assert.are.same({ calls = { 1 } }, drive.all(result, "CANCEL")[1].doc)
    local doc = last(result)
    assert.are.equal("guard: errors rise: 0.5", doc.error.message)
    assert.are.equal("guard", doc.error.outcome)
    assert.truthy(result.text:find('"name":"s","state":"failed"', 1, true))
  end)

  it("checks again and again while all is well", function()
    local result = body(guarded, script({ 2, 3, 4, 5, 6, 7, 1 }, true))
    assert.are.equal(8, #drive.calls(result))
    assert.are.equal("finished", last(result).ended)
  end)

  it("propagates errors of body and check", function()
    assert.are.equal("b", message("guard { every = '1s', because = 'x', "
      .. "check = function() return true end, body = function() "
      .. "error('b', 0) end }"))
    assert.are.equal("c", message("guard { every = '1s', because = 'x', "
      .. "check = function() error('c', 0) end, body = function() "
      .. "wait('1h') end }", { order = { 2 } }))
  end)

  it("wants all of its fields", function()
    assert.truthy(message("guard { check = log, body = log, every = '1s' }")
      :find("because is missing", 1, true))
    assert.truthy(message("guard { check = log, body = log, because = 'x', "
      .. "every = 5 }"):find("a duration is text", 1, true))
    assert.truthy(message("guard { chek = log }")
      :find("did you mean check?", 1, true))
  end)
end)

describe("on_failure", function()
  local told = [[ on_failure("tell", function(problem)
      notify.send { text = problem }
    end)
    undo("back", function() flag.set { flag = "a" } end) ]]

  it("runs behind the undo steps, and hears why", function()
    local result = body(told .. "fail('because')")
    local calls = drive.calls(result)
    assert.are.equal("flag.set", calls[1].verb)
    assert.are.equal("notify.send", calls[2].verb)
    assert.truthy(calls[2].args.text:find("because", 1, true))
    assert.are.equal("after the failure: tell", calls[2].step)
    assert.are.equal(1, last(result).undone)
    assert.is_true(drive.all(result, "EVENT")[1].doc.tells)
  end)

  it("runs when the engine says STOP, and not when the run finishes",
    function()
      local result = body(told .. "wait('1h')", { stop = 1 })
      assert.are.equal("the run was stopped", drive.calls(result)[3].args.text)
      assert.are.equal(0, #drive.calls(body(told)))
    end)

  it("that fails itself leaves the undone count alone", function()
    local doc = last(body("on_failure('t', function() error('x') end) "
      .. "undo('u', function() end) fail()"))
    assert.are.equal(1, doc.undone)
    assert.are.equal(0, doc.undo_failed)
    assert.are.equal("t", doc.undo_errors[1].what)
  end)
end)

describe("undo", function()
  local three = [[ undo("first", function() flag.set { flag = "a" } end)
    undo("second", function() error("no way") end)
    step("deep", function()
      undo(function() step("x", function() flag.set { flag = "c" } end) end)
    end) ]]

  it("runs newest first when the run fails, past a failing one", function()
    local result = body(three .. "fail('because')")
    local calls = drive.calls(result)
    assert.are.equal("c", calls[1].args.flag)
    assert.are.equal("undo: undo / x", calls[1].step)
    assert.are.equal("a", calls[2].args.flag)
    assert.is_true(calls[2].undoing)
    assert.are.equal(1, calls[2].undo)
    local doc = last(result)
    assert.are.equal("failed", doc.ended)
    assert.are.equal("because", doc.error.message)
    assert.are.equal(2, doc.undone)
    assert.are.equal(1, doc.undo_failed)
    assert.are.equal("no way", doc.undo_errors[1].error.message)
    assert.are.equal("second", doc.undo_errors[1].what)
  end)

  it("announces itself with an id and a line", function()
    local result = body("\nundo('it', function() end)")
    assert.are.same({ kind = "undo", id = 1, what = "it", line = 2,
      file = "book.lua" }, drive.all(result, "EVENT")[1].doc)
  end)

  it("runs when the engine says STOP, and calls are cancelled", function()
    local result = body(three .. "step('w', function() wait('1h') end)",
      { stop = 1 })
    assert.are.same({ calls = { 1 } }, drive.all(result, "CANCEL")[1].doc)
    local doc = last(result)
    assert.are.equal("stopped", doc.ended)
    assert.are.equal("test", doc.because)
    assert.are.equal(2, doc.undone)
    assert.are.equal("exit 0", result.exit)
  end)

  it("cannot be kept from running by pcall", function()
    local result = body("undo('u', function() flag.set{} end) "
      .. "while true do pcall(wait, '1h') end", { stop = 3 })
    assert.are.equal("stopped", last(result).ended)
    assert.are.equal("flag.set", drive.calls(result)[4].verb)
  end)

  it("goes on when STOP comes while it runs", function()
    local result = body("undo('u', function() flag.set{} flag.set{} end) "
      .. "fail()", { stop = 2 })
    assert.are.equal("failed", last(result).ended)
    assert.are.equal(1, last(result).undone)
  end)

  it("does not run when the run finishes", function()
    local result = body(three)
    assert.are.equal(0, #drive.calls(result))
    assert.are.equal(0, last(result).undone)
  end)

  it("is shown after DONE in plan mode", function()
    local result = body(three .. "deploy.release{}",
      { undo = true, start = { mode = "plan" } })
    assert.are.equal(2, #drive.all(result, "DONE"))
    local calls = drive.calls(result)
    assert.is_false(calls[1].undoing)
    assert.are.equal(3, calls[2].undo)
    assert.are.equal(1, calls[3].undo)
    assert.are.equal(2, last(result).undone)
    assert.are.equal("exit 0", result.exit)
  end)

  it("may not finish, nor register another", function()
    for _, code in ipairs { "finish { as = 'nothing' }",
      "undo(function() end)" } do
      local doc = last(body("undo(function() " .. code .. " end) fail()"))
      assert.are.equal(1, doc.undo_failed)
      assert.truthy(doc.undo_errors[1].error.message:find("inside an undo"))
    end
  end)
end)

describe("the end of a run", function()
  it("is what finish says, at once, past pcall", function()
    local result = body("step('a', function() pcall(function() "
      .. "parallel { function() wait('1h') end, function() "
      .. "finish { as = 'nothing', because = 'fine' } end } end) end) "
      .. "log('never')")
    local doc = last(result)
    assert.are.equal("finished", doc.ended)
    assert.are.same({ as = "nothing", because = "fine" }, doc.result)
    assert.are.same({}, logs(result))
    assert.are.same({ calls = { 1 } }, drive.all(result, "CANCEL")[1].doc)
    assert.truthy(result.text:find('"name":"a","state":"end"', 1, true))
  end)

  it("is what run returns", function()
    assert.are.same({ as = "gate", because = "b" },
      last(body("return { as = 'gate', because = 'b' }")).result)
    assert.are.same({ as = "recovered" }, last(body("return 5")).result)
    assert.truthy(message("return { as = 'fixed' }"):find("is none of"))
    assert.truthy(message("finish { as = 'recoverd' }")
      :find("did you mean recovered?", 1, true))
  end)

  it("names the error answer that nobody looked at", function()
    local script = { answers = { ["metric.query"] = { { err = {
      outcome = "no_data", message = "nothing" } } } } }
    local _, err = message("local e = metric.query{}\nlog(e.value)", script)
    assert.are.equal("attempt to index a nil value (local 'e')", err.message)
    assert.are.same({ outcome = "no_data", message = "nothing",
      verb = "metric.query" }, err.last_err)
    _, err = message("local e, why = metric.query{} log(why.message) "
      .. "fail('x')", script)
    assert.is_nil(err.last_err)
  end)

  it("fails by any value", function()
    assert.are.equal("an error was raised without a message",
      message("error()"))
    assert.are.equal("m", message("error({ message = 'm' })"))
    assert.are.equal("7", message("error(7)"))
    assert.are.equal("a\u{fffd}b", message("error('a\\xffb', 0)"))
    assert.truthy(#message("error(('x'):rep(1e6), 0)") < 5000)
  end)

  it("has attempt and fail for values", function()
    assert.are.equal("nil why 5 / 1 2", logged(
      "local a, err = attempt(fail, 'why %d', 5) local b, c = "
      .. "attempt(function() return 1, 2 end) log('%s %s / %d %d', a, err, "
      .. "b, c)"))
  end)

  it("closes the steps an error has left", function()
    local result = body("pcall(step, 'a', function() step('b', function() "
      .. "error('x') end) end) step('c', function() clock.now() end)")
    local states = {}
    for _, frame in ipairs(drive.all(result, "EVENT")) do
      states[#states + 1] = frame.doc.name .. " " .. frame.doc.state
    end
    assert.are.same({ "a begin", "a / b begin", "a / b failed", "a failed",
      "c begin", "c end" }, states)
    assert.are.equal("c", drive.calls(result)[1].step)
  end)
end)
