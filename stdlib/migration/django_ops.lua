-- luacheck: globals host migration
--- Django's operations on models. Each is read into
---   state(models)           what it makes of the models
---   run(s, from, to, back)  what it says to the database: `from` and `to` are
---                           the models before and after, already changed
---                           round when it goes back
--- Source: https://docs.djangoproject.com/en/stable/ref/migration-operations/

local state, fields = migration.django_state, migration.django_fields
local sql, index = migration.django_sql, migration.django_index
local program = migration.program

local ops = {}

--- c: {scope, call, app, line, auto}
local function argument(c, place, key)
  return c.call.kw[key] or c.call.args[place]
end

local function text(c, place, key)
  return c.scope:text(argument(c, place, key))
end

local function model_of(models, c, word)
  return state.known(models, c.app, word)
end

--- [("a", "b"), ("c",)] or ("a", "b") or {..}: a list of lists, or nil.
local function groups(c, node)
  if not node or c.scope:is_none(node) then return {} end
  local found = c.scope:resolve(node)
  if found.k == "call" and c.scope:path(found.f) == "=set" and
    #found.args == 0 then
    return {}
  end
  local list = c.scope:list(found)
  if not list then return nil end
  if #list > 0 and c.scope:text(list[1]) then
    return { c.scope:texts(found) }
  end
  local out = {}
  for i, node_of in ipairs(list) do
    out[i] = c.scope:texts(node_of)
    if not out[i] then return nil end
  end
  return out
end

local function read_list(c, node)
  local out = {}
  for i, one in ipairs(c.scope:list(node) or {}) do
    out[i] = index.read(c.scope, one, c.line_of(one))
  end
  return out
end

-- Models ---------------------------------------------------------------------

local function read_fields(c, model)
  local list = c.scope:list(argument(c, 2, "fields"))
  if not list then return "the fields of " .. model.name end
  for i, pair in ipairs(list) do
    local items = c.scope:list(pair)
    local word = items and c.scope:text(items[1])
    if not word then return "the fields of " .. model.name end
    model.fields[i] = fields.read(c.scope, word, items[2],
                                  c.line_of(items[2]))
  end
end

local function read_options(c, model)
  local found = c.scope:resolve(argument(c, 3, "options"))
  if found and found.k ~= "dict" then return "the options of " .. model.name end
  for _, pair in ipairs(found or {}) do
    local key, value = c.scope:text(pair[1] or pair), pair[2]
    if not key then return "the options of " .. model.name end
    if key == "db_table" then
      model.table = c.scope:text(value)
      if not model.table then return "the table of " .. model.name end
    elseif key == "managed" then
      model.managed = c.scope:boolean(value) ~= false
    elseif key == "proxy" then
      model.proxy = c.scope:boolean(value) == true
    elseif key == "unique_together" or key == "index_together" then
      local list = groups(c, value)
      if not list then return key .. " of " .. model.name end
      model[key == "unique_together" and "unique" or "together"] = list
    elseif key == "indexes" or key == "constraints" then
      model[key] = read_list(c, value)
    end
  end
end

local function with_key(c, model)
  if state.primary(model) or model.proxy then return end
  local big = c.auto == "BigAutoField"
  table.insert(model.fields, 1, {
    name = "id", column = "id", kind = c.auto or "AutoField", primary = true,
    unique = true, type = big and "bigint" or "integer",
    serial = big and "bigserial" or "serial" })
end

function ops.CreateModel(c)
  local word = text(c, 1, "name")
  if not word then return nil, "a model's name" end
  local model = { app = c.app, name = word, managed = true, fields = {},
                  table = state.truncated(c.app .. "_" .. word:lower()),
                  unique = {}, together = {}, indexes = {}, constraints = {} }
  local problem = read_fields(c, model) or read_options(c, model)
  if problem then return nil, problem end
  with_key(c, model)
  local function run(s, from, to, back)
    if back then
      s.models = from
      return sql.delete(s, model)
    end
    s.models = to
    sql.create(s, model)
    for _, one in ipairs(model.indexes) do index.add(s, model, one) end
    for _, one in ipairs(model.constraints) do
      index.add_constraint(s, model, one)
    end
  end
  return { state = function(models) state.put(models, model) end, run = run }
end

function ops.DeleteModel(c)
  local word = text(c, 1, "name")
  if not word then return nil, "a model's name" end
  return {
    state = function(models)
      state.drop(models, model_of(models, c, word))
    end,
    run = function(s, from, to, back)
      local model = model_of(back and to or from, c, word)
      s.models = back and to or from
      if not back then return sql.delete(s, model) end
      if model.guessed then
        s.out:unknown(s.line, "the model that comes back was not given")
      else
        sql.create(s, model)
        for _, one in ipairs(model.indexes) do index.add(s, model, one) end
      end
    end }
end

--- Relations of every model to the old name follow.
local function follow(models, app, old, new)
  local at = state.key(app .. "." .. old)
  for key, model in pairs(state.copy(models)) do
    for i, field in ipairs(model.fields) do
      local side = field.rel and "rel" or field.many and "many"
      if side and state.key(field[side].to, model.app, model.name) == at and
        field[side].to ~= "self" then
        local relation = { }
        for k, v in pairs(field[side]) do relation[k] = v end
        relation.to = app .. "." .. new
        models[key] = state.with_field(models[key],
          fields.with(field, { [side] = relation }), i)
      end
    end
  end
end

function ops.RenameModel(c)
  local old, new = text(c, 1, "old_name"), text(c, 2, "new_name")
  if not old or not new then return nil, "a model's name" end
  local function usual(word)
    return state.truncated(c.app .. "_" .. word:lower())
  end
  local function change(models)
    local model = model_of(models, c, old)
    state.drop(models, model)
    state.put(models, state.with(model, { name = new,
      table = model.table == usual(old) and usual(new) or model.table }))
    follow(models, c.app, old, new)
  end
  local function run(s, from, to, back)
    local a = model_of(from, c, back and new or old)
    local b = model_of(to, c, back and old or new)
    sql.rename_table(s, a, b)
    for i, field in ipairs(a.fields) do
      if field.many and not field.many.through then
        s.models = from
        local one = state.between(from, a, field, s.auto)
        local two = state.between(to, b, b.fields[i], s.auto)
        sql.rename_table(s, one, two)
        sql.alter_field(s, two, one.fields[2], state.fields.with(
          two.fields[2], { rel = { to = "?" } }))
      end
    end
  end
  return { state = change, run = run }
end

function ops.AlterModelTable(c)
  local word, to_table = text(c, 1, "name"), argument(c, 2, "table")
  local new = c.scope:text(to_table)
  if not word or not (new or c.scope:is_none(to_table)) then
    return nil, "a model's table"
  end
  new = new or state.truncated(c.app .. "_" .. word:lower())
  return {
    state = function(models)
      state.put(models, state.with(model_of(models, c, word),
                                   { table = new }))
    end,
    run = function(s, from, to)
      local a, b = model_of(from, c, word), model_of(to, c, word)
      sql.rename_table(s, a, b)
      for _, field in ipairs(a.fields) do
        if field.many and not field.many.through then
          sql.rename_table(s, state.between(from, a, field, s.auto),
                           state.between(to, b, field, s.auto))
        end
      end
    end }
end

local function nothing() end

--- What only Python sees: ordering, verbose names, managers.
function ops.AlterModelOptions(c)
  local word, options = text(c, 1, "name"), argument(c, 2, "options")
  local found = c.scope:resolve(options)
  for _, pair in ipairs(found and found.k == "dict" and found or {}) do
    if pair[1] and c.scope:text(pair[1]) == "managed" and word then
      local managed = c.scope:boolean(pair[2]) ~= false
      return { run = nothing, state = function(models)
        state.put(models, state.with(model_of(models, c, word),
                                     { managed = managed }))
      end }
    end
  end
  return { state = nothing, run = nothing }
end

function ops.AlterModelManagers()
  return { state = nothing, run = nothing }
end
ops.AlterModelTableComment = ops.AlterModelManagers

-- Fields ---------------------------------------------------------------------

local function read_field(c, word)
  local node = argument(c, 3, "field")
  return fields.read(c.scope, word, node, c.line_of(node) or c.line)
end

function ops.AddField(c)
  local of, word = text(c, 1, "model_name"), text(c, 2, "name")
  if not of or not word then return nil, "a field's name" end
  local field = read_field(c, word)
  local keep = c.call.kw.preserve_default
  local kept = field
  if keep and c.scope:boolean(keep) == false then
    kept = fields.with(field, { default = false })
  end
  return {
    state = function(models)
      state.put(models, state.with_field(model_of(models, c, of), kept))
    end,
    run = function(s, from, to, back)
      s.models = back and from or to
      if back then
        return sql.remove_field(s, model_of(from, c, of), field)
      end
      sql.add_field(s, model_of(to, c, of), field)
    end }
end

function ops.RemoveField(c)
  local of, word = text(c, 1, "model_name"), text(c, 2, "name")
  if not of or not word then return nil, "a field's name" end
  return {
    state = function(models)
      state.put(models, state.without_field(model_of(models, c, of), word))
    end,
    run = function(s, from, to, back)
      local model = model_of(back and to or from, c, of)
      local field = state.field(model, word)
      s.models = back and to or from
      if not field and back then
        s.out:unknown(s.line, "the field that comes back was not given")
      elseif back then
        sql.add_field(s, model, field)
      else
        sql.remove_field(s, model, field or { name = word, column = word })
        if not field then
          s.out:unknown(s.line, "the field " .. word .. " was not given: " ..
            "its column is taken to be called so", "not_judged")
        end
      end
    end }
end

--- Both sides of a field that changed; nil when one is not known.
local function sides(from, to, c, of, a, b)
  local old, new = model_of(from, c, of), model_of(to, c, of)
  return state.field(old, a), state.field(new, b), new
end

function ops.AlterField(c)
  local of, word = text(c, 1, "model_name"), text(c, 2, "name")
  if not of or not word then return nil, "a field's name" end
  local field = read_field(c, word)
  local function change(models)
    local model = model_of(models, c, of)
    local old, at = state.field(model, word)
    local new = field
    if field.unique and not field.primary then
      new = fields.with(field, { unique_name = old and old.unique and
        old.unique_name or old and not old.unique and
        state.index_name(model.table, { field.column }, "_uniq") or nil })
    end
    state.put(models, state.with_field(model, new, at))
  end
  local function run(s, from, to)
    local old, new, model = sides(from, to, c, of, word, word)
    s.models = to
    if old and new then return sql.alter_field(s, model, old, new) end
    s.out:unknown(s.line, ("what the field %s.%s was is not in the files " ..
      "given"):format(of, word))
  end
  return { state = change, run = run }
end

local function renamed_in(list, old, new)
  local out = {}
  for i, names in ipairs(list) do
    out[i] = {}
    for k, word in ipairs(names) do
      out[i][k] = word == old and new or word
    end
  end
  return out
end

function ops.RenameField(c)
  local of = text(c, 1, "model_name")
  local old, new = text(c, 2, "old_name"), text(c, 3, "new_name")
  if not of or not old or not new then return nil, "a field's name" end
  local function change(models)
    local model = model_of(models, c, of)
    local field, at = state.field(model, old)
    if not field then return end
    local own = field.column == (field.rel and old .. "_id" or old)
    local column = own and (field.rel and new .. "_id" or new) or field.column
    model = state.with_field(model, fields.with(field, {
      name = new, column = column,
      unique_name = field.unique_name or field.unique and
        state.implicit_name(model.table, field.column, "key") }), at)
    state.put(models, state.with(model, {
      unique = renamed_in(model.unique, old, new),
      together = renamed_in(model.together, old, new) }))
  end
  local function run(s, from, to, back)
    local a, b, model = sides(from, to, c, of, back and new or old,
                              back and old or new)
    s.models = to
    if a and b then return sql.alter_field(s, model, a, b) end
    s.out:unknown(s.line, ("the field %s.%s is not in the files given"):format(
      of, old))
  end
  return { state = change, run = run }
end

-- Constraints and indexes ----------------------------------------------------

local function group_key(names) return table.concat(names, "\0") end

local function together(c, key, part, add, drop)
  local word = text(c, 1, "name")
  local list = groups(c, argument(c, 2, key))
  if not word or not list then return nil, key end
  return {
    state = function(models)
      state.put(models, state.with(model_of(models, c, word),
                                   { [part] = list }))
    end,
    run = function(s, from, to)
      local a, b = model_of(from, c, word), model_of(to, c, word)
      if not sql.is_ours(b) then return end
      sql.certain(s, b)
      local had, has = {}, {}
      for _, names in ipairs(a[part]) do had[group_key(names)] = true end
      for _, names in ipairs(b[part]) do has[group_key(names)] = true end
      for _, names in ipairs(a[part]) do
        if not has[group_key(names)] then drop(s, a, names) end
      end
      for _, names in ipairs(b[part]) do
        if not had[group_key(names)] then add(s, b, names) end
      end
    end }
end

function ops.AlterUniqueTogether(c)
  return together(c, "unique_together", "unique", sql.add_unique,
                  sql.drop_unique)
end

function ops.AlterIndexTogether(c)
  return together(c, "index_together", "together", sql.add_together,
                  sql.drop_together)
end

local function listed(part, add, remove, concurrently)
  return function(c)
    local word = text(c, 1, "model_name")
    local key = part == "indexes" and "index" or "constraint"
    local node = argument(c, 2, key)
    if not word or not node then return nil, "an " .. key end
    local one = index.read(c.scope, node, c.line)
    return {
      state = function(models)
        local model = model_of(models, c, word)
        local list = table.move(model[part], 1, #model[part], 1, {})
        list[#list + 1] = one
        state.put(models, state.with(model, { [part] = list }))
      end,
      run = function(s, from, to, back)
        if back then return remove(s, model_of(from, c, word), one,
                                   concurrently) end
        add(s, model_of(to, c, word), one, concurrently)
      end }
  end
end

local function unlisted(part, add, remove, concurrently)
  return function(c)
    local word, own = text(c, 1, "model_name"), text(c, 2, "name")
    if not word or not own then return nil, "an index's name" end
    local function find(models)
      for i, one in ipairs(model_of(models, c, word)[part]) do
        if one.name == own then return one, i end
      end
    end
    return {
      state = function(models)
        local model, _, at = model_of(models, c, word), find(models)
        local list = table.move(model[part], 1, #model[part], 1, {})
        if at then table.remove(list, at) end
        state.put(models, state.with(model, { [part] = list }))
      end,
      run = function(s, from, to, back)
        local one = find(back and to or from)
        local model = model_of(back and to or from, c, word)
        if not back then
          return remove(s, model, one or { name = own, fields = {} },
                        concurrently)
        end
        if one then return add(s, model, one, concurrently) end
        s.out:unknown(s.line, own .. " comes back, but was not given")
      end }
  end
end

ops.AddIndex = listed("indexes", index.add, index.remove)
ops.AddIndexConcurrently = listed("indexes", index.add, index.remove, true)
ops.RemoveIndex = unlisted("indexes", index.add, index.remove)
ops.RemoveIndexConcurrently = unlisted("indexes", index.add, index.remove,
                                       true)
ops.AddConstraint = listed("constraints", index.add_constraint,
                           index.remove_constraint)
ops.AddConstraintNotValid = listed("constraints", index.add_constraint,
                                   index.remove_constraint, true)
ops.RemoveConstraint = unlisted("constraints", index.add_constraint,
                                index.remove_constraint)

function ops.ValidateConstraint(c)
  local word, own = text(c, 1, "model_name"), text(c, 2, "name")
  if not word or not own then return nil, "a constraint's name" end
  return { state = nothing, run = function(s, _, to, back)
    if back then return end
    s.out:sql(s.line, ("ALTER TABLE %s VALIDATE CONSTRAINT %s"):format(
      sql.table(model_of(to, c, word)), program.name(own)))
  end }
end

function ops.RenameIndex(c)
  local old, new = text(c, 99, "old_name"), text(c, 2, "new_name")
  if not old or not new then return nil, "an index's name" end
  return { state = nothing, run = function(s, _, _, back)
    s.out:sql(s.line, ("ALTER INDEX %s RENAME TO %s"):format(
      program.name(back and new or old), program.name(back and old or new)))
  end }
end

return ops
