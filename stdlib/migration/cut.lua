-- luacheck: globals host migration
--- Cut a migration file into the direction asked for and into statements,
--- before and after PostgreSQL's parser has seen it. Directives are comments
--- to the parser: an uncut file would count its up and its down part as one.

local cut = {}

--- Directive lines by tool: each pattern is tried on a whole line.
--- goose:       https://github.com/pressly/goose#sql-migrations
--- dbmate:      https://github.com/amacneil/dbmate#migration-files
--- sql-migrate: https://github.com/rubenv/sql-migrate#writing-migrations
--- node-pg:     https://salsita.github.io/node-pg-migrate (SQL migrations)
local formats = {
  goose = { "^%s*%-%-%s*%+goose%s+(%a+)(.*)$" },
  dbmate = { "^%s*%-%-%s*migrate:(%a+)(.*)$" },
  ["sql-migrate"] = { "^%s*%-%-%s*%+migrate%s+(%a+)(.*)$" },
  ["node-pg"] = { "^%s*%-%-+%s*(%a+)%s+[Mm]igration(.*)$" },
}

--- What a directive says about transactions, by tool.
local function without_transaction(word, rest)
  return (word == "no" and rest:lower():find("^%s*transaction"))
    or rest:find("transaction:false", 1, true)
    or rest:find("notransaction", 1, true)
end

local function is_blank(text)
  return cut.skip(text, 1) > #text
end

local function lines(text)
  local at = 1
  return function()
    if at > #text then return nil end
    local stop = text:find("\n", at, true) or #text
    local line, start = text:sub(at, stop), at
    at = stop + 1
    return line, start
  end
end

--- Spaces for every byte but line ends: offsets and lines stay what they are.
local function blank(text)
  return (text:gsub("[^\r\n]", " "))
end

--- Position of the first byte at or after `at` that is neither white space
--- nor in a comment.
function cut.skip(text, at)
  while true do
    at = text:find("%S", at) or #text + 1
    if text:find("^%-%-", at) then
      at = (text:find("\n", at, true) or #text) + 1
    elseif text:find("^/%*", at) then
      at = cut.skip_comment(text, at)
    else
      return at
    end
  end
end

--- Behind a /* comment, which may nest.
function cut.skip_comment(text, at)
  local depth = 0
  repeat
    local here = text:find("[/*][/*]", at)
    if not here then return #text + 1 end
    local two = text:sub(here, here + 1)
    depth = depth + (two == "/*" and 1 or two == "*/" and -1 or 0)
    at = here + ((two == "/*" or two == "*/") and 2 or 1)
  until depth == 0
  return at
end

--- Which format a file's directives belong to, or "plain". "-- Up migration"
--- is also what people write over a plain file: node-pg needs both words.
function cut.detect(text)
  local seen = {}
  for line in lines(text) do
    for name, patterns in pairs(formats) do
      local word = line:match(patterns[1])
      word = word and word:lower()
      if word == "up" or word == "down" then
        if name ~= "node-pg" then return name end
        seen[word] = true
      end
    end
  end
  return seen.up and seen.down and "node-pg" or "plain"
end

local function keep_line(state, line, start)
  if state.section == state.wanted then return line end
  if not state.section and not is_blank(line) and not state.before then
    state.before = start
  end
  return blank(line)
end

local function directive(state, word, rest)
  word = word:lower()
  if word == "up" or word == "down" then
    state.section = word
    state.found = state.found or word == state.wanted
  elseif word == "envsub" then
    state.substitutes = not rest:lower():find("off")
  end
  if without_transaction(word, rest) and
    (word == "no" or state.section == state.wanted) then
    state.transaction = false
  end
end

--- The part of text for `direction`, the rest blanked out.
--- Returns text, transaction, problem: problem is nil or why the file cannot
--- be trusted to be cut rightly.
function cut.section(text, format, direction)
  if format == "plain" then
    local head, other = text:match("^%s*%-%-%s*([^\r\n]*)"), cut.detect(text)
    local problem = other ~= "plain" and
      "the file has directives of " .. other .. " but was read as one part"
      or nil
    return text, not (head and head:find("^no%-transaction")), problem
  end
  local patterns = formats[format] or error("no format is called " .. format)
  local state, out = { wanted = direction, transaction = true }, {}
  for line, start in lines(text) do
    local word, rest = line:match(patterns[1])
    if word then
      directive(state, word, rest)
      out[#out + 1] = blank(line)
    else
      out[#out + 1] = keep_line(state, line, start)
    end
  end
  local problem
  if state.before then
    problem = "there is SQL before the first directive of " .. format
  elseif not state.found then
    problem = "the file has no " .. direction .. " part"
  elseif state.substitutes then
    problem = "the file substitutes environment variables"
  end
  return table.concat(out), state.transaction, problem, state.before
end

--- Number of the line that holds the byte at `at` (from 1).
local function line_of(text, at)
  local _, ends = text:sub(1, at - 1):gsub("\n", "")
  return ends + 1
end
cut.line_of = line_of

local WHOLE_BYTES = 256 << 10 -- trees of so much text are held at a time

--- Add lines and texts to parts {at =, bytes =}, `at` from 0 in the whole
--- text, and leave out those that hold nothing.
local function locate(text, parts)
  local out, line, seen = {}, 1, 1
  for _, part in ipairs(parts) do
    local stop = part.at + part.bytes
    local at = cut.skip(text, part.at + 1)
    if at <= stop then
      local from = text:find("\n", seen, true)
      while from and from < at do
        line = line + 1
        from = text:find("\n", from + 1, true)
      end
      seen = at
      part.at, part.bytes, part.line = at - 1, stop - at + 1, line
      part.sql = text:sub(at, stop)
      out[#out + 1] = part
    end
  end
  return out
end

--- One call of the parser for the whole text: its trees come with it.
local function whole(text)
  local parsed, message, offset = host.parse(text)
  if not parsed then return nil, message, offset end
  local parts = {}
  for i, node in ipairs(parsed.stmts or {}) do
    local at = node.stmt_location or 0
    parts[i] = { at = at, bytes = node.stmt_len or #text - at,
                 stmt = node.stmt }
  end
  return parts
end

--- Statements as {at =, bytes =, sql =, line =, stmt = tree or nil}. Returns
--- them, and nil or what is wrong with the text as a whole: then they were
--- cut by the scanner, which knows strings and comments but no grammar.
function cut.statements(text)
  local parts, message, offset
  if #text <= WHOLE_BYTES then
    parts, message, offset = whole(text)
  else
    parts, message, offset = host.split(text, true)
  end
  if not parts then
    parts = host.split(text, false) or {}
    if #parts == 0 and cut.skip(text, 1) <= #text then
      parts[1] = { at = 0, bytes = #text }
    end
    message = ("line %d: %s"):format(line_of(text, (offset or 0) + 1),
                                     message)
  end
  return locate(text, parts), message
end

--- What psql does with its own commands (psql's reference page): those that
--- change nothing that a later statement could notice.
local harmless = { connect = true, c = true, restrict = true,
                   unrestrict = true, echo = true, encoding = true,
                   pset = true, timing = true, set = true, unset = true,
                   qecho = true, warn = true, prompt = true, x = true,
                   t = true, a = true, o = true }

local function is_copy(line)
  return line:upper():find("^%s*COPY%s.-FROM%s+STDIN.*;%s*$") ~= nil
end

--- The text without what only psql understands: its commands, and the rows
--- behind COPY .. FROM stdin. Returns it, and the commands that cannot be
--- passed over: {line =, text =}.
function cut.psql(text)
  local out, odd, rows, number = {}, {}, false, 0
  for line in lines(text) do
    number = number + 1
    local command = line:match("^%s*\\([%a!]*)")
    if rows then
      rows = not line:find("^\\%.%s*$")
      out[#out + 1] = blank(line)
    elseif command then
      if not harmless[command] then
        odd[#odd + 1] = { line = number, text = line:match("^%s*(.-)%s*$") }
      end
      out[#out + 1] = blank(line)
    else
      rows = is_copy(line)
      out[#out + 1] = line
    end
  end
  return table.concat(out), odd
end

--- Whether files of the format hold both directions.
function cut.is_two_way(format)
  return formats[format] ~= nil
end

return cut
