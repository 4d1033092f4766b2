-- luacheck: globals host migration
--- The role "sql" of rbrun-reader: catalogs and files in, verdicts out. What
--- the options and the reply are is said in core/drivers/migrate_sql.h.

local catalog, codes = migration.catalog, migration.codes
local state, apply = migration.apply_state, migration.apply
local read, down, cut = migration.apply_read, migration.apply_down,
  migration.cut

local judge = {}

--- Worst first; "none": there was nothing to judge.
local rank = { incompatible = 5, unknown = 4, caution = 3, compatible = 2,
               none = 1 }

local function worse(a, b)
  return rank[a] >= rank[b] and a or b
end

--- A reader of the bytes that came, one part after the other.
local function parts_of(total)
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
    file.at = part.take(file.bytes, ("file %d"):format(i))
    file.name = file.name or "?"
    out[i] = file
  end
  return out
end

--- A finding as the reply shows it. `from`: statement -> file and number.
local function as_reason(finding, from)
  local row = codes[finding.code] or {}
  local at = finding.statement and from and from[finding.statement] or {}
  return { level = finding.level, code = finding.code,
           object = finding.object, detail = finding.detail,
           kind = finding.level == "caution" and
             (finding.kind or row.kind) or nil,
           text = finding.text or row.breaks, safe = finding.safe or row.safe,
           steps = migration.expand.reply(finding, host.list),
           file = at.file, statement = at.number,
           line = finding.statement and finding.statement.line or nil }
end

local function list_for(out, level)
  if level == "caution" then return out.cautions end
  return level == "note" and out.notes or out.reasons
end

--- Findings as the lists of a reply, and the verdict they come to.
function judge.weigh(findings, from, out)
  out = out or {}
  out.reasons, out.cautions = host.list(), host.list()
  out.notes, out.caution_kinds = host.list(), host.list()
  local verdict, kinds = "compatible", {}
  for _, f in ipairs(findings) do
    local list, reason = list_for(out, f.level), as_reason(f, from)
    list[#list + 1] = reason
    if f.level ~= "note" then verdict = worse(verdict, f.level) end
    if reason.kind and not kinds[reason.kind] then
      kinds[reason.kind] = true
      table.insert(out.caution_kinds, reason.kind)
    end
  end
  table.sort(out.caution_kinds)
  out.verdict = verdict
  return out
end

--- Run what must not fail: what went wrong makes the unit unknown.
local function guarded(run, failed)
  local ok, message = pcall(run)
  if ok then return end
  message = tostring(message)
  if message:find("not enough memory", 1, true) then error(message, 0) end
  failed("the rules failed: " .. message)
end

local function given(options, cat)
  return {
    old = function(kind, id) return cat:was(kind, id) end,
    new = function(kind, id) return cat[kind][id] end,
    old_by_name = function(...) return cat:was_named(...) end,
    new_by_name = function(...) return cat:all(...) end,
    search_path = options.search_path or cat.search_path,
    ledger = { names = options.ledger or {} },
  }
end

-- Findings about what stands where an old object stood: nobody can tell what
-- one that is only assumed was like.
local replaced = { table_recreated = true, table_swapped = true,
                   relation_kind_changed = true, view_recreated = true,
                   sequence_renamed = true, column_recreated = true,
                   column_swapped = true }

--- Whether a constraint has taken the name of one that nobody has described.
local function replaces_assumed(s, f)
  local was = s.cat:was("relations", f.where.id)
  local is = s.cat.relations[f.where.id]
  local part = tostring(f.where.part)
  local id = tonumber(part:match("^constraint:(%d+)") or
    part:match("^index:(%d+)"))
  for _, c in ipairs(id and is and is.constraints or {}) do
    local old = (c.id == id or c.index == id) and was and
      state.by_name(was.constraints, c.name)
    if old and old.assumed then return true end
  end
  return false
end

--- What is not certain: what may not have been there at all (IF NOT EXISTS),
--- and what stands for something that nobody has described.
local function soften(s, f)
  if not f.where or f.where.kind ~= "relations" then return end
  local is = s.cat.relations[f.where.id]
  local was = s.cat:was("relations", f.where.id) or is and
    s.cat:was_named("relations", is.schema, is.name)[1]
  if was and was.maybe == s.unit and f.level == "incompatible" then
    f.level = "unknown"
    f.text = "it breaks older code, unless the migration made the object "
      .. "itself (IF NOT EXISTS)"
  elseif replaced[f.code] and f.level ~= "note" and
    (was and was.assumed or is and is.assumed) then
    f.level = "unknown"
    f.text = "what it was like before is not known"
  elseif f.level == "incompatible" and replaces_assumed(s, f) then
    f.level = "unknown"
    f.text = "an older constraint of that name went away, and which of the "
      .. "two is stricter cannot be read here"
  end
end

--- All that was found against the unit that has been applied.
local function findings_of(s, options)
  local out = {}
  guarded(function()
    migration.apply_table.review(s)
    local old, new = s.cat:changes()
    for _, f in ipairs(migration.diff.compare(old, new,
                                              given(options, s.cat))) do
      local w = f.where
      f.statement = w and s.cat:touched_by(w.kind, w.id, w.part) or nil
      soften(s, f)
      out[#out + 1] = f
    end
  end, function(message)
    out[#out + 1] = { level = "unknown", code = "not_judged",
                      object = "catalog", text = message }
  end)
  return table.move(s.findings, 1, #s.findings, #out + 1, out)
end

local function run_part(s, part)
  if part.unknown then
    return s:unknown(part.code, part.object or read.excerpt(part.sql),
                     part.unknown)
  end
  local unless, known = part.unless_type, part.assumes
  if unless and s:lookup("types", unless.schema, unless.name) then return end
  if known then -- a table that the program's own framework brings
    local closed = s.closed
    s:relation { schemaname = known.schema, relname = known.name }
    s.closed = closed
  end
  guarded(function() apply.statement(s, part.kind, part.tree) end,
          function(message) s:unknown("not_judged", part.kind, message) end)
end

--- Apply a file. Returns its entry and parts; entry.statements are those of
--- the reply. from: statement -> file and number, to be filled.
local function run_file(s, file, options, from)
  local entry, parts, refuses = read.file(file, s.programs)
  entry.statements = host.list()
  s:begin_file()
  for i, part in ipairs(parts) do
    local one = read.describe(part, options.want_text)
    if not part.unknown or part.sql ~= "" then
      entry.statements[#entry.statements + 1] = one
      entry.transaction = entry.transaction and one.transaction
    end
    from[one] = { file = file.name, number = i }
    s.cat.statement = one
    run_part(s, part)
    part.stmt, part.tree = nil, nil
  end
  s.cat.statement = nil
  entry.locks, entry.data = host.list(), host.list()
  for i, lock in ipairs(s.locks) do entry.locks[i] = lock end
  for i, one in ipairs(s.data) do entry.data[i] = one end
  s:end_file()
  return entry, parts, refuses
end

local function context_of(options, catalogs)
  local cat = catalogs.before
  local whole = cat and #(cat.incomplete or {}) == 0
  return state.new(cat or catalog.new(), {
    closed = whole or not cat and options.closed or false,
    empty = not cat and options.closed or false,
    search_path = options.search_path, ledger = options.ledger })
end

local function has_unknown(findings)
  for _, f in ipairs(findings) do
    if f.level == "unknown" then return true end
  end
  return false
end

--- The way back, on the catalog behind the up, which it leaves as it was.
local function judge_down(s, file, options, unsure)
  s.cat:settle()
  local up, gone, findings = s.cat.before, s.gone, s.findings
  local closed, marks = s.closed, s.cat.marks
  s.gone = setmetatable({}, { __index = gone })
  s:begin()
  local from = {}
  local entry, parts, refuses =
    run_file(s, file, { want_text = false }, from)
  local out
  guarded(function()
    out = down.describe(s, entry, parts, findings_of(s, options), up, unsure)
  end, function() out = down.missing() end)
  out.refuses = out.refuses or refuses
  s.cat:revert()
  s.cat.before, s.cat.marks = up, marks
  s.gone, s.findings, s.closed = gone, findings, closed
  return out
end

--- The file that holds the way back of one: given, or the file itself.
local function down_of(file, entry, downs, i)
  if downs[i] then return downs[i] end
  local format = entry.format
  if file.direction ~= "down" and format and (cut.is_two_way(format) or
     migration.programs.knows(format)) then
    return { name = file.name, at = file.at, bytes = file.bytes,
             format = format, direction = "down" }
  end
end

local function split_downs(files)
  local ups, downs = {}, {}
  for i, file in ipairs(files) do
    if file.of then downs[file.of] = file else ups[#ups + 1] = i end
  end
  return ups, downs
end

local function judge_one(s, file, options, downs, i)
  local from = {}
  s:begin()
  local entry = run_file(s, file, options, from)
  if file.context then
    return { name = file.name, context = true, format = entry.format,
             parsed = entry.parsed, error = entry.error,
             statements = host.list(), verdict = "none" }
  end
  local findings = findings_of(s, options)
  judge.weigh(findings, from, entry)
  local other = down_of(file, entry, downs, i)
  entry.down = other and judge_down(s, other, options, has_unknown(findings))
    or file.direction ~= "down" and down.missing() or nil
  return entry
end

local function history(options, catalogs, files)
  local s = context_of(options, catalogs)
  local reply = { statements = 0 }
  local ups, downs = split_downs(files)
  local verdict = "none"
  for _, i in ipairs(ups) do
    local entry = judge_one(s, files[i], options, downs, i)
    host.keep(entry)
    reply.statements = reply.statements + #entry.statements
    verdict = worse(verdict, entry.verdict)
  end
  reply.verdict = verdict
  return reply
end

--- Findings by the file that they come from.
local function by_file(findings, from, last)
  local out = {}
  for _, f in ipairs(findings) do
    local at = f.statement and from[f.statement]
    local name = at and at.file or last
    out[name] = out[name] or {}
    table.insert(out[name], f)
  end
  return out
end

local function release(options, catalogs, files)
  local s = context_of(options, catalogs)
  local entries, from, statements, begun = host.list(), {}, 0, false
  for i, file in ipairs(files) do
    if file.context then
      entries[i] = judge_one(s, file, options, {}, i)
    else
      if not begun then s:begin() end
      begun = true
      entries[i] = run_file(s, file, options, from)
      statements = statements + #entries[i].statements
    end
  end
  local findings = begun and findings_of(s, options) or {}
  local reply = judge.weigh(findings, from)
  local own = by_file(findings, from, files[#files] and files[#files].name)
  for i, file in ipairs(files) do
    if not file.context then
      judge.weigh(own[file.name] or {}, from, entries[i])
    end
  end
  if not begun then reply.verdict = "none" end
  for _, entry in ipairs(entries) do host.keep(entry) end
  reply.statements = statements
  return reply
end

--- Statements only.
local function split(options, _, files)
  local s = state.new(catalog.new(), {})
  local reply = { statements = 0, verdict = "none" }
  for _, file in ipairs(files) do
    local entry, parts = read.file(file, s.programs)
    entry.statements = host.list()
    for _, part in ipairs(parts) do
      local one = read.describe(part, options.want_text)
      if part.sql ~= "" then
        entry.statements[#entry.statements + 1] = one
        entry.transaction = entry.transaction and one.transaction
      end
      part.stmt, part.tree = nil, nil
    end
    host.keep(entry)
    reply.statements = reply.statements + #entry.statements
  end
  return reply
end

local function incomplete(findings, side, cat)
  for _, text in ipairs(cat and cat.incomplete or {}) do
    findings[#findings + 1] = { level = "unknown",
                                code = "catalog_incomplete", object = side,
                                text = text }
  end
end

local function compare(options, catalogs)
  local old = catalogs.before or catalog.new()
  local new = catalogs.after or catalog.new()
  local findings = migration.diff.compare(old, new, {
    old = function(kind, id) return old[kind][id] end,
    new = function(kind, id) return new[kind][id] end,
    old_by_name = function(...) return old:all(...) end,
    new_by_name = function(...) return new:all(...) end,
    search_path = options.search_path or new.search_path,
    ledger = { names = options.ledger or {} },
  })
  incomplete(findings, "before", catalogs.before)
  incomplete(findings, "after", catalogs.after)
  local reply = judge.weigh(findings)
  reply.statements = 0
  return reply
end

local modes = { history = history, release = release, split = split,
                compare = compare }

return function()
  local options, total = host.input()
  local part = parts_of(total)
  if options.manifest then
    options.files = part.json(options.manifest, "the manifest").files
  end
  local catalogs = read_catalogs(part, options.catalogs)
  local files = read_files(part, options.files)
  part.finish()
  local run = modes[options.mode or "release"]
  if not run then error("there is no mode " .. tostring(options.mode), 0) end
  return run(options, catalogs, files)
end
