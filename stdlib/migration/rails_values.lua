-- luacheck: globals host migration
--- Values in Rails migrations, Rails' names for what nobody named, and its
--- types in PostgreSQL's words.
--- Source: activerecord/lib/active_record/connection_adapters (6.1 to 7.1),
--- active_support/inflections.rb.

local program, digest = migration.program, migration.program_digest
local values = {}
values.__index = values

local MAX_STEPS = 20

-- Nodes ----------------------------------------------------------------------

--- What the file's constants and locals stand for.
function values.new(above)
  return setmetatable({ names = {}, above = above }, values)
end

function values:resolve(node)
  for _ = 1, MAX_STEPS do
    local name = node and (node.k == "name" and node.v or
      node.k == "call" and not node.recv and #node.args == 0 and
      not node.parens and node.v)
    local scope, found = self, nil
    while name and scope and found == nil do
      found, scope = scope.names[name], scope.above
    end
    if not found then return node end
    node = found
  end
  return node
end

local function squished(text)
  return (text:gsub("%s+", " "):gsub("^ ", ""):gsub(" $", ""))
end

local through = { squish = squished, freeze = true, to_s = true,
                  to_sym = true, strip_heredoc = true, html_safe = true,
                  chomp = function(s) return (s:gsub("\n$", "")) end,
                  strip = function(s) return s:match "^%s*(.-)%s*$" end }

--- The text of a string or a symbol, and the node it was written as.
function values:text(node, depth)
  local found = self:resolve(node)
  depth = depth or 0
  if not found or depth > MAX_STEPS then return nil end
  if found.k == "str" or found.k == "sym" then return found.v, found end
  if found.k == "call" and found.recv and #found.args == 0 then
    local how = through[found.v]
    local text = how and self:text(found.recv, depth + 1)
    if text then return how == true and text or how(text), {} end
  end
  if found.k == "op" then
    local out = {}
    for i, part in ipairs(found) do
      if i % 2 == 0 and part ~= "+" then return nil end
      if i % 2 == 1 then
        out[#out + 1] = self:text(part, depth + 1)
        if #out < (i + 1) // 2 then return nil end
      end
    end
    return table.concat(out), {}
  end
end

function values:number(node)
  local found = self:resolve(node)
  return found and found.k == "num" and tonumber(found.v) or nil
end

function values:boolean(node)
  local found = self:resolve(node)
  if not found or found.k ~= "const" then return nil end
  if found.v == "true" then return true end
  if found.v == "false" then return false end
end

function values:is_nil(node)
  local found = self:resolve(node)
  return found ~= nil and found.k == "const" and found.v == "nil"
end

--- One text or a list of texts, as a list; or nil.
function values:texts(node)
  local one = self:text(node)
  if one then return { one } end
  local found = self:resolve(node)
  if not found or found.k ~= "array" then return nil end
  local out = {}
  for i, item in ipairs(found) do
    out[i] = self:text(item)
    if not out[i] then return nil end
  end
  return out
end

--- A hash's values by key, or nil.
function values:hash(node)
  local found = self:resolve(node)
  return found and found.k == "hash" and found.kw or nil
end

-- Names ----------------------------------------------------------------------

local function short(text) return digest.sha256(text):sub(1, 10) end

function values.key_name(table_name, column)
  return "fk_rails_" .. short(("%s_%s_fk"):format(table_name, column))
end

function values.check_name(table_name, expression)
  return "chk_rails_" .. short(("%s_%s_chk"):format(table_name, expression))
end

--- A name of one word for a table with its schema: "app.users".
function values.bare(table_name) return table_name:match "[^.]*$" end

function values.index_name(table_name, columns)
  local parts = {}
  for i, column in ipairs(columns) do
    parts[i] = column
    if #columns == 1 and column:find "[^%w_]" then
      local words = {}
      for word in column:gmatch "[%w_]+" do words[#words + 1] = word end
      parts[i] = table.concat(words, "_")
    end
  end
  return ("index_%s_on_%s"):format(table_name:gsub("%.", "_"),
                                   table.concat(parts, "_and_"))
end

--- A table's name, quoted: "app.users" has a schema.
function values.table(text)
  local schema, own = text:match "^([^.\"]+)%.([^.\"]+)$"
  return program.qualified(schema, own or text)
end

local irregular = { person = "people", man = "men", child = "children",
                    sex = "sexes", move = "moves", zombie = "zombies",
                    ox = "oxen", mouse = "mice", louse = "lice",
                    quiz = "quizzes", axis = "axes", crisis = "crises",
                    testis = "testes", datum = "data", medium = "media" }
local same = { equipment = true, information = true, rice = true,
               money = true, species = true, series = true, fish = true,
               sheep = true, jeans = true, police = true }
local endings = {
  { "(octop)us$", "%1i" }, { "(vir)us$", "%1i" }, { "(alias)$", "%1es" },
  { "(status)$", "%1es" }, { "(bu)s$", "%1ses" },
  { "(buffal)o$", "%1oes" }, { "(tomat)o$", "%1oes" },
  { "([ti])um$", "%1a" }, { "sis$", "ses" },
  { "([^f])fe$", "%1ves" }, { "([lr])f$", "%1ves" }, { "(hive)$", "%1s" },
  { "([^aeiouy])y$", "%1ies" }, { "(qu)y$", "%1ies" }, { "(x)$", "%1es" },
  { "(ch)$", "%1es" }, { "(ss)$", "%1es" }, { "(sh)$", "%1es" },
  { "(matr)ix$", "%1ices" }, { "(vert)ex$", "%1ices" }, { "s$", "s" },
}

--- "company" -> "companies": the table a reference means.
function values.plural(word)
  local head, last = word:match "^(.*_)([^_]+)$"
  head, last = head or "", last or word
  if same[last] then return word end
  if irregular[last] then return head .. irregular[last] end
  for _, rule in ipairs(endings) do
    local out, n = last:gsub(rule[1], rule[2])
    if n > 0 then return head .. out end
  end
  return word .. "s"
end

--- "companies" -> "company", as far as a join table's columns need it.
function values.singular(word)
  local head, last = word:match "^(.*_)([^_]+)$"
  head, last = head or "", last or word
  if same[last] then return word end
  for one, many in pairs(irregular) do
    if many == last then return head .. one end
  end
  for _, rule in ipairs { { "([^aeiouy])ies$", "%1y" }, { "(qu)ies$", "%1y" },
    { "(ss)$", "%1" }, { "(status)es$", "%1" }, { "(alias)es$", "%1" },
    { "(x)es$", "%1" }, { "(ch)es$", "%1" }, { "(ss)es$", "%1" },
    { "(sh)es$", "%1" }, { "([lr])ves$", "%1f" }, { "s$", "" } } do
    local out, n = last:gsub(rule[1], rule[2])
    if n > 0 then return head .. out end
  end
  return word
end

-- Types ----------------------------------------------------------------------

local plain = {
  text = "text", bigint = "bigint", float = "float", date = "date",
  binary = "bytea", blob = "bytea", boolean = "boolean", json = "json",
  jsonb = "jsonb", uuid = "uuid", hstore = "hstore", inet = "inet",
  cidr = "cidr", macaddr = "macaddr", xml = "xml", tsvector = "tsvector",
  ltree = "ltree", citext = "citext", point = "point", line = "line",
  lseg = "lseg", box = "box", path = "path", polygon = "polygon",
  circle = "circle", money = "money", oid = "oid", int4range = "int4range",
  int8range = "int8range", numrange = "numrange", tsrange = "tsrange",
  tstzrange = "tstzrange", daterange = "daterange", interval = "interval",
  serial = "serial", bigserial = "bigserial",
  primary_key = "bigserial primary key",
}

--- The names of methods of a table's block that make a column.
function values.is_type(word)
  return plain[word] ~= nil or word == "string" or word == "integer" or
    word == "decimal" or word == "numeric" or word == "datetime" or
    word == "timestamp" or word == "timestamptz" or word == "time" or
    word == "bit" or word == "bit_varying" or word == "enum" or
    word == "virtual"
end

local function integer(limit)
  if not limit or limit == 3 or limit == 4 then return "integer" end
  if limit <= 2 then return "smallint" end
  return limit <= 8 and "bigint" or nil
end

local function sized(word, n)
  return n and ("%s(%d)"):format(word, n) or word
end

local function timed(word, precision, zone)
  return sized(word, precision) .. " " .. zone .. " time zone"
end

--- A number among the options; nil without it.
local function option(self, kw, key)
  local n = kw[key] and self:number(kw[key])
  return n and math.tointeger(n)
end

--- precision: nil where the version gives none; `precision: nil` asks for
--- none.
local function precision_of(self, kw, usual)
  if kw.precision then return option(self, kw, "precision") end
  return usual
end

local function with_precision(self, word, kw, version)
  local p = precision_of(self, kw, version >= 7.0 and 6 or nil)
  if word == "timestamptz" then return timed("timestamp", p, "with") end
  return timed("timestamp", p, "without")
end

local function array(self, kw, sql)
  return kw.array and self:boolean(kw.array) and sql .. "[]" or sql
end

--- A column's type, or nil and what is not known.
function values:type(word, kw, version)
  local sql
  if word == "string" then
    sql = sized("character varying", option(self, kw, "limit"))
  elseif word == "integer" then
    sql = integer(option(self, kw, "limit"))
  elseif word == "decimal" or word == "numeric" then
    local p, s = option(self, kw, "precision"), option(self, kw, "scale")
    sql = p and s and ("numeric(%d,%d)"):format(p, s) or sized("numeric", p)
  elseif word == "datetime" or word == "timestamp" or
    word == "timestamptz" then
    sql = with_precision(self, word, kw, version)
  elseif word == "time" then
    sql = timed("time", precision_of(self, kw), "without")
  elseif word == "bit" or word == "bit_varying" then
    sql = sized((word:gsub("_", " ")), option(self, kw, "limit"))
  elseif word == "enum" then
    local text = kw.enum_type and self:text(kw.enum_type)
    sql = text and values.table(text)
  elseif word == "virtual" then
    local inner = kw.type and self:text(kw.type)
    sql = inner and self:type(inner, { limit = kw.limit }, version)
  else
    sql = plain[word] or word -- a type of the database, by its own name
  end
  if not sql then return nil, "the type " .. word end
  return array(self, kw, sql)
end

--- A default in SQL: nil for none, or nil and what is not known.
function values:default(node, word)
  local found = self:resolve(node)
  if not found or self:is_nil(found) then return nil end
  local text, n, b = self:text(found), self:number(found),
    self:boolean(found)
  if b ~= nil then return tostring(b) end
  if n then
    return word == "string" and program.literal(found.v) or found.v
  end
  if text then return program.literal(text) end
  if found.k == "lambda" and #found.body == 1 then
    text = self:text(found.body[1])
    if text then return text end
  end
  if found.k == "array" and #found == 0 then
    return word:find "json" and "'[]'" or "'{}'"
  end
  if found.k == "hash" and #found.order == 0 then
    return word == "hstore" and "''" or "'{}'"
  end
  return nil, "a default that is not written as a value"
end

return values
