-- luacheck: globals host migration
--- Names that PostgreSQL gives to what has none: makeObjectName and
--- ChooseRelationName (src/backend/commands/indexcmds.c), and
--- ChooseConstraintName (src/backend/catalog/pg_constraint.c).

local state = migration.apply_state

local names = {}

local NAME_BYTES = 63

--- Whole characters only.
local function clip(text, bytes)
  if #text <= bytes then return text end
  while bytes > 0 and text:byte(bytes + 1) & 0xC0 == 0x80 do
    bytes = bytes - 1
  end
  return text:sub(1, bytes)
end

--- first_second_label in 63 bytes: the longer of the two is cut.
function names.make(first, second, label)
  local room = NAME_BYTES - (second and 1 or 0) - #label - 1
  local a, b = #first, second and #second or 0
  while a + b > room do
    if a > b then a = a - 1 else b = b - 1 end
  end
  local out = clip(first, a)
  if second then out = out .. "_" .. clip(second, b) end
  return out .. "_" .. label
end

local function free(taken, first, second, label)
  local name, n = names.make(first, second, label), 0
  while taken(name) do
    n = n + 1
    name = names.make(first, second, label .. n)
  end
  return name
end

--- A name for a relation (index, sequence) that nothing in the schema has.
function names.relation(s, schema, first, second, label)
  return free(function(name)
    return s.cat:get("relations", schema, name) or
      s.cat:index(schema, name)
  end, first, second, label)
end

--- A name for a constraint that no constraint in its schema has.
function names.constraint(s, relation, second, label)
  return free(function(name)
    return state.by_name(relation.constraints, name) or
      s.cat:has_constraint(relation.schema, name)
  end, relation.name, second, label)
end

--- For an index: its columns' names; an expression's is that of its function,
--- or "expr" (and "expr1").
--- include: columns that it only carries along.
function names.columns(keys, include)
  local parts, seen = {}, {}
  local all = table.move(keys, 1, #keys, 1, {})
  table.move(include or {}, 1, #(include or {}), #all + 1, all)
  for i, key in ipairs(all) do
    local name = type(key) == "table" and (key.name or "expr") or key
    local own, n = name, 0
    while seen[own] do
      n = n + 1
      own = name .. n
    end
    seen[own] = true
    parts[i] = own
  end
  return table.concat(parts, "_")
end

return names
