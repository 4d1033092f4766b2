-- luacheck: globals host migration
--- Constraints and indexes: what they refuse of the rows that older code
--- writes. Used for columns being added, tables being altered and indexes.

local tree = migration.tree

local constraint = {}

--- Everything below works on one altered relation:
--- ctx.world, ctx.key, ctx.name (for people), ctx.born, ctx.rel (bare name).

local function names(list)
  return table.concat(list, ", ")
end

--- Whether older code's rows are NULL (or a known constant) in a column.
local function has_null(ctx, columns)
  local env = ctx.world:environment(ctx.key)
  for _, name in ipairs(columns) do
    if env[name] and env[name].null then return true end
  end
  return false
end

local function all_new(ctx, columns)
  for _, name in ipairs(columns) do
    local column = ctx.world:column(ctx.key, name)
    if not column or column.status ~= "born" then return false end
  end
  return #columns > 0
end

--- Columns of this release, or perhaps of it (ADD COLUMN IF NOT EXISTS).
local function perhaps_new(ctx, columns)
  for _, name in ipairs(columns) do
    if not ctx.world:column(ctx.key, name) then return false end
  end
  return #columns > 0
end

--- The same name has just been dropped: the two may allow the same.
local function replaces(ctx, name)
  local here = ctx.world.constraints[ctx.key]
  return name and here and here[name] == "dropped"
end

local suffixes = { CONSTR_UNIQUE = "key", CONSTR_PRIMARY = "pkey",
                   CONSTR_FOREIGN = "fkey", CONSTR_CHECK = "check" }

--- The name PostgreSQL gives a constraint that has none.
local function default_name(ctx, kind, columns)
  local parts = { ctx.rel }
  if kind ~= "CONSTR_PRIMARY" then
    for _, c in ipairs(columns) do parts[#parts + 1] = c end
  end
  parts[#parts + 1] = suffixes[kind]
  return table.concat(parts, "_")
end

local function on(ctx, name)
  return ("constraint\0%s\0%s"):format(ctx.key, name)
end

local function remember(ctx, c, columns)
  local name = c.conname or default_name(ctx, c.contype, columns)
  local world = ctx.world
  world.constraints[ctx.key] = world.constraints[ctx.key] or {}
  world.constraints[ctx.key][name] = true
  world:constrain(ctx.key, columns)
  return on(ctx, name)
end

local function refuse(ctx, c, columns, code, text)
  local changed = replaces(ctx, c.conname)
  local known = not changed and not (perhaps_new(ctx, columns) and
    not all_new(ctx, columns))
  ctx.world:find {
    level = known and "incompatible" or "unknown",
    code = changed and code:gsub("_added$", "_changed") or code,
    object = ("%s(%s)"):format(ctx.name, names(columns)), table = ctx.key,
    on = remember(ctx, c, columns),
    text = changed and text .. "; an older constraint of that name went "
      .. "away, and which of the two is stricter cannot be read here"
      or text,
  }
end

local function check(ctx, c)
  local columns = tree.columns(c.raw_expr)
  if tree.never_false(c.raw_expr, ctx.world:environment(ctx.key)) then
    remember(ctx, c, columns)
  elseif all_new(ctx, columns) and not tree.always_false(
    c.raw_expr, ctx.world:environment(ctx.key)) then
    ctx.world:find {
      level = "unknown", code = "check_added", table = ctx.key,
      on = remember(ctx, c, columns),
      object = ("%s(%s)"):format(ctx.name, names(columns)),
      text = "whether rows without these columns pass the check cannot be "
        .. "read here",
    }
  else
    refuse(ctx, c, columns, "check_added",
           "the check also refuses rows that older code writes")
  end
end

--- Do older code's rows get distinct keys by themselves?
local function filled_apart(ctx, columns)
  for _, name in ipairs(columns) do
    local column = ctx.world:column(ctx.key, name)
    if column and column.status == "born" and column.sequence then
      return true
    end
  end
  return false
end

local function unique(ctx, c, columns)
  if (has_null(ctx, columns) and not c.nulls_not_distinct) or
    filled_apart(ctx, columns) then
    remember(ctx, c, columns)
    return
  end
  refuse(ctx, c, columns, "unique_added",
         "rows that older code writes may now be duplicates")
end

local function using_index(ctx, c)
  local index = ctx.world:key("relation", ctx.range.schemaname, c.indexname)
  if c.contype == "CONSTR_PRIMARY" then
    ctx.world:find {
      level = "incompatible", code = "not_null_added", object = ctx.name,
      table = ctx.key, on = remember(ctx, c, {}),
      text = "a primary key refuses NULL in its columns",
    }
  elseif not ctx.world:is_born(index) then
    remember(ctx, c, {}) -- only a unique index can be used: nothing is new
  end
end

local function primary(ctx, c, columns)
  if c.indexname then return using_index(ctx, c) end
  if all_new(ctx, columns) and filled_apart(ctx, columns) then
    remember(ctx, c, columns)
    return
  end
  refuse(ctx, c, columns, "unique_added",
         "a primary key refuses duplicates and NULL")
end

local function foreign_name(world, c)
  return world.relation_text(c.pktable)
end

--- A new foreign key holds its parent's rows, unless it lets them go.
function constraint.caution_parent(world, c, from, key)
  if world:is_born(world:relation_key(c.pktable)) then return end
  if c.fk_del_action == "a" or c.fk_del_action == "r" then
    world:find {
      level = "caution", code = "new_fk_can_block_parent_delete",
      object = ("%s -> %s"):format(from, foreign_name(world, c)),
      table = key, on = key,
      text = "rows that only the newer code writes can keep older code from "
        .. "deleting their parents",
    }
  end
end

local function foreign(ctx, c, columns)
  local world, env = ctx.world, ctx.world:environment(ctx.key)
  local nulls = 0
  for _, name in ipairs(columns) do
    nulls = nulls + (env[name] and env[name].null and 1 or 0)
  end
  local unchecked = nulls > 0
  if c.fk_matchtype == "f" then unchecked = nulls == #columns end
  if unchecked and #columns > 0 then
    remember(ctx, c, columns)
    constraint.caution_parent(world, c, ctx.name, ctx.key)
  elseif all_new(ctx, columns) then
    world:find {
      level = "unknown", code = "fk_added", table = ctx.key,
      object = ("%s(%s) -> %s"):format(ctx.name, names(columns),
                                       foreign_name(world, c)),
      on = remember(ctx, c, columns),
      text = "whether the default always has a row to refer to cannot be "
        .. "read here",
    }
  else
    refuse(ctx, c, columns, "fk_added",
           "rows that older code writes, or the deletion of their parents, "
             .. "may now be refused")
  end
end

local function exclusion(ctx, c)
  refuse(ctx, c, { c.conname or "" }, "exclusion_added",
         "rows that older code writes may now exclude each other")
end

local kinds = {
  CONSTR_CHECK = check,
  CONSTR_FOREIGN = foreign,
  CONSTR_EXCLUSION = exclusion,
  CONSTR_PRIMARY = primary,
  CONSTR_UNIQUE = function(ctx, c, columns)
    if c.indexname then return using_index(ctx, c) end
    return unique(ctx, c, columns)
  end,
}

--- A constraint on an older table; column: it was written behind this one.
function constraint.add(ctx, c, column)
  local list = c.contype == "CONSTR_FOREIGN" and c.fk_attrs or c.keys
  local columns = column and { column } or tree.texts(list)
  local add = kinds[c.contype]
  if add then return add(ctx, c, columns) end
  ctx.world:find {
    level = "unknown", code = "constraint_added", object = ctx.name,
    table = ctx.key, text = "a constraint of a kind that is not judged",
  }
end

function constraint.drop(ctx, name, missing_ok)
  local world = ctx.world
  local here = world.constraints[ctx.key] or {}
  world.constraints[ctx.key] = here
  if here[name] == true then
    here[name] = nil
    return world:forget(on(ctx, name))
  end
  here[name] = "dropped"
  world:find {
    level = "unknown", code = "constraint_removed",
    object = ("%s %s"):format(ctx.name, name), table = ctx.key,
    text = missing_ok and "older code may name it in ON CONFLICT, or rely "
      .. "on what it refused, if it was there"
      or "older code may name it in ON CONFLICT, or rely on what it refused",
  }
end

local function index_columns(stmt)
  local columns, expression = {}, nil
  for _, p in ipairs(stmt.indexParams or {}) do
    if p.IndexElem.name then
      columns[#columns + 1] = p.IndexElem.name
    else
      expression = p.IndexElem.expr
    end
  end
  return columns, expression
end

local function unique_index(ctx, stmt, columns, key)
  local world, env = ctx.world, ctx.world:environment(ctx.key)
  world:constrain(ctx.key, columns)
  world:constrain(ctx.key, tree.columns(stmt.whereClause))
  local outside = stmt.whereClause and tree.never_true(stmt.whereClause, env)
  if outside or (has_null(ctx, columns) and not stmt.nulls_not_distinct) or
    filled_apart(ctx, columns) then
    return
  end
  world:find {
    level = "incompatible", code = "unique_added", on = key,
    object = ("%s(%s)"):format(ctx.name, names(columns)), table = ctx.key,
    text = "rows that older code writes may now be duplicates",
  }
end

--- CREATE INDEX on an older table.
function constraint.index(ctx, stmt, key)
  local columns, expression = index_columns(stmt)
  if stmt.unique then unique_index(ctx, stmt, columns, key) end
  if not expression and not stmt.whereClause then return end
  local raises = tree.can_raise(stmt.indexParams) or
    tree.can_raise(stmt.whereClause)
  if raises then
    ctx.world:find {
      level = "unknown", code = "expression_index_added", on = key,
      object = stmt.idxname or ctx.name, table = ctx.key,
      text = "an expression that can fail refuses the row that it fails on",
    }
  elseif expression then
    ctx.world:find {
      level = "caution", code = "expression_index_added", on = key,
      object = stmt.idxname or ctx.name, table = ctx.key,
      text = "the expression is evaluated for every row that is written",
    }
  end
end

return constraint
