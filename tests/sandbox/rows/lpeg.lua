-- lpeg: its grammars run in C, and its patterns are trees of C.
local BIG = "refused: a pattern of more than 16384 parts is too large"
return {
  class = "lpeg",
  { "v56", "a grammar that tries everything", run = "local P, V = lpeg.P, "
    .. "lpeg.V lpeg.match(P { 'S', S = P'a' * V'S' * 'b' + P'a' * V'S' * 'c' "
    .. "+ P'' }, ('a'):rep(60))", "limit cpu" },
  { "v57", "a search that starts at every place", run = "lpeg.match(lpeg.P { "
    .. "lpeg.P(1)^0 * 'b' + 1 * lpeg.V(1) }, ('a'):rep(1e6))", "limit cpu" },
  { "v57 variant", "a match that looks back at every place",
    run = "local p = lpeg.P(1) * (#(lpeg.P(1)^0) * -lpeg.P'b' * 1)^0 "
      .. "p:match(('a'):rep(1 << 20))", "limit cpu" },
  { "v58", "a loop over nothing", run = "local p = lpeg.P''^0",
    "refused: loop body may accept empty string" },
  { "v58", "a rule that begins with itself", run = "local p = lpeg.P { "
    .. "lpeg.V(1) * 'a' }", "refused: may be left recursive" },
  { "v58 variant", "rules that begin with each other", run = "local p = "
    .. "lpeg.P { 'a', a = lpeg.V'b' * 1, b = lpeg.V'a' + 1 }",
    "refused: may be left recursive" },
  { "v58 variant", "a loop over nothing, inside a rule", run = "local p = "
    .. "lpeg.P { lpeg.V'b'^0, b = lpeg.P'x'^-1 }",
    "refused: empty loop in a rule" },
  { "v58 variant", "a rule that there is not", run = "local p = lpeg.P { "
    .. "lpeg.V'nothing' }", "refused: is not defined in it" },
  { "v59", "brackets inside brackets", run = "lpeg.P { '(' * lpeg.V(1) * ')' "
    .. "+ '' }:match(('('):rep(1e5))", "refused: stack overflow" },
  { "v60", "a larger stack for lpeg", run = "lpeg.setmaxstack(1 << 30)",
    "refused: lpeg has no 'setmaxstack'" },
  { "v60 variant", "a larger stack by a pattern's method",
    run = "lpeg.P(1):setmaxstack(1 << 30)",
    "refused: lpeg has no 'setmaxstack'" },
  { "v60 variant", "a pattern's tree and code, printed",
    run = "lpeg.P(1):ptree()", "refused: lpeg has no 'ptree'" },
  { "v61", "a pattern squared until memory ends", run = "local p = lpeg.P'x' "
    .. "while true do p = p * p end", BIG },
  { "v61 variant", "a choice that only grows", run = "local p = lpeg.P'x' "
    .. "while true do p = p + lpeg.C(p) end", BIG },
  { "v61 variant", "a set taken away again and again", run = "local p = "
    .. "lpeg.P'xx' while true do p = p - (p - 'y') end", BIG },
  { "v61 variant", "patterns made and forgotten", run = "local p = lpeg.P'x' "
    .. "for i = 1, 1000000 do p = lpeg.P'x' - lpeg.P'y' end log('on')",
    "says: on" },
  { "v61 variant", "patterns made, matched and forgotten", run = "for i = 1, "
    .. "100000 do lpeg.match(lpeg.P'xy' * (i % 9), 'x') end log('on')",
    "says: on" },
  { "v61 variant", "many patterns", run = "local t = {} for i = 1, 1e9 do t[i] "
    .. "= lpeg.P('x' .. i) end", "limit memory" },
  { "v62", "a pattern inside a pattern inside a pattern",
    run = "local p = lpeg.P(1) for i = 1, 1e6 do p = #p end", BIG },
  { "v62 variant", "a repetition of a million", run = "lpeg.match(lpeg.P(1)"
    .. "^-1000000, 'x')", BIG },
  { "v62 variant", "the deepest repetition there may be", run = "log('%d', "
    .. "lpeg.match(lpeg.P(1)^-4000, 'xx'))", "says: 3" },
  { "v62 variant", "as many captures in one another as there may be",
    limits = { memory = 256 << 20, instructions = 20000000 },
    run = "local p = lpeg.P'x' for i = 1, 16000 do p = lpeg.Ct(p) end local t "
      .. "= p:match('x')", "refused: subcapture nesting too deep" },
  { "v62 variant", "many choices in one another",
    limits = { memory = 256 << 20, instructions = 20000000 },
    run = "local p = lpeg.P'x' for i = 1, 400 do p = (p + 'y') * 1 end "
      .. "log(tostring(p:match('x')))", "says: nil" },
  { "v62 variant", "as many negations in one another as there may be",
    limits = { memory = 256 << 20, instructions = 20000000 },
    run = "local p = lpeg.P'x' for i = 1, 16000 do p = -p end "
      .. "p:match('x')", "refused: backtrack stack overflow" },
  { "v62 variant", "the smallest integer as a pattern",
    run = "lpeg.P(-2147483648)", BIG },
  { "v62 variant", "the integer below that wraps to nothing",
    run = "lpeg.P(-2147483647)", BIG },
  { "v62 variant", "a number too large for a pattern, in a product",
    run = "local p = lpeg.P(1) * -2147483647", BIG },
  { "v62 variant", "the same, to the left", run = "local p = -2147483647 - "
    .. "lpeg.P(1)", BIG },
  { "v62 variant", "the same, in a grammar", run = "local p = lpeg.P { "
    .. "-2147483648 }", BIG },
  { "v62 variant", "the same, as a rule by name", run = "local p = lpeg.P { "
    .. "'a', a = -2147483647 }", BIG },
  { "v62 variant", "the same, in a match", run = "lpeg.match(-2147483647, 'x')",
    BIG },
  { "v62 variant", "the same, in a capture", run = "lpeg.Cmt(-2147483648, log)",
    BIG },
  { "v62 variant", "the same, looking back", run = "lpeg.B(-2147483647)", BIG },
  { "v62 variant", "the ends of the integers, nan and infinity",
    run = "for _, n in ipairs { math.mininteger, math.maxinteger, 1/0, -1/0, "
      .. "0/0, 1 << 32, -(1 << 32) - 5, 8193 } do assert(not pcall(lpeg.P, n), "
      .. "n) assert(not pcall(function() return lpeg.P(1)^n end), n) end "
      .. "log('on')", "says: on" },
  { "v62 variant", "a repetition whose size wraps", run = "local p = lpeg.P(1) "
    .. "for _ = 1, 12 do p = p * p end p = p^1048575", BIG },
  { "v62 variant", "a long text as a pattern", run = "lpeg.P(('x'):rep(1e5))",
    BIG },
  { "v62 variant", "a long text in a match", run = "lpeg.match(('x'):rep("
    .. "1e5), 'x')", BIG },
  { "v62 variant", "a grammar of 5000 rules", run = "local g = { 'r1' } for i "
    .. "= 1, 5000 do g['r' .. i] = lpeg.P'x' end lpeg.P(g)",
    "refused: grammar has too many rules" },
  { "v62 variant", "a grammar of grammars", run = "local p = lpeg.P'x' for i = "
    .. "1, 300 do p = lpeg.P { p * lpeg.V'b', b = p } end", BIG },
  { "v62 variant", "a grammar that is a library", run = "lpeg.P(string)",
    "refused: grammar has no initial rule" },
  { "v62 variant", "a grammar of odd rules", run = "for _, g in ipairs { {}, { "
    .. "{} }, { log }, { true }, { 1 / 0 }, { 'a' }, { 'a', a = false }, { [2] "
    .. "= 'x' }, { lpeg.V(1) }, { lpeg.V {} }, _ENV } do pcall(lpeg.P, g) end "
    .. "log('on')", "says: on" },
  { "v63", "a callback of a match that loops", run = "lpeg.match(lpeg.Cmt('', "
    .. "function() while true do end end), 'x')", "limit instructions" },
  { "v63 variant", "a function as a pattern that loops", run = "lpeg.match("
    .. "function() while true do end end, 'x')", "limit instructions" },
  { "v63 variant", "a callback that gives back odd places",
    run = "for _, n in ipairs { 0, -1, 3, 99, math.mininteger, "
      .. "math.maxinteger, 1.5, 'x', {}, log } do pcall(lpeg.match, lpeg.Cmt("
      .. "'', function() return n end) * 1, 'x') end log('on')", "says: on" },
  { "v63 variant", "a callback that gives back many values", run = "local t = "
    .. "{} for i = 1, 40000 do t[i] = i end lpeg.match(lpeg.Cmt('', function() "
    .. "return true, table.unpack(t) end), 'x')",
    "refused: too many results" },
  { "v63 variant", "callbacks that match inside a match", run = "local n = 0 "
    .. "local p p = lpeg.Cmt(lpeg.C(1), function(s, i, c) n = n + 1 if n < 99 "
    .. "then lpeg.match(p, s .. n) end return i, c, n end)^0 log("
    .. "select('#', lpeg.match(p, ('x'):rep(9))))", "says: 18" },
  { "v63 variant", "a callback that drops everything it was given",
    run = "local t = { ('x'):rep(5e4) } local p = lpeg.Ct(lpeg.Cmt(lpeg.C(1), "
      .. "function(s, i) t[1] = nil local g = {} for j = 1, 20 do g[j] = s .. "
      .. "j end return i end)^0) log('%d', #p:match(('x'):rep(200)))",
    "says: 0" },
  { "v63 variant", "a fold whose function fails", run = "lpeg.match(lpeg.Cf("
    .. "lpeg.C(1)^0, function() error('fold') end), 'xyz')",
    "refused: fold" },
  { "v63 variant", "captures that are not there", run = "for _, p in ipairs { "
    .. "lpeg.Cb('a'), lpeg.Cb({}), lpeg.Carg(5), lpeg.C(1) / 5, lpeg.C(1) / "
    .. "'%9', lpeg.C(1) / '%', lpeg.Cf(lpeg.P(1), log), lpeg.Cs(lpeg.Cc({})) "
    .. "} do pcall(lpeg.match, p, 'x') end for _, n in ipairs { 0, "
    .. "-1, 40000, math.mininteger } do assert(not pcall(lpeg.Carg, n)) end "
    .. "log('on')", "says: on" },
  { "v63 variant", "a substitution that multiplies", run = "lpeg.match("
    .. "lpeg.Cs((lpeg.P(1) / ('y'):rep(1 << 20))^0), ('x'):rep(6e4))",
    "limit memory" },
  { "v63 variant", "a substitution by a string that multiplies",
    run = "local s = ('x'):rep(1e5) lpeg.match(lpeg.C(1)^0 * lpeg.P(true) / "
      .. "('%0'):rep(1000), s)", "limit memory" },
  { "v63 variant", "a million tables of captures", run = "lpeg.match(lpeg.Ct("
    .. "lpeg.Ct(1)^0), ('x'):rep(1 << 20))", "limit memory" },
  { "v63 variant", "a million values from one match", run = "lpeg.match("
    .. "lpeg.C(1)^0, ('x'):rep(1 << 20))", "refused: too many captures",
    limits = { memory = 256 << 20, instructions = 20000000 } },
  { "v63 variant", "a back capture that is looked for again and again",
    run = "lpeg.match(lpeg.Cg('', 'a') * (lpeg.P(1) * lpeg.Cb('a'))^0, ('x'):"
      .. "rep(3e4))", "harmless" },
  { "v63 variant", "start positions at the ends of the integers",
    run = "for _, n in ipairs { math.mininteger, -1, 0, 5, math.maxinteger } "
      .. "do lpeg.match(lpeg.B(1) + 1, 'x', n) end log('on')", "says: on" },
  { "v63 variant", "looking back before the start", run = "log(tostring("
    .. "lpeg.match(lpeg.B('abc') * 1, 'x')))", "says: nil" },
  { "v63 variant", "looking back too far", run = "lpeg.B(300)",
    "refused: pattern too long to look behind" },
  { "v63 variant", "ranges and sets that are odd", run = "for _, s in ipairs { "
    .. "'', 'a', 'abc', '\\0', {}, 5, log } do pcall(lpeg.R, s) pcall(lpeg.S, "
    .. "s) end log(lpeg.match(lpeg.R('\\0\\255')^0, '\\0x\\255'))",
    "says: 4" },
  { "v64", "the library by a pattern", run = "lpeg.P(1).__index.match = log",
    "refused: lpeg has no '__index'" },
  { "v64", "a function of the library replaced", run = "lpeg.match = log",
    "refused: lpeg cannot be changed" },
  { "v64 variant", "a method of patterns replaced", run = "local p = lpeg.P(1) "
    .. "p.match = log", "refused: attempt to index" },
  { "v64 variant", "an operator taken from a pattern", run = "local f = "
    .. "lpeg.P(1).__mul", "refused: lpeg has no '__mul'" },
}
