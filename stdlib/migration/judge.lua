-- luacheck: globals host migration
--- The role "sql" of rbrun-reader: catalogs and files in, verdicts out. What
--- the options and the reply are is said in core/drivers/migrate_sql.h.

local catalog = migration.catalog

local judge = {}

--- Worst first; "none": there was nothing to judge.
local rank = { incompatible = 5, unknown = 4, caution = 3, compatible = 2,
               none = 1 }

function judge.worse(a, b)
  return rank[a] >= rank[b] and a or b
end

--- A reader of the bytes that came, one part after the other.
local function parts(total)
  local at = 1
  local part = {}
  function part.take(bytes, what)
    if math.type(bytes) ~= "integer" or bytes < 0 or
      at + bytes - 1 > total then
      error(what .. " announces more bytes than came", 0)
    end
    at = at + bytes
    return at - bytes
  end
  function part.json(bytes, what)
    local value, problem = host.json(part.take(bytes, what), bytes)
    if type(value) ~= "table" then
      error(("%s is not a document: %s"):format(what, problem or "no object"),
            0)
    end
    return value
  end
  function part.finish()
    if at ~= total + 1 then
      error("more bytes came than the files announce", 0)
    end
  end
  return part
end

local function read_catalogs(part, announced)
  local out = {}
  for _, side in ipairs { "before", "after" } do
    local bytes = announced and announced[side]
    if bytes then
      local document = part.json(bytes, "the catalog " .. side)
      out[side] = catalog.load(document)
      out[side].incomplete = document.incomplete
    end
  end
  return out
end

local function read_files(part, list)
  local out = {}
  for i, file in ipairs(list or {}) do
    if type(file) ~= "table" then
      error(("file %d is not described"):format(i), 0)
    end
    local at = part.take(file.bytes, ("file %d"):format(i))
    file.text = host.text(at, file.bytes)
    out[i] = file
  end
  return out
end

local function as_reason(finding)
  return { level = finding.level, code = finding.code,
           object = finding.object, detail = finding.detail,
           kind = finding.kind, text = finding.text, safe = finding.safe }
end

--- Findings as the lists of a reply, and the verdict they come to.
function judge.weigh(findings)
  local out = { reasons = host.list(), cautions = host.list(),
                notes = host.list(), caution_kinds = host.list() }
  local verdict, kinds = "compatible", {}
  for _, f in ipairs(findings) do
    local list = f.level == "caution" and out.cautions
      or f.level == "note" and out.notes or out.reasons
    list[#list + 1] = as_reason(f)
    if f.level ~= "note" then verdict = judge.worse(verdict, f.level) end
    if f.level == "caution" and f.kind and not kinds[f.kind] then
      kinds[f.kind] = true
      table.insert(out.caution_kinds, f.kind)
    end
  end
  table.sort(out.caution_kinds)
  out.verdict = verdict
  return out
end

local function empty_when_missing(side)
  return side or catalog.new()
end

local function compare(options, catalogs)
  local old = empty_when_missing(catalogs.before)
  local new = empty_when_missing(catalogs.after)
  local compared = migration.diff and migration.diff.compare or function()
    return { { level = "unknown", code = "not_judged", object = "catalog",
               text = "this reader cannot compare catalogs" } }
  end
  local findings = compared(old, new, {
    old = function(kind, id) return old[kind][id] end,
    new = function(kind, id) return new[kind][id] end,
    old_by_name = function(...) return old:all(...) end,
    new_by_name = function(...) return new:all(...) end,
    search_path = new.search_path, ledger = { names = options.ledger or {} },
  })
  local reply = judge.weigh(findings)
  reply.files, reply.statements = host.list(), 0
  return reply
end

return function()
  local options, total = host.input()
  local part = parts(total)
  if options.manifest then
    options.files = part.json(options.manifest, "the manifest").files
  end
  local catalogs = read_catalogs(part, options.catalogs)
  local files = read_files(part, options.files)
  part.finish()
  if options.mode == "compare" then return compare(options, catalogs) end
  return migration.verdict(files, options.want_text)
end
