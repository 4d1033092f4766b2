-- Small histories of migrations on the disk, and rbrun assess over them.
local cli = require "tests.spec.support_cli"
local schema = require "tests.spec.support_schema"

local A = { cli = cli }

--- A history of golang-migrate's, of every verdict.
A.HISTORY = {
  ["0001_users.up.sql"] = "CREATE TABLE users (id bigint PRIMARY KEY, "
    .. "name text NOT NULL, email varchar(50));\n",
  ["0001_users.down.sql"] = "DROP TABLE users;\n",
  ["0002_age.up.sql"] = "ALTER TABLE users ADD COLUMN age integer;\n",
  ["0002_age.down.sql"] = "ALTER TABLE users DROP COLUMN age;\n",
  ["0003_null.up.sql"] = "ALTER TABLE users ALTER COLUMN name "
    .. "DROP NOT NULL;\n",
  ["0003_null.down.sql"] = "ALTER TABLE users ALTER COLUMN name "
    .. "SET NOT NULL;\n",
  ["0004_email.up.sql"] = "-- nobody reads it\n"
    .. "ALTER TABLE users DROP COLUMN email;\n",
  ["0004_email.down.sql"] = "ALTER TABLE users ADD COLUMN email "
    .. "varchar(50);\n",
}

--- Write files below a folder of the scratch directory.
function A.files(folder, files)
  assert(os.execute("mkdir -p " .. cli.quote(cli.path(folder))))
  for name, text in pairs(files) do
    local inner = name:match "^(.*)/[^/]+$"
    if inner then
      assert(os.execute("mkdir -p " ..
        cli.quote(cli.path(folder .. "/" .. inner))))
    end
    cli.write(folder .. "/" .. name, text)
  end
end

--- Run rbrun assess in the scratch directory.
function A.run(arguments, settings)
  return cli.run("assess " .. arguments, settings)
end

--- The objects that --json prints, each held against the schema.
function A.objects(result)
  local list = {}
  for line in result.out:gmatch "[^\n]+" do
    local value = schema.decode(line)
    local why = schema.misfit("docs/assess.schema.json", value)
    assert(not why, (why or "") .. "\n" .. line)
    list[#list + 1] = value
  end
  return list
end

--- {file = verdict} of a run with --json.
function A.verdicts(result)
  local map = {}
  for _, one in ipairs(A.objects(result)) do
    if one.file then map[one.file] = one.verdict end
  end
  return map
end

--- "code: object" of the findings in one of an object's lists.
function A.names(object, list)
  local names = {}
  for i, f in ipairs(object[list]) do
    names[i] = f.code .. ": " .. f.object
  end
  return names
end

return A
