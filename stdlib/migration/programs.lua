-- luacheck: globals host migration
--- Migrations that are programs: Alembic's, Django's and Rails' files as
--- statements of SQL, each with the line that it comes from.

local programs = {}

--- Which formats are programs.
function programs.knows(format)
  return format == "alembic" or format == "django" or format == "rails"
end

--- The statements that one direction of a file runs.
---   format     "alembic", "django" or "rails"
---   text       the file
---   direction  "up" or "down"
---   state      a table, kept between the files of one history in their
---              order (Django's models, Rails' tables); nil: none
---   name       the file's path: Django's application and migration are in it
--- Returns a list of
---   {line=, sql=}            SQL, one statement or several. With
---                            sql_line: line in the file of its first byte;
---                            unless_type = {schema, name}: not run where a
---                            type of that name exists; alone: in no
---                            transaction
---   {line=, unknown=, code=} what is not understood; refuses: the program
---                            raises there
--- and the list's field `transaction` is false when the file asks for none.
function programs.translate(format, text, direction, state, name)
  local reader = assert(migration[format], "no programs of " .. format)
  local ok, items = pcall(reader.translate, text, direction, state or {},
                          name or "")
  if ok then return items end
  local message = tostring(items):gsub("^%[?[^:]*%]?:%d+: ", "")
  if message:find("not enough memory", 1, true) then error(items, 0) end
  return { { line = 1, code = "dynamic_sql",
             unknown = "the file is not understood: " .. message } }
end

return programs
