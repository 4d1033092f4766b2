-- luacheck: globals host migration
--- What a query reads, calls and gives: enough to know which views hang on a
--- column, and whether a SELECT may change something.

local types, state = migration.apply_types, migration.apply_state

local query = {}

-- PostgreSQL's own functions that change nothing but the session.
local harmless = {}
for name in ([[
  set_config pg_advisory_lock pg_advisory_xact_lock pg_advisory_unlock
  pg_try_advisory_lock pg_try_advisory_xact_lock pg_sleep
  current_setting version now clock_timestamp statement_timestamp timezone
  transaction_timestamp current_database current_schema current_schemas
  count sum min max avg bool_or bool_and every array_agg string_agg json_agg
  jsonb_agg jsonb_object_agg json_object_agg row_number rank dense_rank lag
  lead first_value last_value nth_value ntile percentile_cont
  percentile_disc mode stddev variance lower upper length char_length
  octet_length btrim ltrim rtrim lpad rpad initcap reverse repeat strpos
  concat concat_ws substring substr left right replace split_part md5 encode
  decode sha256 digest translate ascii chr starts_with format quote_ident
  quote_literal quote_nullable
  to_char to_date to_timestamp to_number to_json to_jsonb to_tsvector
  to_tsquery plainto_tsquery websearch_to_tsquery setweight ts_rank
  jsonb_build_object json_build_object jsonb_build_array json_build_array
  jsonb_array_elements json_array_elements jsonb_object_keys
  jsonb_array_elements_text jsonb_set jsonb_insert jsonb_strip_nulls
  jsonb_typeof json_typeof jsonb_each jsonb_each_text jsonb_array_length
  json_array_length jsonb_extract_path jsonb_extract_path_text
  jsonb_populate_record jsonb_to_recordset jsonb_path_query
  date_trunc date_part extract age make_interval make_date justify_interval
  gen_random_uuid uuid_generate_v4 generate_series unnest array_length
  array_append array_prepend array_cat array_remove array_replace
  array_position array_upper array_lower cardinality abs round
  floor ceil ceiling trunc sign sqrt power random mod position greatest least
  coalesce nullif regexp_replace regexp_match regexp_matches
  regexp_split_to_array regexp_split_to_table string_to_array
  array_to_string overlay hashtext pg_get_serial_sequence nextval currval
  lastval col_description obj_description format_type
  pg_get_constraintdef pg_get_indexdef pg_relation_size to_regclass
  to_regtype has_table_privilege hashtextextended
  similarity unaccent row_to_json array_to_json host network
]]):gmatch("%S+") do
  harmless[name] = true
end

--- The parts of a name as regclass reads it.
local function split_name(text)
  local out, at = {}, 1
  while at <= #text do
    local quoted, behind = text:match('^"(.-)"()', at)
    local plain, after = text:match('^([^.]*)()', at)
    out[#out + 1] = quoted or plain:lower()
    at = (behind or after) + 1
  end
  return out
end

--- setval on a sequence of the unit's own.
local function sets_own(s, call)
  local argument = (call.args or {})[1]
  local const = argument and argument.A_Const
  local text = const and const.sval and const.sval.sval or ""
  local schema, name = text:match("^\"?([^\".]+)\"?%.\"?([^\".]+)\"?$")
  local sequence = s:lookup("relations", schema,
                            name or (text:gsub('"', "")))
  return sequence ~= nil and not s:is_old("relations", sequence)
end

--- The sequence that nextval('name') is called with, or nil.
function query.sequence_of(s, call)
  local _, name = types.qualified(call.funcname)
  local argument = name == "nextval" and (call.args or {})[1]
  local const = argument and (argument.TypeCast and argument.TypeCast.arg
    or argument)
  const = const and const.A_Const
  local text = const and const.sval and const.sval.sval
  if not text then return nil end
  local range = split_name(text)
  return s:lookup("relations", range[#range - 1], range[#range])
end

local function is_harmless(s, call)
  local schema, name = types.qualified(call.funcname)
  if name == "setval" then return sets_own(s, call) end
  if schema and schema ~= "pg_catalog" or not harmless[name] then
    return false
  end
  return not s:lookup("functions", schema, name)
end

local writing = { InsertStmt = true, UpdateStmt = true, DeleteStmt = true,
                  MergeStmt = true }

--- Visit every node below: visit(kind, node) with the names the parser gives.
function query.walk(tree, visit)
  if type(tree) ~= "table" then return end
  for key, child in pairs(tree) do
    if type(child) == "table" then
      if type(key) == "string" then visit(key, child) end
      query.walk(child, visit)
    end
  end
end

local function collect(tree, out)
  for key, child in pairs(tree) do
    if type(child) == "table" then
      if key == "FuncCall" then
        out.calls[#out.calls + 1] = child
      elseif key == "ColumnRef" then
        out.columns[#out.columns + 1] = child
      elseif key == "CommonTableExpr" then
        out.with[child.ctename] = true
      elseif key == "RangeVar" or (key == "relation" and child.relname) then
        out.ranges[#out.ranges + 1] = child
      elseif writing[key] then
        out.writes = true
      end
      collect(child, out)
    end
  end
end

local collected = setmetatable({}, { __mode = "k" })

--- What a tree holds, looked through once: calls, columns, ranges, with
--- (names of common table expressions), writes.
function query.scan(tree)
  local out = collected[tree]
  if not out then
    out = { calls = {}, columns = {}, ranges = {}, with = {} }
    collect(tree, out)
    collected[tree] = out
  end
  return out
end

--- Whether it only reads: no call that is not known, no writing WITH.
function query.only_reads(s, tree)
  local found = query.scan(tree)
  if found.writes then return false end
  for _, call in ipairs(found.calls) do
    if not is_harmless(s, call) then return false end
  end
  return true
end

--- The relations that it reads: {relation =, alias =}.
function query.sources(s, tree)
  local out, found = {}, query.scan(tree)
  for _, range in ipairs(found.ranges) do
    if range.schemaname or not found.with[range.relname] then
      local relation = s:relation(range)
      if relation then
        out[#out + 1] = { relation = relation,
                          alias = range.alias and range.alias.aliasname
                            or range.relname }
      end
    end
  end
  return out
end

local function field_names(ref)
  local out = {}
  for i, field in ipairs(ref.fields or {}) do
    out[i] = field.String and field.String.sval or "*"
  end
  return out
end

local function add_columns(out, source, name, stars)
  for _, column in ipairs(source.relation.columns) do
    if name == "*" or column.name == name then
      out[#out + 1] = { id = source.relation.id, column = column.attnum }
    end
    if name == "*" then
      stars[query.star_key(source.relation, column)] = column.name
    end
  end
end

--- The key of a column in a view's `stars`: columns that no word of its
--- definition names, with the names that the server spells them out by.
function query.star_key(relation, column)
  return relation.id .. ":" .. column.attnum
end

--- What it depends on: {id =, column = attnum or nil}, too much rather than
--- too little: an unqualified name counts for every source that has it. And
--- what its stars stand for (query.star_key), or nil.
function query.depends(s, tree)
  local out, stars, sources = {}, {}, query.sources(s, tree)
  for _, source in ipairs(sources) do
    out[#out + 1] = { id = source.relation.id }
  end
  for _, node in ipairs(query.scan(tree).columns) do
    local names = field_names(node)
    for _, source in ipairs(sources) do
      if #names == 1 or names[#names - 1] == source.alias then
        add_columns(out, source, names[#names], stars)
      end
    end
  end
  return out, next(stars) and stars or nil
end

local function from_items(s, node, out)
  if node.RangeVar then
    local with = out.with[node.RangeVar.relname]
    local alias = node.RangeVar.alias and node.RangeVar.alias.aliasname
    if with and not node.RangeVar.schemaname then
      out[#out + 1] = { alias = alias or node.RangeVar.relname,
                        columns = with.columns }
      return
    end
    local relation = s:relation(node.RangeVar)
    out[#out + 1] = { alias = alias or node.RangeVar.relname,
                      columns = relation and not relation.assumed
                        and relation.columns or nil }
  elseif node.JoinExpr then
    from_items(s, node.JoinExpr.larg, out)
    from_items(s, node.JoinExpr.rarg, out)
    if node.JoinExpr.usingClause or node.JoinExpr.isNatural then
      out.merged = true -- a star shows such columns once
    end
  elseif node.RangeSubselect then
    local alias = node.RangeSubselect.alias
    out[#out + 1] = { alias = alias and alias.aliasname,
                      columns = query.columns(s, node.RangeSubselect.subquery,
                                              out.with) }
  else
    out[#out + 1] = {}
  end
end

local function find_column(from, names)
  local found
  for _, item in ipairs(from) do
    if (#names == 1 or item.alias == names[#names - 1]) then
      if not item.columns then return nil end
      local column = state.by_name(item.columns, names[#names])
      if column then found = column end
    end
  end
  return found
end

local result_types = {
  count = "bigint", now = "timestamp with time zone", lower = "text",
  upper = "text", concat = "text", gen_random_uuid = "uuid",
  row_number = "bigint", length = "integer", to_char = "text",
  jsonb_build_object = "jsonb", json_build_object = "json",
  string_agg = "text", to_jsonb = "jsonb", to_json = "json",
  jsonb_agg = "jsonb", json_agg = "json", bool_or = "boolean",
  bool_and = "boolean",
}

local function constant_type(const)
  if const.ival then return "integer" end
  if const.sval then return "text" end
  if const.boolval then return "boolean" end
  if const.fval then return "numeric" end
  return "text"
end

--- Name and type that an expression has in a list of targets; the type is
--- nil where it cannot be told.
local function describe(s, node, from)
  if node.ColumnRef then
    local names = field_names(node.ColumnRef)
    local column = find_column(from, names)
    return names[#names], column and column.type, column and column.type_id
  elseif node.TypeCast then
    local text, id = types.spell(s, node.TypeCast.typeName)
    local name = describe(s, node.TypeCast.arg, from)
    if name == "?column?" then
      name = select(2, types.qualified(node.TypeCast.typeName.names))
    end
    return name, text, id
  elseif node.FuncCall then
    local _, name = types.qualified(node.FuncCall.funcname)
    return name, result_types[name]
  elseif node.A_Const then
    return "?column?", constant_type(node.A_Const)
  elseif node.CoalesceExpr then
    local _, text, id = describe(s, node.CoalesceExpr.args[1], from)
    return "coalesce", text, id
  elseif node.CaseExpr then
    local other = node.CaseExpr.defresult
    local name = other and describe(s, other, from) or "case"
    return name == "?column?" and "case" or name
  elseif node.SubLink and node.SubLink.subLinkType == "EXISTS_SUBLINK" then
    return "exists", "boolean"
  elseif node.BoolExpr or node.NullTest then
    return "?column?", "boolean"
  end
  return "?column?"
end

--- The name that an expression gives to what is made of it (FigureColname,
--- parse_target.c), or nil where it gives none.
function query.name_of(s, node)
  if type(node) ~= "table" then return nil end
  local name = describe(s, node, {})
  return name ~= "?column?" and name or nil
end

local function star(from, names, out)
  for _, item in ipairs(from) do
    if #names == 1 or item.alias == names[1] then
      if not item.columns then return false end
      for _, column in ipairs(item.columns) do
        out[#out + 1] = { name = column.name, type = column.type,
                          type_id = column.type_id }
      end
    end
  end
  return not (from.merged and #names == 1)
end

local function targets(s, list, from)
  local out = {}
  for _, node in ipairs(list or {}) do
    local target = node.ResTarget
    local names = target.val and target.val.ColumnRef
      and field_names(target.val.ColumnRef)
    if names and names[#names] == "*" then
      if not star(from, names, out) then return nil end
    else
      local name, text, id = describe(s, target.val, from)
      out[#out + 1] = { name = target.name or name, type = text,
                        type_id = id }
    end
  end
  return out
end

local function with_columns(s, clause, outer)
  local out = setmetatable({}, { __index = outer })
  for _, node in ipairs(clause and clause.ctes or {}) do
    local cte = node.CommonTableExpr
    local columns = query.columns(s, cte.ctequery, out)
    for i, alias in ipairs(types.texts(cte.aliascolnames)) do
      if columns and columns[i] then
        columns[i] = { name = alias, type = columns[i].type,
                       type_id = columns[i].type_id }
      end
    end
    out[cte.ctename] = { columns = columns }
  end
  return out
end

--- Columns {name, type, type_id} of a query, or nil where they cannot be
--- told (a relation or a function that nobody has described).
function query.columns(s, node, outer)
  local select = node and node.SelectStmt
  if not select then return nil end
  if select.op ~= "SETOP_NONE" and select.larg then
    return query.columns(s, { SelectStmt = select.larg }, outer)
  end
  if select.valuesLists then return nil end
  local from = { with = with_columns(s, select.withClause, outer or {}) }
  for _, item in ipairs(select.fromClause or {}) do
    from_items(s, item, from)
  end
  return targets(s, select.targetList, from)
end

--- Whether PostgreSQL lets rows be written through a view of it: one table,
--- and nothing that folds rows (documentation, "Updatable Views").
function query.is_updatable(s, node)
  local select = node and node.SelectStmt
  if not select or select.op ~= "SETOP_NONE" or
    #(select.fromClause or {}) ~= 1 or select.distinctClause or
    select.groupClause or select.havingClause or select.withClause or
    select.limitCount or select.limitOffset then
    return false
  end
  local range = select.fromClause[1].RangeVar
  local relation = range and s:relation(range)
  if not relation or relation.kind == "matview" or
    (relation.kind == "view" and not relation.updatable) then
    return false
  end
  for _, target in ipairs(select.targetList or {}) do
    if target.ResTarget.val and target.ResTarget.val.FuncCall then
      return false
    end
  end
  return true
end

return query
