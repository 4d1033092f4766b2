-- luacheck: globals host migration
--- The comparison of two catalogs: what code that knew the old one meets in
--- the new one. It is exact on live catalogs, and tells what it cannot tell.

local diff = {}

local context = migration.diff_context
local parts = {}
for _, name in ipairs { "diff_relations", "diff_types", "diff_functions",
                        "diff_others" } do
  parts[#parts + 1] = migration[name]
end

--- old, new: {relations = {id -> object}, types =, functions =, schemas =,
--- extensions =, casts =, operators =}: whole catalogs, or what a unit
--- touched. given, each field may be missing:
---   old, new: function(kind, id), the object beyond what is compared
---   old_by_name, new_by_name: function(kind, schema, name) -> list
---   search_path: list; ledger: names ("schema.name" or "name") left out
--- Gives a list of {level, code, object, detail, kind, where = {kind, id,
--- part}, text, safe}; level is incompatible, unknown, caution or note.
function diff.compare(old, new, given)
  local ctx = context.new(old, new, given)
  for _, part in ipairs(parts) do part.compare(ctx) end
  return ctx.findings
end

--- "code: object detail", as people and lists say it.
function diff.label(finding)
  if not finding.detail then
    return finding.code .. ": " .. finding.object
  end
  local between = finding.code == "relation_kind_changed" and ": " or " "
  return finding.code .. ": " .. finding.object .. between .. finding.detail
end

return diff
