-- luacheck: globals host migration
--- A default where there was none: older INSERTs, which stored NULL, now
--- store a value that a key, a foreign key or a check may refuse.

local expression, columns = migration.expression, migration.diff_columns

local defaults = {}

local function column_named(relation, name)
  for _, c in ipairs(relation.columns or {}) do
    if c.name == name then return c end
  end
  return nil
end

local function place(pair, name)
  local c = column_named(pair.new, name)
  return { kind = "relations", id = pair.new.id,
           part = c and c.attnum and "column:" .. c.attnum or nil }
end

local function report(ctx, pair, name, by, level)
  ctx:find("default_refused", ctx.text(pair.old) .. "."
           .. pair.columns.from[name], "by " .. by,
           { where = place(pair, name), level = level })
end

--- A key of columns that are all there: NULL kept the row out of it.
local function compare_keys(ctx, pair, filled)
  for _, index in ipairs(pair.new.indexes or {}) do
    if index.unique and not index.nulls_not_distinct then
      for _, name in ipairs(index.columns or {}) do
        if filled[name] and not columns.always_distinct(
          ctx, column_named(pair.new, name)) then
          report(ctx, pair, name, index.name)
        end
      end
    end
  end
end

local function compare_constraint(ctx, pair, filled, c)
  if c.type == "f" then
    for _, name in ipairs(c.columns or {}) do
      if filled[name] then report(ctx, pair, name, c.name) end
    end
  elseif c.type == "c" and c.expression then
    for name in pairs(expression.columns(c.expression)) do
      local value = filled[name]
      if value and expression.never_false(c.expression,
                                          { [name] = { null = true } }) then
        local env = { [name] = value.is ~= nil and value or nil }
        if not expression.never_false(c.expression, env) then
          report(ctx, pair, name, c.name,
                 not expression.always_false(c.expression, env) and "unknown"
                   or nil)
        end
      end
    end
  end
end

function defaults.compare(ctx, pair)
  local filled = columns.filled(ctx, pair)
  if not next(filled) then return end
  compare_keys(ctx, pair, filled)
  for _, c in ipairs(pair.new.constraints or {}) do
    compare_constraint(ctx, pair, filled, c)
  end
end

return defaults
