-- luacheck: globals host migration
--- Django's model fields: the column that each of them is. A field is read
--- once and never changed; a changed one is a new table.
--- Source: django/db/backends/postgresql/base.py (data_types), versions 3.2
--- to 5.

local program = migration.program
local fields = {}

--- Types without arguments; those with are functions of (scope, kw).
local plain = {
  AutoField = "integer", BigAutoField = "bigint", SmallAutoField = "smallint",
  BinaryField = "bytea", BooleanField = "boolean",
  NullBooleanField = "boolean", DateField = "date",
  DateTimeField = "timestamp with time zone", DurationField = "interval",
  FloatField = "double precision", IntegerField = "integer",
  BigIntegerField = "bigint", SmallIntegerField = "smallint",
  PositiveIntegerField = "integer", PositiveBigIntegerField = "bigint",
  PositiveSmallIntegerField = "smallint", IPAddressField = "inet",
  GenericIPAddressField = "inet", JSONField = "jsonb", TextField = "text",
  TimeField = "time", UUIDField = "uuid", HStoreField = "hstore",
  CITextField = "citext", CICharField = "citext", CIEmailField = "citext",
  SearchVectorField = "tsvector", SearchQueryField = "tsquery",
  IntegerRangeField = "int4range", BigIntegerRangeField = "int8range",
  DecimalRangeField = "numrange", DateTimeRangeField = "tstzrange",
  DateRangeField = "daterange",
}
local lengths = { CharField = false, FileField = 100, FilePathField = 100,
                  ImageField = 100, SlugField = 50, EmailField = 254,
                  URLField = 200, CommaSeparatedIntegerField = false }
local serials = { AutoField = "serial", BigAutoField = "bigserial",
                  SmallAutoField = "smallserial" }
local positive = { PositiveIntegerField = true, PositiveBigIntegerField = true,
                   PositiveSmallIntegerField = true }
local texts = { CharField = true, TextField = true, FileField = true,
                FilePathField = true, ImageField = true, SlugField = true,
                EmailField = true, URLField = true, BinaryField = true,
                CommaSeparatedIntegerField = true }
local relations = { ForeignKey = true, OneToOneField = true,
                    ManyToManyField = true }

local function kind_of(scope, call)
  local path = scope:path(call.f)
  if not path or not path:match "^django%." then return nil, path end
  return path:match "[^.]*$"
end

local function number(scope, node)
  local n = node and scope:number(node)
  return n and math.tointeger(n)
end

local read_type

local function array_type(scope, call)
  local inner = scope:resolve(call.args[1] or call.kw.base_field)
  if not inner or inner.k ~= "call" then return nil end
  local base = read_type(scope, inner)
  local size = number(scope, call.kw.size or call.args[2])
  return base and ("%s[%s]"):format(base, size or "")
end

--- The column's type, or nil when it is not known.
function read_type(scope, call)
  local kind = kind_of(scope, call)
  if not kind then return nil end
  if plain[kind] then return plain[kind], kind end
  if kind == "ArrayField" then return array_type(scope, call), kind end
  if kind == "DecimalField" then
    local p = number(scope, call.kw.max_digits or call.args[3])
    local s = number(scope, call.kw.decimal_places or call.args[4])
    return p and s and ("numeric(%d, %d)"):format(p, s) or "numeric", kind
  end
  if lengths[kind] ~= nil then
    local node = call.kw.max_length
    local n = number(scope, node)
    if node and not n and not scope:is_none(node) then return nil, kind end
    n = n or lengths[kind]
    return n and ("varchar(%d)"):format(n) or "varchar", kind
  end
  return nil, kind
end

local function flag(scope, kw, key, default)
  if not kw[key] then return default end
  return scope:boolean(kw[key]) == true
end

--- What the column is called in the database.
local function column_of(scope, field, kw)
  local own = kw.db_column and scope:text(kw.db_column)
  if own then return own end
  return field.rel and field.name .. "_id" or field.name
end

local function read_relation(scope, field, call)
  local to = call.args[1] or call.kw.to
  local text = scope:text(to)
  local path = not text and scope:path(to) or ""
  if path:match "^django%.conf%.settings%.AUTH_USER_MODEL$" then
    text = "settings.AUTH_USER_MODEL"
  end
  if not text then return "the model that a field refers to" end
  local relation = { to = text,
                     to_field = call.kw.to_field and
                       scope:text(call.kw.to_field),
                     constraint = flag(scope, call.kw, "db_constraint", true) }
  if field.kind == "ManyToManyField" then
    relation.through = call.kw.through and scope:text(call.kw.through)
    relation.table = call.kw.db_table and scope:text(call.kw.db_table)
    field.many = relation
  else
    field.rel = relation
  end
end

--- A value that stands for what Python computes: the column's default goes
--- away again in the next statement.
local zero = { integer = "0", bigint = "0", smallint = "0", boolean = "false",
               ["double precision"] = "0", date = "'2000-01-01'",
               ["timestamp with time zone"] = "'2000-01-01'",
               time = "'00:00'", interval = "'0'", jsonb = "'{}'",
               uuid = "'00000000-0000-0000-0000-000000000000'",
               inet = "'0.0.0.0'" }

function fields.stand_in(kind)
  if not kind then return "''" end
  if zero[kind] then return zero[kind] end
  if kind:match "%]$" then return "'{}'" end
  if kind:match "^numeric" then return "0" end
  return "''"
end

--- The default in SQL: nil without one. A computed one is a stand-in.
local function default_of(scope, field, kw)
  local node = kw.default and scope:resolve(kw.default)
  if node then
    if scope:is_none(node) then return nil end
    local text, n, b = scope:text(node), scope:number(node),
      scope:boolean(node)
    if text then return program.literal(text) end
    if n then return ("%s"):format(node.k == "num" and node.v or n) end
    if b ~= nil then return tostring(b) end
    return true
  end
  if not field.null and flag(scope, kw, "blank") and texts[field.kind] then
    return "''"
  end
  if flag(scope, kw, "auto_now") or flag(scope, kw, "auto_now_add") then
    return true
  end
end

--- A default that the database keeps (Django 5). Returns SQL or nil, problem.
local function kept_default(scope, node)
  local found = scope:resolve(node)
  local text, n, b = scope:text(found), scope:number(found),
    scope:boolean(found)
  if text then return program.literal(text) end
  if n then return ("%s"):format(found.k == "num" and found.v or n) end
  if b ~= nil then return tostring(b) end
  local path = scope:called(found) or ""
  if path:match "^django%..*%.Now$" then return "STATEMENT_TIMESTAMP()" end
  if path:match "^django%..*%.Value$" then
    return kept_default(scope, found.args[1] or found.kw.value)
  end
  return nil, "a default that the database computes"
end

local function read_options(scope, field, kw)
  field.primary = flag(scope, kw, "primary_key")
  field.null = flag(scope, kw, "null") or field.kind == "NullBooleanField"
  field.unique = flag(scope, kw, "unique") or field.primary or
    field.kind == "OneToOneField"
  field.index = flag(scope, kw, "db_index",
                     field.rel ~= nil or field.kind == "SlugField")
  field.collation = kw.db_collation and scope:text(kw.db_collation)
  field.column = column_of(scope, field, kw)
  field.default = default_of(scope, field, kw)
  if kw.db_default then
    local problem
    field.kept, problem = kept_default(scope, kw.db_default)
    return problem
  end
end

--- A field as the migration writes it: models.CharField(max_length=20, ..).
--- A field that is not Django's own has problem set, and a column of text.
function fields.read(scope, name, node, line)
  local call = scope:resolve(node)
  local field = { name = name, line = line }
  if not call or call.k ~= "call" or call.star then
    field.problem = "the field " .. name .. " is not written as a field"
    field.type, field.kind, field.column = "text", "TextField", name
    return field
  end
  local kind, path = kind_of(scope, call)
  field.kind = kind or path or "?"
  if relations[kind] then
    field.problem = read_relation(scope, field, call)
    if field.problem then field.many, field.rel = nil, { to = "?" } end
  else
    field.type = read_type(scope, call)
    field.serial = serials[kind]
    field.positive = positive[kind]
    if not field.type then
      field.type = "text"
      field.problem = ("the type of the field %s, %s, is not known"):format(
        name, field.kind)
    end
  end
  field.problem = read_options(scope, field, call.kw) or field.problem
  return field
end

--- The same field with some entries changed.
function fields.with(field, changes)
  local out = {}
  for k, v in pairs(field) do out[k] = v end
  for k, v in pairs(changes) do out[k] = v or nil end
  return out
end

return fields
