-- luacheck: globals host migration
--- DROP, RENAME and SET SCHEMA: a name that older code uses goes away.

local tree = migration.tree

local names = {}

-- Object type of the parser -> name space, word in the reason's code.
local kinds = {
  OBJECT_TABLE = { "relation", "table" },
  OBJECT_VIEW = { "relation", "view" },
  OBJECT_MATVIEW = { "relation", "matview" },
  OBJECT_SEQUENCE = { "relation", "sequence" },
  OBJECT_FOREIGN_TABLE = { "relation", "foreign_table" },
  OBJECT_INDEX = { "relation", "index" },
  OBJECT_TYPE = { "type", "type" },
  OBJECT_DOMAIN = { "type", "domain" },
  OBJECT_FUNCTION = { "function", "function" },
  OBJECT_PROCEDURE = { "function", "function" },
  OBJECT_ROUTINE = { "function", "function" },
  OBJECT_AGGREGATE = { "function", "function" },
  OBJECT_EXTENSION = { "extension", "extension" },
  OBJECT_CAST = { "cast", "cast" },
  OBJECT_OPERATOR = { "operator", "operator" },
}

local function schema_key(world, name)
  return world:key("schema", "", name or "?")
end

--- A trigger, policy or rule: the last name is its own, those before are its
--- table's. Returns the table's key, the own name, and both for people.
local function on_table(world, object)
  local parts = tree.texts(tree.name_list(object))
  local own = table.remove(parts)
  local range = { relname = parts[#parts], schemaname = parts[#parts - 1] }
  return world:relation_key(range), own,
    ("%s on %s"):format(own or "?", table.concat(parts, "."))
end

local parts_of_tables = {
  OBJECT_TRIGGER = { "unknown", "trigger_removed",
                     "what the trigger kept in order is kept no longer" },
  OBJECT_POLICY = { "incompatible", "policy_removed",
                    "older code may no longer see or write rows" },
  OBJECT_RULE = { "unknown", "rule_removed",
                  "older statements may do something else" },
}

local function drop_part(world, object, part)
  local table_key, own, name = on_table(world, object)
  local key = ("trigger\0%s\0%s"):format(table_key, own)
  if world:is_born(table_key) then return end
  if part == parts_of_tables.OBJECT_TRIGGER and world:is_born(key) then
    return world:bury(key)
  end
  world:find { level = part[1], code = part[2], object = name,
               text = part[3], table = table_key }
end

local function gone(world, key, level, code, object, text)
  if world:status(key) == "maybe" then
    level = "unknown"
    text = text .. "; unless this release made it (IF NOT EXISTS)"
  end
  world:find { level = level, code = code, object = object, text = text,
               away = key }
end

local function drop_index(world, key, object)
  gone(world, key, "unknown", "index_removed", object,
       "if it was unique, ON CONFLICT of older code fails; if not, older "
         .. "code is slower")
end

-- What hangs on these may be older than they are.
local reach_out = { type = true, ["function"] = true, schema = true,
                    extension = true }

local function drop_named(world, stmt, object, kind)
  local key = kind[1] == "schema" and schema_key(world, tree.text(object))
    or world:list_key(kind[1], object)
  local name = world.list_text(object)
  if world:is_born(key) then
    if stmt.behavior == "DROP_CASCADE" and
      (reach_out[kind[1]] or kind[2] == "sequence") then
      world:find { level = "unknown", code = kind[2] .. "_removed",
                   object = name, text = "CASCADE also takes what was made "
                     .. "to hang on it, in older tables too" }
    end
    return world:bury(key)
  end
  if kind[2] == "index" then return drop_index(world, key, name) end
  gone(world, key, "incompatible", kind[2] .. "_removed", name,
       "older code may use it")
  world.things[key] = nil
end

local function drop(world, stmt)
  local part = parts_of_tables[stmt.removeType]
  local kind = kinds[stmt.removeType]
  if stmt.removeType == "OBJECT_SCHEMA" then kind = { "schema", "schema" } end
  if stmt.removeType == "OBJECT_STATISTIC_EXT" then return end
  for _, object in ipairs(stmt.objects or {}) do
    if part then
      drop_part(world, object, part)
    elseif kind then
      drop_named(world, stmt, object, kind)
    else
      world:find { level = "unknown", code = "not_judged",
                   object = world.list_text(object),
                   text = "what hangs on it is not judged" }
    end
  end
end
names.DropStmt = drop

local function relation_renamed(world, stmt, kind)
  local range = stmt.relation
  local from = world:relation_key(range)
  local to = world:key("relation", range.schemaname, stmt.newname)
  local born = world:is_born(from)
  if not born then
    gone(world, from, kind[2] == "sequence" and "unknown" or "incompatible",
         kind[2] .. "_renamed", ("%s -> %s"):format(
           world.relation_text(range), stmt.newname),
         "older code uses the old name")
  end
  world:move(from, to)
  if born then world:bear(to) end
end

--- An index gives its name to the constraint that it backs.
local function index_renamed(world, stmt)
  local from = world:relation_key(stmt.relation)
  local to = world:key("relation", stmt.relation.schemaname, stmt.newname)
  if world:is_born(from) then
    world:move(from, to)
  else
    world:find { level = "caution", code = "constraint_renamed",
                 object = ("%s -> %s"):format(stmt.relation.relname,
                                              stmt.newname),
                 text = "older code may name the constraint that the index "
                   .. "backs" }
  end
end

local function column_renamed(world, stmt)
  local space = stmt.relationType == "OBJECT_TYPE" and "type" or "relation"
  local key = world:key(space, stmt.relation.schemaname,
                        stmt.relation.relname)
  if world:is_born(key) then return end
  local columns = world.columns[key]
  local column = columns and columns[stmt.subname]
  if column and column.status == "born" then
    columns[stmt.newname], columns[stmt.subname] = column, nil
    return
  end
  world:find {
    level = "incompatible", code = "column_renamed", table = key,
    object = ("%s.%s -> %s"):format(world.relation_text(stmt.relation),
                                    stmt.subname, stmt.newname),
    text = "older code uses the old name",
  }
end

local function constraint_renamed(world, stmt)
  local key = world:relation_key(stmt.relation)
  local here = world.constraints[key]
  if world:is_born(key) then return end
  if here and here[stmt.subname] == true then
    here[stmt.newname], here[stmt.subname] = true, nil
    return
  end
  world:find { level = "unknown", code = "constraint_renamed", table = key,
               object = ("%s %s -> %s"):format(
                 world.relation_text(stmt.relation), stmt.subname,
                 stmt.newname),
               text = "older code may name it in ON CONFLICT" }
end

local special = {
  OBJECT_INDEX = index_renamed,
  OBJECT_COLUMN = column_renamed,
  OBJECT_ATTRIBUTE = column_renamed,
  OBJECT_TABCONSTRAINT = constraint_renamed,
}

local function object_renamed(world, stmt, kind)
  local from = world:list_key(kind[1], stmt.object)
  if world:is_born(from) then
    local schema = tree.qualified(tree.name_list(stmt.object))
    return world:move(from, world:key(kind[1], schema, stmt.newname))
  end
  gone(world, from, "incompatible", kind[2] .. "_renamed",
       ("%s -> %s"):format(world.list_text(stmt.object), stmt.newname),
       "older code uses the old name")
end

--- Every name in it is another one from here on.
local function schema_renamed(world, stmt)
  if world:is_born(schema_key(world, stmt.subname)) then
    world.search_path = world.search_path + 1
  end
  world:find { level = "incompatible", code = "schema_removed",
               object = ("%s -> %s"):format(stmt.subname, stmt.newname),
               text = "older code finds nothing in it under the old name" }
end

function names.RenameStmt(world, stmt)
  local run, kind = special[stmt.renameType], kinds[stmt.renameType]
  if stmt.renameType == "OBJECT_SCHEMA" then
    schema_renamed(world, stmt)
  elseif stmt.renameType == "OBJECT_TRIGGER" then
    return -- nobody calls a trigger by its name
  elseif run then
    run(world, stmt)
  elseif kind and stmt.relation then
    relation_renamed(world, stmt, kind)
  elseif kind and stmt.object then
    object_renamed(world, stmt, kind)
  else
    world:find { level = "unknown", code = "not_judged",
                 object = stmt.newname, text = "this renaming is not judged" }
  end
end

function names.AlterObjectSchemaStmt(world, stmt)
  local kind = kinds[stmt.objectType]
  if not kind then
    return world:find { level = "unknown", code = "not_judged",
                        object = stmt.newschema,
                        text = "this move is not judged" }
  end
  local from = stmt.relation and world:relation_key(stmt.relation)
    or world:list_key(kind[1], stmt.object)
  local name = stmt.relation and stmt.relation.relname
    or select(2, tree.qualified(tree.name_list(stmt.object)))
  if world:is_born(from) then
    return world:move(from, world:key(kind[1], stmt.newschema, name))
  end
  gone(world, from, "incompatible", kind[2] .. "_moved_schema",
       ("%s -> %s.%s"):format(stmt.relation and
         world.relation_text(stmt.relation) or name, stmt.newschema, name),
       "older code looks for it where it was")
end

return names
