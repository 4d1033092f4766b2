-- luacheck: globals host migration
--- Schemas, extensions, casts, operators.

local privileges = migration.diff_privileges

local others = {}

local function place(kind, object) return { kind = kind, id = object.id } end

local function compare_schemas(ctx)
  for _, o in ipairs(ctx.sorted(ctx.old.schemas)) do
    local n = ctx.new_named("schemas", nil, o.name)[1]
    if not n then
      ctx:find("schema_removed", o.name, nil, { where = place("schemas", o) })
    else
      ctx:stand("schemas", n, o)
      privileges.compare(ctx, "schemas", o, n, o.name)
    end
  end
  for _, n in ipairs(ctx.sorted(ctx.new.schemas)) do
    if not ctx:stood_for("schemas", n) and
      #ctx.old_named("schemas", nil, n.name) == 0 then
      ctx:find("schema_added", n.name, nil, { where = place("schemas", n) })
    end
  end
end

local function compare_extensions(ctx)
  for _, o in ipairs(ctx.sorted(ctx.old.extensions)) do
    local n = ctx.new_named("extensions", nil, o.name)[1]
    if not n then
      ctx:find("extension_removed", o.name, nil,
               { where = place("extensions", o) })
    elseif n.schema ~= o.schema then
      ctx:find("extension_moved_schema", o.name,
               ("%s -> %s"):format(o.schema or "?", n.schema or "?"),
               { where = place("extensions", n) })
    elseif n.version ~= o.version then
      ctx:find("extension_version_changed", o.name,
               ("%s -> %s"):format(o.version or "?", n.version or "?"),
               { where = place("extensions", n) })
    end
  end
  for _, n in ipairs(ctx.sorted(ctx.new.extensions)) do
    if #ctx.old_named("extensions", nil, n.name) == 0 then
      ctx:find("extension_added", n.name, nil,
               { where = place("extensions", n) })
    end
  end
end

local function operator_text(o)
  return ("%s.%s(%s, %s)"):format(o.schema, o.name, o.left or "none",
                                  o.right or "none")
end

local function cast_text(c) return c.name end

--- Objects that are told by a text: gone or new.
local function compare_texts(ctx, kind, word, text)
  local was, is = {}, {}
  for _, n in pairs(ctx.new[kind] or {}) do is[text(n)] = n end
  for _, o in pairs(ctx.old[kind] or {}) do was[text(o)] = o end
  local names = {}
  for name in pairs(was) do names[#names + 1] = name end
  for name in pairs(is) do
    if not was[name] then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    if not is[name] then
      ctx:find(word .. "_removed", name, nil,
               { where = place(kind, was[name]) })
    elseif not was[name] then
      ctx:find(word .. "_added", name, nil,
               { where = place(kind, is[name]) })
    end
  end
end

function others.compare(ctx)
  compare_schemas(ctx)
  compare_extensions(ctx)
  compare_texts(ctx, "casts", "cast", cast_text)
  compare_texts(ctx, "operators", "operator", operator_text)
end

return others
