-- luacheck: globals host migration
--- Ruby's words: names, strings of every kind with here-documents, symbols,
--- numbers, signs. One list a kind of field, so that a long file stays small.
--- Source: https://docs.ruby-lang.org/en/3.3/syntax/literals_rdoc.html

local lpeg = host.lpeg
local P, S, R, V = lpeg.P, lpeg.S, lpeg.R, lpeg.V
local C, Cc, Cp, Cs = lpeg.C, lpeg.Cc, lpeg.Cp, lpeg.Cs

local tokens = {}

local MAX_TOKENS = 2000000

local letter = R("az", "AZ", "\128\255") + "_"
local word = letter * (letter + R"09")^0
local newline = P"\r"^-1 * "\n"
local keyword = {}
for text in ([[BEGIN END alias and begin break case class def defined? do else
  elsif end ensure false for if in module next nil not or redo rescue retry
  return self super then true undef unless until when while yield]]
  ):gmatch "%S+" do
  keyword[text] = true
end

-- Strings --------------------------------------------------------------------

--- The text up to the quote, interpolations with strings in them.
local function double(quote)
  return P { "body",
    body = P(quote) * C(V"inner"^0) * P(quote),
    inner = P"\\" * P(1) + V"code" + (P(1) - P(quote)),
    code = P"#{" * (V"string" + V"nested" + (P(1) - P"}"))^0 * "}",
    nested = P"{" * (V"string" + V"nested" + (P(1) - P"}"))^0 * "}",
    string = P'"' * (P"\\" * P(1) + V"code" + (P(1) - P'"'))^0 * '"' +
      P"'" * (P"\\" * P(1) + (P(1) - P"'"))^0 * "'" }
end

local function between(open, close)
  return P { P(open) * C((P"\\" * P(1) + V(2) + (P(1) - P(close)))^0) *
             P(close),
             P(open) * (P"\\" * P(1) + V(2) + (P(1) - P(close)))^0 *
             P(close) }
end

local function delimited()
  local out = between("(", ")") + between("[", "]") + between("{", "}") +
    between("<", ">")
  for quote in ("!|/^~"):gmatch "." do
    out = out + P(quote) * C((P"\\" * P(1) + (P(1) - P(quote)))^0) * P(quote)
  end
  return out
end

local single = P"'" * C((P"\\" * P(1) + (P(1) - P"'"))^0) * P"'"
local percent = delimited()
local pattern = P"/" * (P"\\" * P(1) + (P(1) - S"/\r\n"))^1 * "/" *
  S"imxounse"^0

local simple = { n = "\n", t = "\t", r = "\r", ["0"] = "\0", s = " ",
                 e = "\27", a = "\a", b = "\b", f = "\f", v = "\v" }
local hex = R("09", "af", "AF")

local function code_point(digits)
  local code = tonumber(digits, 16)
  if code > 0x10FFFF or (code >= 0xD800 and code <= 0xDFFF) then
    return "\u{FFFD}"
  end
  return utf8.char(code)
end

local unescape = Cs((
  P"\\" * newline / "" +
  P"\\u{" * C(hex^1) * "}" / code_point +
  P"\\u" * C(hex * hex * hex * hex) / code_point +
  P"\\x" * C(hex * hex) / code_point +
  P"\\" * C(S"ntr0seabfv") / simple + P"\\" * C(P(1)) / "%1" + P(1))^0)

--- A text without interpolation, or false.
local function plain(text)
  if text:find("#[{@$]") then return false end
  if not text:find("\\", 1, true) then return text end
  return unescape:match(text)
end

local function single_plain(text)
  return (text:gsub("\\([\\'])", "%1"))
end

-- Here-documents -------------------------------------------------------------

local heredoc = P"<<" * C(S"~-"^-1) * (C(S"\"'`") * C(word) * S"\"'`" +
  Cc"" * C(R"AZ" * (letter + R"09")^0))

--- The least indentation of a text's lines, taken away from all of them.
local function squiggly(text)
  local least
  for indent, rest in text:gmatch "([ \t]*)([^\r\n]*)\r?\n" do
    if rest ~= "" and (not least or #indent < least) then least = #indent end
  end
  if not least or least == 0 then return text end
  return (("\n" .. text):gsub("\n" .. ("[ \t]?"):rep(least), "\n"):sub(2))
end

--- The body of a here-document that begins at `at`. Returns text, behind it.
local function body_of(text, at, one)
  local start = at
  while at <= #text do
    local stop = text:find("\n", at, true) or #text
    local line = text:sub(at, stop):gsub("[\r\n]+$", "")
    local bare = one.way ~= "" and line:gsub("^[ \t]+", "") or line
    if bare == one.name then return text:sub(start, at - 1), stop + 1 end
    at = stop + 1
  end
  return nil
end

local function take_bodies(out, text, at, pending)
  for _, one in ipairs(pending) do
    local body, stop = body_of(text, at, one)
    if not body then return nil end
    out.first[one.index] = at
    if one.way == "~" and #body < 1000000 then body = squiggly(body) end
    out.value[one.index] = one.quote == "'" and body or plain(body)
    at = stop
  end
  return at
end

-- Tokens ---------------------------------------------------------------------

local number = P"0" * S"xXbBoO" * (hex + "_")^1 +
  R"09"^1 * (P"_" * R"09"^1)^0 * (P"." * R"09"^1)^-1 *
  (S"eE" * S"+-"^-1 * R"09"^1)^-1
local sign = P"**" + "<=>" + "===" + "==" + "=~" + "!=" + "!~" + "=>" + "->" +
  "&&=" + "||=" + "&&" + "||" + "&." + "::" + "..." + ".." + "<<" + ">>" +
  "<=" + ">=" + S"+-*/%|&^" * "=" + S"+-*/%=<>!&|^~?:,.()[]{};\\"

local grammar =
  S" \t\f"^1 * Cc"space" * Cc(nil) * Cp() +
  P"\\" * newline * Cc"space" * Cc(nil) * Cp() +
  newline * Cc"newline" * Cc(nil) * Cp() +
  P"#" * (1 - S"\r\n")^0 * Cc"space" * Cc(nil) * Cp() +
  Cc"str" * (double '"' / plain) * Cp() +
  Cc"str" * (single / single_plain) * Cp() +
  Cc"other" * (double "`" / function() return false end) * Cp() +
  P"%" * S"wW" * Cc"words" * percent * Cp() +
  P"%" * S"iI" * Cc"words" * percent * Cp() +
  P"%q" * Cc"str" * percent * Cp() +
  P"%" * P"Q"^-1 * Cc"str" * (percent / plain) * Cp() +
  P":" * Cc"sym" * (double '"' / plain) * Cp() +
  P":" * Cc"sym" * (single / single_plain) * Cp() +
  P":" * Cc"sym" * C(word * (S"?!" + P"=" * -S"=>~")^-1) * Cp() +
  Cc"num" * C(number) * Cp() +
  Cc"ivar" * C((P"@@" + "@" + "$") * word) * Cp() +
  Cc"id" * C(word * (S"?!" * -P"=")^-1) * Cp() +
  Cc"op" * C(sign) * Cp() +
  P(1) * Cc"other" * Cc(false) * Cp()

--- Whether what stands before lets a value begin here: "/" is then a pattern,
--- "<<" a here-document, ":" a symbol, "%" a string.
local function value_may_begin(out, spaced, behind)
  local n = out.n
  local kind, value = out.kind[n], out.value[n]
  if n == 0 or kind == "newline" or kind == "kw" and value ~= "end" and
    value ~= "self" and value ~= "true" and value ~= "false" and
    value ~= "nil" or kind == "label" then
    return true
  end
  if kind == "op" then return not value:find("^[%)%]}]$") end
  return kind == "id" and spaced and not behind:find("^%s")
end

local function add(out, kind, value, at, spaced)
  local n = out.n + 1
  out.n, out.kind[n], out.value[n], out.at[n] = n, kind, value, at
  out.spaced[n] = spaced
end

--- A name becomes a keyword or a label.
local function classify(out, text, kind, value, stop)
  local before = out.value[out.n]
  local dotted = out.kind[out.n] == "op" and (before == "." or before == "&.")
  if (kind == "id" or kind == "str" and value) and
    text:find("^:[^:]", stop) and not dotted and
    not (out.kind[out.n] == "op" and before == "?") then
    return "label", stop + 1
  end
  if kind == "id" and keyword[value] and not dotted then
    return "kw", stop
  end
  if kind == "id" and value:find "^%u" then return "const", stop end
  return kind, stop
end

--- One step: returns behind it, or nil and what is wrong.
local function step(out, text, at, state)
  local kind, value, stop = grammar:match(text, at)
  local begins = value_may_begin(out, state.spaced, text:sub(at + 1, at + 1))
  local special = kind == "op" and (value == "/" or value:find "^<<")
  if (kind == "words" or kind == "str" and text:sub(at, at) == "%") and
    not begins then
    kind, value, stop = "op", "%", at + 1
  elseif special and begins and value == "/" and pattern:match(text, at) then
    kind, value, stop = "other", false, pattern:match(text, at)
  elseif special and value == "<<" and (begins or not state.spaced) then
    local way, quote, name = heredoc:match(text, at)
    if way and (begins or way ~= "") then
      stop = at + 2 + #way + 2 * #quote + #name
      kind, value = "str", false
      table.insert(state.pending, { way = way, quote = quote, name = name,
                                    index = out.n + 1 })
    end
  end
  if kind == "space" then
    state.spaced = true
    return stop
  end
  kind, stop = classify(out, text, kind, value, stop)
  if kind == "newline" and #state.pending > 0 then
    stop = take_bodies(out, text, stop, state.pending)
    state.pending = {}
    if not stop then return nil, "a here-document does not end" end
  end
  add(out, kind, value, at, state.spaced)
  if kind == "str" and value then out.first[out.n] = at + 1 end
  state.spaced = kind == "newline"
  return stop
end

--- Comments between =begin and =end, and what follows __END__, as spaces.
local function without_blocks(text)
  local function blank(s) return (s:gsub("[^\r\n]", " ")) end
  text = ("\n" .. text):gsub("\n=begin.-\n=end[^\n]*", blank):sub(2)
  local at = ("\n" .. text):find "\n__END__\r?\n"
  if at then text = text:sub(1, at - 1) .. blank(text:sub(at)) end
  return text
end

--- The tokens of a text as parallel lists: kind, value, at, spaced (white
--- space before it), first (where a string's text begins); n of them. Kinds:
--- newline id const kw label str sym num ivar op words other; the value of
--- a string that is computed is false. Or nil, message, byte.
function tokens.of(text)
  local out = { n = 0, kind = {}, value = {}, at = {}, spaced = {},
                first = {} }
  local state = { pending = {}, spaced = true }
  text = without_blocks(text)
  local at = 1
  while at <= #text do
    local ok, stop, message = pcall(step, out, text, at, state)
    if not ok then return nil, "it is nested too deeply to be read", at end
    if not stop then return nil, message, at end
    if out.n > MAX_TOKENS then return nil, "the file is too long", at end
    at = stop
  end
  add(out, "newline", nil, at, true)
  return out
end

return tokens
