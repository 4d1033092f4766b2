-- luacheck: globals host migration
--- What a release has made so far, and what was found against it. A release
--- is judged as one net change: what it makes itself cannot break code that
--- never knew it, and what it makes and takes back has not happened.

local tree = migration.tree

local world = {}
world.__index = world

--- Worst first; a caution leaves a statement compatible.
local rank = { incompatible = 3, unknown = 2, compatible = 1 }

function world.new()
  return setmetatable({
    things = {},      -- key -> {status = "born"|"maybe", ...}
    columns = {},     -- table key -> column -> {status, required, default}
    constraints = {}, -- table key -> constraint -> true, or "dropped"
    findings = {},
    search_path = 0,  -- how often it has changed: "t" is then another t
  }, world)
end

--- A key for an object: the kind of name space, schema and name.
function world:key(space, schema, name)
  return ("%s\0%s\0%s"):format(space, schema or "~" .. self.search_path,
                               name or "?")
end

function world:relation_key(range)
  return self:key("relation", range.schemaname, range.relname)
end

function world.relation_text(range)
  return range.schemaname and range.schemaname .. "." .. range.relname
    or range.relname or "?"
end

function world:list_key(space, node)
  return self:key(space, tree.qualified(tree.name_list(node)))
end

function world.list_text(node)
  return table.concat(tree.texts(tree.name_list(node)), ".")
end

--- "born", "maybe" (IF NOT EXISTS: it may be older), or "old".
function world:status(key)
  local thing = self.things[key]
  return thing and thing.status or "old"
end

function world:is_born(key)
  return self:status(key) == "born"
end

--- An object comes to be. What was found when an old one of that name went
--- away can no longer be told without the old one's shape.
function world:bear(key, maybe, details)
  local thing = details or {}
  thing.status = maybe and "maybe" or "born"
  self.things[key] = thing
  for _, finding in ipairs(self.findings) do
    if finding.away == key and finding.level == "incompatible" then
      finding.level, finding.alone = "unknown", finding.text
      finding.text = finding.text .. "; the release makes another of that "
        .. "name, and whether it serves the older code cannot be read here"
    end
  end
end

--- A born object is gone again, and with it all that was found on it.
function world:bury(key)
  for _, finding in ipairs(self.findings) do
    if finding.away == key and finding.alone then
      finding.level, finding.text = "incompatible", finding.alone
    end
  end
  self.things[key] = nil
  self.columns[key] = nil
  self.constraints[key] = nil
  self:forget(key)
end

--- Take back what was found on a thing; code: only findings of that kind.
function world:forget(on, code)
  local kept = {}
  for _, finding in ipairs(self.findings) do
    local here = finding.on == on or finding.table == on
    if not here or (code and finding.code ~= code) then
      kept[#kept + 1] = finding
    end
  end
  self.findings = kept
end

function world:move(from, to)
  for _, part in ipairs { "things", "columns", "constraints" } do
    self[part][to], self[part][from] = self[part][from], nil
  end
end

--- Write down what a statement does to older code.
--- f: level, code, object, text; on: what it belongs to (dropping that takes
--- the finding back); table: the relation; away: the key that has gone.
function world:find(f)
  if f.table and f.level == "incompatible" and
    self:status(f.table) == "maybe" then
    f.level = "unknown"
    f.text = f.text .. "; unless this release made it (IF NOT EXISTS)"
  end
  f.statement = self.statement
  self.findings[#self.findings + 1] = f
end

--- A column this release has added to a table, or nil.
function world:column(key, name)
  local columns = self.columns[key]
  return columns and columns[name]
end

--- Columns of the release whose values are no longer free.
function world:constrain(key, names)
  for _, name in ipairs(names) do
    local column = self:column(key, name)
    if column then column.constrained = true end
  end
end

--- What holds for a transaction or a session only: temporary tables, and
--- the search path where it has been changed.
function world:end_session()
  for key, thing in pairs(self.things) do
    if thing.temporary then self.things[key] = nil end
  end
  if self.search_path > 0 then self.search_path = self.search_path + 1 end
end

--- What older code's inserts put into columns it does not know, for
--- tree.value: NULL, or the constant default.
function world:environment(key)
  local env = {}
  for name, column in pairs(self.columns[key] or {}) do
    if column.status == "born" then
      env[name] = tree.value(column.default, {})
      if not column.default and not column.filled then
        env[name] = { null = true }
      end
    end
  end
  return env
end

--- The verdict of a statement by what was found, with its lists.
function world.weigh(findings)
  local verdict = "compatible"
  local reasons, cautions = host.list(), host.list()
  for _, f in ipairs(findings) do
    local entry = { code = f.code, object = f.object, text = f.text }
    if f.level == "caution" then
      cautions[#cautions + 1] = entry
    else
      reasons[#reasons + 1] = entry
      verdict = world.worse(verdict, f.level)
    end
  end
  return verdict, reasons, cautions
end

function world.worse(a, b)
  return rank[a] >= rank[b] and a or b
end

return world
