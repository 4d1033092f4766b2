-- luacheck: globals host migration
--- Django's models as the migrations so far have made them: what an operation
--- refers to by name only. Models are never changed: an operation puts a new
--- one in the place, so that a state from before is a copy of one table.
---
--- model = {app, name, table, fields = {field..}, unique = {{name..}..},
---          together = {{name..}..}, indexes = {..}, constraints = {..},
---          managed, guessed = its CreateModel was not seen}

local digest, fields = migration.program_digest, migration.django_fields
local state = {}

local NAME_MAX = 63 -- bytes of a name in PostgreSQL

--- django.db.backends.utils.names_digest
function state.digest(length, ...)
  return digest.md5(table.concat { ... }):sub(1, length)
end

--- django.db.backends.utils.truncate_name
local function truncated(text)
  if #text <= NAME_MAX then return text end
  return text:sub(1, NAME_MAX - 4) .. state.digest(4, text)
end
state.truncated = truncated

--- BaseDatabaseSchemaEditor._create_index_name
function state.index_name(table_name, columns, suffix)
  table_name = table_name:match '"([^"]*)"$' or table_name
  local last = state.digest(8, table_name, table.unpack(columns)) .. suffix
  local joined = table.concat(columns, "_")
  local full = ("%s_%s_%s"):format(table_name, joined, last)
  if #full <= NAME_MAX then return full end
  if #last > NAME_MAX / 3 then last = last:sub(1, NAME_MAX // 3) end
  local other = (NAME_MAX - #last) // 2 - 1
  full = ("%s_%s_%s"):format(table_name:sub(1, other), joined:sub(1, other),
                             last)
  if full:match "^[_%d]" then full = "D" .. full:sub(1, -2) end
  return full
end

--- What PostgreSQL calls a constraint of one column without a name
--- (makeObjectName in indexcmds.c, without its counting).
function state.implicit_name(table_name, column, label)
  local room = NAME_MAX - #label - 2
  local a, b = #table_name, #column
  while a + b > room do
    if a > b then a = a - 1 else b = b - 1 end
  end
  return ("%s_%s_%s"):format(table_name:sub(1, a), column:sub(1, b), label)
end

local function key(app, name) return app:lower() .. "." .. name:lower() end

--- "app.Model", "Model" or "self" as a key.
function state.key(reference, app, of)
  if reference == "self" then return of and key(app, of) or "?" end
  local other, name = reference:match "^([^.]+)%.(.+)$"
  return key(other or app, name or reference)
end

--- The application's models that every project has but no migration of it
--- makes; their keys are integers (django.contrib).
local contrib = { ["auth.user"] = "auth_user", ["auth.group"] = "auth_group",
                  ["auth.permission"] = "auth_permission",
                  ["contenttypes.contenttype"] = "django_content_type",
                  ["sites.site"] = "django_site" }

local function of_contrib(at)
  local app, name = at:match "^(.-)%.(.*)$"
  return { app = app, name = name, table = contrib[at], managed = true,
           contrib = true, unique = {}, together = {}, indexes = {},
           constraints = {},
           fields = { { name = "id", column = "id", kind = "AutoField",
                        type = "integer", serial = "serial", primary = true,
                        unique = true } } }
end

--- The user model is a setting. One that the migrations make is known by what
--- AbstractBaseUser gives it; else it is Django's own.
local function user_key(models)
  local found, count = nil, 0
  for at, model in pairs(models) do
    if state.field(model, "password") and
      state.field(model, "last_login") then
      found, count = at, count + 1
    end
  end
  if count == 1 then return found end
  return count == 0 and "auth.user" or nil
end

function state.find(models, reference, app, of)
  local at
  if reference == "settings.AUTH_USER_MODEL" then
    at = user_key(models)
  else
    at = state.key(reference, app, of)
  end
  if not at then return nil end
  return models[at] or contrib[at] and of_contrib(at) or nil, at
end

function state.field(model, name)
  for i, field in ipairs(model.fields) do
    if field.name == name then return field, i end
  end
end

--- The column of a field's name; a name that is no field gives nil.
function state.column(model, name)
  local field = state.field(model, name)
  if not field and name == "pk" then field = state.primary(model) end
  return field and field.column
end

function state.primary(model)
  for _, field in ipairs(model.fields) do
    if field.primary then return field end
  end
end

--- A model with some entries changed.
function state.with(model, changes)
  local out = {}
  for k, v in pairs(model) do out[k] = v end
  for k, v in pairs(changes) do out[k] = v end
  return out
end

function state.put(models, model)
  models[key(model.app, model.name)] = model
end

function state.drop(models, model)
  models[key(model.app, model.name)] = nil
end

function state.copy(models)
  local out = {}
  for at, model in pairs(models) do out[at] = model end
  return out
end

--- The model an operation changes. One that was made in a file nobody gave is
--- made up: Django's usual name of its table, and guessed.
function state.known(models, app, name)
  local at = key(app, name)
  if not models[at] then
    models[at] = { app = app, name = name, guessed = true, managed = true,
                   table = truncated(app .. "_" .. name:lower()),
                   fields = {}, unique = {}, together = {}, indexes = {},
                   constraints = {} }
  end
  return models[at]
end

function state.with_field(model, field, index)
  local list = table.move(model.fields, 1, #model.fields, 1, {})
  if index then
    list[index] = field
  else
    list[#list + 1] = field
  end
  return state.with(model, { fields = list })
end

function state.without_field(model, name)
  local list = {}
  for _, field in ipairs(model.fields) do
    if field.name ~= name then list[#list + 1] = field end
  end
  return state.with(model, { fields = list })
end

--- The model and field a relation refers to: nil when it is not known.
function state.target(models, model, relation)
  local found = state.find(models, relation.to, model.app, model.name)
  if not found then return nil end
  if relation.to_field then
    return found, (state.field(found, relation.to_field))
  end
  return found, state.primary(found)
end

--- A field's type in the database: that of what it refers to.
function state.type_of(models, model, field, depth)
  if not field.rel then
    local base = field.type
    return field.collation and
      base .. ' COLLATE "' .. field.collation .. '"' or base
  end
  depth = depth or 0
  local found, target = state.target(models, model, field.rel)
  if not target or depth > 20 then return nil end
  return state.type_of(models, found, target, depth + 1)
end

--- The table between two models of a ManyToManyField without `through`, as a
--- model of its own.
function state.between(models, model, field, auto)
  local target = state.find(models, field.many.to, model.app, model.name)
  local own = model.name:lower()
  local other = target and target.name:lower() or
    (field.many.to:match "[^.]*$"):lower()
  local same = target and target.app == model.app and own == other
  local from = same and "from_" .. own or own
  local to = same and "to_" .. other or other
  local function key_field(name, refers)
    return { name = name, column = name .. "_id", kind = "ForeignKey",
             index = true, line = field.line,
             rel = { to = refers, constraint = field.many.constraint } }
  end
  local id = { name = "id", column = "id", kind = auto or "AutoField",
               type = auto == "BigAutoField" and "bigint" or "integer",
               serial = auto == "BigAutoField" and "bigserial" or "serial",
               primary = true, unique = true }
  return { app = model.app, name = model.name .. "_" .. field.name,
           table = field.many.table or
             truncated((model.table:gsub('"', "")) .. "_" .. field.name),
           managed = true, indexes = {}, constraints = {}, together = {},
           unique = { { from, to } },
           fields = { id, key_field(from, model.app .. "." .. model.name),
                      key_field(to, field.many.to == "self" and
                        model.app .. "." .. model.name or
                        field.many.to:find "%." and field.many.to or
                        model.app .. "." .. field.many.to) } }
end

state.fields = fields
return state
