-- luacheck: globals host migration
--- What Django's schema editor says for PostgreSQL: tables, fields, keys and
--- indexes of models. Names of constraints are Django's own.
--- Source: django/db/backends/base/schema.py, postgresql/schema.py (3.2 to 5).
---
--- A function gets s = {out, line, models, app, auto}: models as they are
--- where the statement runs.

local program, state = migration.program, migration.django_state
local name = program.name

local sql = {}

--- A model's table, quoted; people put a schema in as '"schema"."table"'.
local function table_of(model)
  if model.table:sub(1, 1) == '"' then return model.table end
  return name(model.table)
end
sql.table = table_of

local function say(s, format, ...)
  s.out:sql(s.line, format:format(...))
end

local function is_ours(model) return model.managed and not model.proxy end

--- A guessed model's table may have another name.
function sql.certain(s, model)
  if model.guessed then
    s.out:unknown(s.line, ("the model %s.%s is made in a file that was not " ..
      "given: its table is taken to be %s"):format(model.app, model.name,
      model.table), "not_judged")
  end
end

local function kind_of(s, model, field)
  if field.problem then s.out:unknown(field.line or s.line, field.problem) end
  local kind = state.type_of(s.models, model, field)
  if not kind then
    s.out:unknown(field.line or s.line, ("the type of %s.%s.%s is that of a " ..
      "model that was not given"):format(model.app, model.name, field.name))
    kind = "bigint"
  end
  return kind
end

--- Type and constraints of a column, without its keys to other tables.
local function definition(s, model, field, with_default)
  local kind = field.serial or kind_of(s, model, field)
  local default = field.kept
  if with_default and field.default ~= nil and not default then
    default = field.default
    if default == true then default = state.fields.stand_in(field.type) end
  end
  return ("%s %s%s %s%s%s"):format(name(field.column), kind,
    default and " DEFAULT " .. default or "",
    field.null and "NULL" or "NOT NULL",
    field.primary and " PRIMARY KEY" or field.unique and " UNIQUE" or "",
    field.positive and (" CHECK (%s >= 0)"):format(name(field.column)) or "")
end

-- Keys and indexes -----------------------------------------------------------

--- The FOREIGN KEY of a relation, by Django's name. Nil without one.
local function key_of(s, model, field)
  if not field.rel or not field.rel.constraint then return nil end
  local found, target = state.target(s.models, model, field.rel)
  if not target then return nil end
  local suffix = ("_fk_%s_%s"):format(found.table, target.column)
  return { name = state.index_name(model.table, { field.column }, suffix),
           refers = found, column = target.column }
end

local function add_key(s, model, field)
  local key = key_of(s, model, field)
  if not key then return end
  local item = s.out:sql(s.line, ("ALTER TABLE %s ADD CONSTRAINT %s FOREIGN " ..
    "KEY (%s) REFERENCES %s (%s) DEFERRABLE INITIALLY DEFERRED"):format(
    table_of(model), name(key.name), name(field.column),
    table_of(key.refers), name(key.column)))
  if key.refers.contrib then item.assumes = { name = key.refers.table } end
end

local function drop_key(s, model, field)
  local key = key_of(s, model, field)
  if not key then return end
  say(s, "ALTER TABLE %s DROP CONSTRAINT %s", table_of(model),
      name(field.key_name or key.name))
end

local function like_class(s, model, field)
  local kind = state.type_of(s.models, model, field) or ""
  if kind:find("[", 1, true) then return nil end
  return kind:match "^varchar" and "varchar_pattern_ops" or
    kind:match "^text" and "text_pattern_ops" or nil
end

local function add_like(s, model, field)
  local class = (field.index or field.unique) and like_class(s, model, field)
  if not class or field.problem then return end
  say(s, "CREATE INDEX %s ON %s (%s %s)",
      name(state.index_name(model.table, { field.column }, "_like")),
      table_of(model), name(field.column), class)
end

local function plain_index(field) return field.index and not field.unique end

local function add_index(s, model, field)
  if not plain_index(field) then return end
  say(s, "CREATE INDEX %s ON %s (%s)",
      name(state.index_name(model.table, { field.column }, "")),
      table_of(model), name(field.column))
end

local function columns_of(model, names)
  local out = {}
  for i, field in ipairs(names) do
    out[i] = state.column(model, field) or field
  end
  return out
end

function sql.add_unique(s, model, names)
  local columns = columns_of(model, names)
  say(s, "ALTER TABLE %s ADD CONSTRAINT %s UNIQUE (%s)", table_of(model),
      name(state.index_name(model.table, columns, "_uniq")),
      program.names(columns))
end

function sql.drop_unique(s, model, names)
  local columns = columns_of(model, names)
  say(s, "ALTER TABLE %s DROP CONSTRAINT %s", table_of(model),
      name(state.index_name(model.table, columns, "_uniq")))
end

function sql.add_together(s, model, names)
  local columns = columns_of(model, names)
  say(s, "CREATE INDEX %s ON %s (%s)",
      name(state.index_name(model.table, columns, "_idx")), table_of(model),
      program.names(columns))
end

function sql.drop_together(s, model, names)
  say(s, "DROP INDEX IF EXISTS %s", name(state.index_name(model.table,
      columns_of(model, names), "_idx")))
end

-- Tables ---------------------------------------------------------------------

--- What is in the table's definition, and what follows it.
local function table_parts(s, model)
  local lines = {}
  for _, field in ipairs(model.fields) do
    if not field.many then
      lines[#lines + 1] = definition(s, model, field)
    end
  end
  return table.concat(lines, ",\n  ")
end

function sql.create(s, model)
  if not is_ours(model) then return end
  say(s, "CREATE TABLE %s (\n  %s\n)", table_of(model), table_parts(s, model))
  for _, field in ipairs(model.fields) do
    if field.many then
      if not field.many.through then
        sql.create(s, state.between(s.models, model, field, s.auto))
      end
    else
      add_key(s, model, field)
      add_index(s, model, field)
      add_like(s, model, field)
    end
  end
  for _, names in ipairs(model.unique) do sql.add_unique(s, model, names) end
  for _, names in ipairs(model.together) do
    sql.add_together(s, model, names)
  end
end

function sql.delete(s, model)
  if not is_ours(model) then return end
  sql.certain(s, model)
  for _, field in ipairs(model.fields) do
    if field.many and not field.many.through then
      sql.delete(s, state.between(s.models, model, field, s.auto))
    end
  end
  say(s, "DROP TABLE %s CASCADE", table_of(model))
end

-- Fields ---------------------------------------------------------------------

function sql.add_field(s, model, field)
  if not is_ours(model) then return end
  sql.certain(s, model)
  if field.many then
    if not field.many.through then
      sql.create(s, state.between(s.models, model, field, s.auto))
    end
    return
  end
  say(s, "ALTER TABLE %s ADD COLUMN %s", table_of(model),
      definition(s, model, field, true))
  if field.default ~= nil and not field.kept then
    say(s, "ALTER TABLE %s ALTER COLUMN %s DROP DEFAULT", table_of(model),
        name(field.column))
  end
  add_key(s, model, field)
  add_index(s, model, field)
  add_like(s, model, field)
end

function sql.remove_field(s, model, field)
  if not is_ours(model) then return end
  sql.certain(s, model)
  if field.many then
    if not field.many.through then
      sql.delete(s, state.between(s.models, model, field, s.auto))
    end
    return
  end
  say(s, "ALTER TABLE %s DROP COLUMN %s CASCADE", table_of(model),
      name(field.column))
end

local function same_key(a, b)
  return a ~= nil and b ~= nil and a.name == b.name
end

local function unique_name(model, field)
  return field.unique_name or
    state.implicit_name(model.table, field.column, "key")
end

--- What of the old column has to go before it changes.
local function undress(s, model, old, new)
  if old.unique and not old.primary and not new.unique then
    say(s, "ALTER TABLE %s DROP CONSTRAINT %s", table_of(model),
        name(unique_name(model, old)))
  end
  local function drop_index(suffix)
    say(s, "DROP INDEX IF EXISTS %s",
        name(state.index_name(model.table, { old.column }, suffix)))
  end
  local ended = plain_index(old) and not plain_index(new)
  if ended then drop_index "" end
  if like_class(s, model, old) and
    (ended or old.unique and not (new.index or new.unique)) then
    drop_index "_like"
  end
  if old.positive and not new.positive then
    say(s, "ALTER TABLE %s DROP CONSTRAINT %s", table_of(model),
        name(state.implicit_name(model.table, old.column, "check")))
  end
end

local function dress(s, model, old, new)
  if new.unique and not new.primary and not old.unique then
    sql.add_unique(s, model, { new.name })
  end
  add_index(s, model, plain_index(old) and {} or new)
  local first = new.index and not (old.index or old.unique)
  if first or new.unique and not old.unique then add_like(s, model, new) end
  if new.positive and not old.positive then
    say(s, "ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s >= 0)",
        table_of(model), name(state.index_name(model.table,
        { new.column }, "_check")), name(new.column))
  end
end

--- From NULL to NOT NULL with a default: rows without a value get it.
local function change_null(s, model, alter, old, new)
  if old.null == new.null then return end
  if new.null then
    say(s, "%s DROP NOT NULL", alter)
    return
  end
  local default = new.default
  if default == true then
    default = state.fields.stand_in(new.type)
  end
  if default and not new.kept then
    say(s, "%s SET DEFAULT %s", alter, default)
    say(s, "UPDATE %s SET %s = %s WHERE %s IS NULL", table_of(model),
        name(new.column), default, name(new.column))
  end
  say(s, "%s SET NOT NULL", alter)
  if default and not new.kept then say(s, "%s DROP DEFAULT", alter) end
end

--- The columns that refer to the one that changed follow its type.
local function referring(s, model, changed, kind, out)
  for _, field in ipairs(model.fields) do
    local found, target
    if field.rel then
      found, target = state.target(s.models, model, field.rel)
    elseif field.many and not field.many.through then
      referring(s, state.between(s.models, model, field, s.auto), changed,
                kind, out)
    end
    if target and found.name == changed.model.name and
      found.app == changed.model.app and
      target.name == changed.field.name and is_ours(model) then
      out[#out + 1] = ("ALTER TABLE %s ALTER COLUMN %s TYPE %s USING %s::%s")
        :format(table_of(model), name(field.column), kind,
                name(field.column), kind)
    end
  end
end

local function change_referring(s, changed, kind)
  local out = {}
  for _, model in pairs(s.models) do referring(s, model, changed, kind, out) end
  table.sort(out)
  for _, text in ipairs(out) do say(s, "%s", text) end
end

local function change_type(s, model, alter, old, new)
  local kind = kind_of(s, model, new)
  if old.problem then
    s.out:unknown(s.line, old.problem)
  end
  local before = state.type_of(s.models, model, old)
  if before == kind then return end
  say(s, "%s TYPE %s USING %s::%s", alter, kind, name(new.column), kind)
  if new.primary then
    change_referring(s, { model = model, field = new }, kind)
  end
end

local function change_default(s, alter, old, new)
  if old.kept == new.kept then return end
  if new.kept then
    say(s, "%s SET DEFAULT %s", alter, new.kept)
  else
    say(s, "%s DROP DEFAULT", alter)
  end
end

local function change_serial(s, model, old, new)
  if (old.serial ~= nil) == (new.serial ~= nil) then return end
  s.out:unknown(s.line, ("the column %s of %s begins or ends to count by " ..
    "itself"):format(new.column, model.table))
end

--- A field from one shape to the other, both of a model of one table.
function sql.alter_field(s, model, old, new)
  if not is_ours(model) then return end
  sql.certain(s, model)
  if old.many or new.many then
    if old.many and new.many and old.many.to == new.many.to and
      old.name == new.name then
      return
    end
    s.out:unknown(s.line, "a change of a ManyToManyField")
    return
  end
  if old.primary ~= new.primary then
    s.out:unknown(s.line, "a change of a primary key")
    return
  end
  local before, after = key_of(s, model, old), key_of(s, model, new)
  if before and not same_key(before, after) then drop_key(s, model, old) end
  undress(s, model, old, new)
  if old.column ~= new.column then
    say(s, "ALTER TABLE %s RENAME COLUMN %s TO %s", table_of(model),
        name(old.column), name(new.column))
  end
  local alter = ("ALTER TABLE %s ALTER COLUMN %s"):format(table_of(model),
                                                          name(new.column))
  change_type(s, model, alter, old, new)
  change_serial(s, model, old, new)
  change_null(s, model, alter, old, new)
  change_default(s, alter, old, new)
  dress(s, model, old, new)
  if after and not same_key(before, after) then add_key(s, model, new) end
end

function sql.rename_table(s, old, new)
  if not is_ours(new) or old.table == new.table then return end
  sql.certain(s, old)
  say(s, "ALTER TABLE %s RENAME TO %s", table_of(old), table_of(new))
end

sql.is_ours = is_ours
return sql
