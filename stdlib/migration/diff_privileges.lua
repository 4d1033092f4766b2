-- luacheck: globals host migration
--- Owners and rights. A null list is PostgreSQL's default: all for the owner,
--- EXECUTE on functions and USAGE on types for PUBLIC.

local privileges = {}

local public_default = { functions = { "EXECUTE" }, types = { "USAGE" } }

--- role -> {privilege = true}; nil where the list is the default and only
--- the owner has rights.
local function granted(kind, acl)
  local out = {}
  if not acl then
    acl = { PUBLIC = public_default[kind] or {} }
  end
  for role, list in pairs(acl) do
    out[role] = {}
    for _, name in ipairs(list) do out[role][name] = true end
  end
  return out
end

--- Whether a role has a right on the new side, by its own name, as PUBLIC,
--- or as the owner.
local function has(now, owner, role, name)
  return now[role] and now[role][name] or now.PUBLIC and now.PUBLIC[name] or
    role == owner and now.default
end

local function sorted(set)
  local out = {}
  for name in pairs(set) do out[#out + 1] = name end
  table.sort(out)
  return out
end

local function lost(ctx, kind, o, n, label, where, wider)
  local was, now = granted(kind, o.acl), granted(kind, n.acl)
  now.default = not n.acl or nil
  for _, role in ipairs(sorted(was)) do
    for _, name in ipairs(sorted(was[role])) do
      if not (role == o.owner and o.owner ~= n.owner) and
        not has(now, n.owner, role, name) and
        not (wider and has(wider, n.owner, role, name)) then
        ctx:find("privilege_lost", label, ("%s:%s"):format(role, name),
                 { where = where })
      end
    end
  end
end

--- Rights on columns, which the table's own rights may give as well.
local function on_columns(ctx, o, n, pair_columns, where)
  local wider = granted("relations", n.acl)
  wider.default = not n.acl or nil
  for _, c in ipairs(o.columns or {}) do
    local entry = pair_columns.of[c.name]
    if c.acl and entry then
      lost(ctx, "columns", { acl = c.acl, owner = o.owner },
           { acl = entry.column.acl or {}, owner = n.owner },
           ctx.text(o) .. "." .. c.name, where, wider)
    end
  end
end

--- kind: the list the objects are in. pair_columns: see diff_columns.pair.
function privileges.compare(ctx, kind, o, n, label, pair_columns)
  local where = { kind = kind, id = n.id }
  if o.owner and n.owner and o.owner ~= n.owner then
    ctx:find("owner_changed", label, ("%s -> %s"):format(o.owner, n.owner),
             { where = where })
  end
  if o.acl or n.acl then lost(ctx, kind, o, n, label, where) end
  if pair_columns then on_columns(ctx, o, n, pair_columns, where) end
end

return privileges
