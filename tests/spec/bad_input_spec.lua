-- What a newcomer, or a tired person, gets wrong: each has its exit status,
-- a message that names the object and the way out, and changes nothing.

local cli = require "tests.spec.support_cli"

local BODY = [[

  local live = deploy.current {}
  deploy.release { version = input.to, expect = live.version }
  finish { as = "recovered" }]]

-- A row: name, arguments; status (default 2); says: texts that standard
-- error holds; next: a text on its last line; body, header, environment,
-- more: files other than usual; prepare: a shell command before it.
local function try(row)
  cli.book(row.body or BODY, row.header)
  cli.environment(row.environment, row.more)
  if row.prepare then
    cli.sh(row.prepare)
  end
  return cli.run(row[2], row.settings)
end

local function last_line(text)
  return text:match "([^\n]*)\n$" or text
end

local function check(row)
  local result = try(row)
  assert.equal(row.status or 2, result.status, result.all)
  for _, text in ipairs(row.says) do
    assert.truthy(result.err:find(text, 1, true),
      ("expected \"%s\" in:\n%s"):format(text, result.err))
  end
  local last = last_line(result.err)
  assert.truthy(last:match "^next:  .", "no way out: " .. result.err)
  assert.truthy(last:find(row.next, 1, true),
    ("expected \"%s\" at the end of:\n%s"):format(row.next, result.err))
  -- Nothing has changed, and no run was begun.
  assert.is_nil(cli.read "world.json")
  assert.same({}, cli.runs())
  return result
end

local function rows(list)
  for _, row in ipairs(list) do
    it(row[1], function()
      check(row)
    end)
  end
end

local RUN = "run runbooks/book.lua --yes"

before_each(cli.open)
after_each(cli.close)

describe("a runbook file", function()
  rows {
    { "that is missing", "run runbooks/bok.lua --yes",
      says = { "runbooks/bok.lua", "No such file" }, next = "ls runbooks" },
    { "that is missing, by its bare path", "runbooks/bok.lua --yes",
      says = { "runbooks/bok.lua", "No such file" }, next = "ls runbooks" },
    { "that is a directory", "run runbooks --yes",
      says = { "runbooks", "not a file" }, next = "ls runbooks" },
    { "that nobody may read", "run runbooks/odd.lua --yes",
      prepare = "ln -s odd.lua runbooks/odd.lua",
      says = { "runbooks/odd.lua" }, next = "ls" },
    { "with a syntax error", RUN, body = "\n  local x = = 1",
      says = { "book.lua:4:", "unexpected symbol near '='", "local x = = 1" },
      next = "rbrun check runbooks/book.lua" },
    { "that is empty", RUN, prepare = ": >runbooks/book.lua",
      says = { "book.lua", "runbook {" }, next = "rbrun check runbooks" },
    { "that is no text", RUN,
      prepare = "head -c 300 /bin/true >runbooks/book.lua",
      says = { "book.lua" }, next = "rbrun check runbooks/book.lua" },
    { "without run", RUN, prepare = "head -2 runbooks/book.lua >x;" ..
        "mv x runbooks/book.lua",
      says = { "book.lua", "function run(input)" }, next = "rbrun check" },
    { "without a service", RUN,
      header = "runbook { summary = 'x', uses = {} }\n",
      says = { "book.lua:1", "service" }, next = "rbrun check" },
    { "with an unknown header field", RUN,
      header = "runbook { service = 's', sumary = 'x', uses = {} }\n",
      says = { "book.lua:1", "sumary", "summary" }, next = "rbrun check" },
    { "that requires a module that is missing", RUN,
      header = "local m = require 'policy'\n" .. cli.HEADER,
      says = { "book.lua:1", "policy" }, next = "rbrun check" },
    { "whose module has a syntax error", RUN,
      header = "local m = require 'policy'\n" .. cli.HEADER,
      prepare = "echo 'return +' >runbooks/policy.lua",
      says = { "policy.lua:1", "return +" }, next = "rbrun check" },
    { "that never ends loading", RUN, header = cli.HEADER ..
        "while true do end\n",
      says = { "instruction", "book.lua:3" }, next = "limits" },
  }
end)

describe("a call", function()
  rows {
    { "of an unknown option key", RUN,
      body = "\n deploy.release { versoin = 'v1' }",
      says = { "book.lua:4", "versoin", "version" },
      next = "rbrun help deploy.release" },
    { "with a wrong type", RUN, body = "\n deploy.release { version = 1 }",
      says = { "book.lua:4", "version", "text" },
      next = "rbrun help deploy.release" },
    { "without a required parameter", RUN, body = "\n deploy.release {}",
      says = { "book.lua:4", "version" }, next = "rbrun help deploy.release" },
    { "with a wrong unit", RUN,
      body = "\n deploy.release { version = 'v1', within = '5 minutes' }",
      says = { "book.lua:4", "within", "duration", "5 minutes" },
      next = "rbrun help deploy.release" },
    { "of an unknown verb", RUN, body = "\n deploy.relase { version = 'v1' }",
      says = { "book.lua:4", "no 'relase'", "did you mean release" },
      next = "rbrun check" },
    { "of an unknown noun", RUN, body = "\n deplyo.release {}",
      says = { "book.lua:4", "deplyo", "deploy" }, next = "rbrun check" },
    { "with several systems to choose from", RUN,
      body = "\n deploy.release { version = 'v1' }",
      environment = [[deploy = { a = { driver = "memory" },
        b = { driver = "memory" } },]],
      says = { "book.lua:4", "target", "a, b" },
      next = "rbrun help deploy.release" },
    { "of a system that is not bound", RUN,
      body = "\n deploy.release { target = 'sop', version = 'v1' }",
      says = { "book.lua:4", "\"sop\"", "shop" },
      next = "rbrun help deploy.release" },
    { "that uses does not name", RUN,
      header = "runbook { service = 's', summary = 'x',\n" ..
        " uses = { 'metric.*' } }\n",
      says = { "book.lua:4", "deploy.current", "uses" },
      next = "add \"deploy.current\" to uses" },
    { "that is not granted", RUN, prepare = "sed -i 's/\"\\* \\*\"/" ..
        "\"deploy.current shop\"/' runbooks/environments/lab.lua",
      header = "runbook { service = 's', summary = 'x',\n" ..
        " uses = { 'deploy.*' }, inputs = { to = 'text=v1' } }\n",
      says = { "book.lua:5", "deploy.release", "shop", "not granted" },
      next = "grants[\"book.lua\"]" },
    { "that is not granted at all", RUN, prepare = "sed -i 's/\"\\* \\*\"/" ..
        "\"metric.* m\"/' runbooks/environments/lab.lua",
      header = "runbook { service = 's', summary = 'x',\n" ..
        " uses = { 'deploy.release' } }\n",
      says = { "deploy.release", "not granted" },
      next = "grants[\"book.lua\"]" },
    { "of a verb in uses that there is not", RUN,
      header = "runbook { service = 's', summary = 'x',\n" ..
        " uses = { 'deploy.relase' } }\n",
      says = { "deploy.relase", "deploy.release" }, next = "rbrun" },
  }
end)

describe("an input", function()
  rows {
    { "that is unknown", RUN .. " --input too=v1",
      says = { "\"too\"", "did you mean \"to\"" },
      next = "to (text, default v1)" },
    { "of the wrong type", RUN .. " --input n=many",
      header = cli.HEADER:gsub("to = \"text=v1\"", "n = \"number\""),
      says = { "n", "many", "number" }, next = "--input n=" },
    { "that is none of the choices", RUN .. " --input n=P9",
      header = cli.HEADER:gsub("to = \"text=v1\"", "n = \"P0|P1\""),
      says = { "n", "P9", "P0|P1" }, next = "--input n=" },
    { "that is required", RUN,
      header = cli.HEADER:gsub("to = \"text=v1\"", "n = \"number\""),
      says = { "n", "number" }, next = "--input n=" },
    { "without a value", RUN .. " --input to",
      says = { "--input to", "NAME=VALUE" }, next = "rbrun help run" },
  }
end)

describe("an environment", function()
  rows {
    { "that there is not", RUN .. " -e prod",
      says = { "prod", "prod.lua" }, next = "ls" },
    { "where there is none", RUN,
      prepare = "rm runbooks/environments/lab.lua",
      says = { "environments", "none" }, next = "--environment" },
    { "where there are two", RUN,
      prepare = "cp runbooks/environments/lab.lua " ..
        "runbooks/environments/live.lua",
      says = { "lab", "live" }, next = "--environment NAME" },
    { "that is a directory", RUN .. " -e ./runbooks",
      says = { "runbooks", "not a file" },
      next = "rbrun doctor --environment" },
    { "with a syntax error", RUN, environment = "metric = = 1,",
      says = { "lab.lua:2", "'='" }, next = "rbrun doctor" },
    { "without a name", RUN,
      prepare = "sed -i s/name/nane/ runbooks/environments/lab.lua",
      says = { "lab.lua", "name" }, next = "rbrun doctor" },
    { "with an unknown noun", RUN, more = "deplyo = {},",
      says = { "lab.lua", "deplyo", "deploy" }, next = "rbrun doctor" },
    { "with an unknown driver", RUN,
      environment = "deploy = { shop = { driver = 'symlnk' } },",
      says = { "deploy.shop", "symlnk", "symlink" }, next = "rbrun doctor" },
    { "with an unknown option", RUN,
      environment = "deploy = { shop = { driver = 'memory', verson = 1 } },",
      says = { "deploy.shop", "verson", "version" }, next = "rbrun doctor" },
    { "with an option of the wrong type", RUN,
      environment = "deploy = { shop = { driver = 'memory', version = 1 } },",
      says = { "deploy.shop.version", "text" }, next = "rbrun doctor" },
    { "with a grant of an unknown verb", RUN,
      prepare = "sed -i 's/\"\\* \\*\"/\"deploy.relase shop\"/' " ..
        "runbooks/environments/lab.lua",
      says = { "grants[\"book.lua\"]", "deploy.relase", "deploy.release" },
      next = "rbrun doctor" },
    { "that does something", RUN,
      prepare = "echo 'os.remove(\"x\")' >>runbooks/environments/lab.lua",
      says = { "lab.lua" }, next = "rbrun doctor" },
    { "whose secret is not set", RUN,
      environment = [[deploy = { shop = { driver = "memory",
        version = "env:RB_NO_SUCH" } },]],
      says = { "env:RB_NO_SUCH", "export RB_NO_SUCH" },
      next = "rbrun doctor --environment" },
  }
end)

describe("a command line", function()
  rows {
    { "with an unknown command", "rum runbooks/book.lua",
      says = { "rum", "did you mean run" }, next = "rbrun help" },
    { "with an unknown option", RUN .. " --enviroment lab",
      says = { "--enviroment", "did you mean --environment" },
      next = "rbrun help run" },
    { "with an option of another command", RUN .. " --because x",
      says = { "--because" }, next = "rbrun help run" },
    { "with an option without its value", RUN .. " --environment",
      says = { "--environment", "NAME" }, next = "rbrun help run" },
    { "with a value too many", RUN .. " --yes=yes",
      says = { "--yes" }, next = "rbrun help run" },
    { "without a file", "run --yes", says = { "FILE" },
      next = "rbrun help run" },
    { "with two files", RUN .. " runbooks/other.lua", says = { "FILE" },
      next = "rbrun help run" },
    { "without consent, and nobody to ask", "runbooks/book.lua",
      says = { "nobody can be asked" }, next = "--confirm=lab" },
    { "with another environment's name", "runbooks/book.lua --confirm=prod",
      says = { "prod", "lab" }, next = "lab" },
    { "with a plan that no longer comes out", RUN .. " --plan 123456789abc",
      status = 6, says = { "123456789abc" },
      next = "rbrun plan runbooks/book.lua" },
    { "that asks for the help of nothing", "help deploy.relase",
      says = { "deploy.relase", "deploy.release" }, next = "rbrun help" },
  }
end)

describe("a run's name", function()
  rows {
    { "that is unknown", "show 7F3K", says = { "7F3K" },
      next = "rbrun history" },
    { "that is unknown, to resume", "resume 7F3K", says = { "7F3K" },
      next = "rbrun history" },
    { "that is unknown, to replay", "replay 7F3K", says = { "7F3K" },
      next = "rbrun history" },
    { "that is unknown, to status", "status 7F3K", says = { "7F3K" },
      next = "rbrun history" },
    { "that is unknown, to export", "export 7F3K", says = { "7F3K" },
      next = "rbrun history" },
    { "that is unknown, to verify", "verify 7F3K", says = { "7F3K" },
      next = "rbrun history" },
    { "last, where there is none", "show last", says = { "last" },
      next = "rbrun history" },
    { "that is a path", "show ../../etc", says = { "../../etc" },
      next = "rbrun history" },
    { "to resolve without a reason", "resolve 7F3K 1 applied",
      says = { "reason" }, next = "--because" },
    { "to resolve with no number", "resolve 7F3K one applied --because x",
      says = { "one" }, next = "rbrun help resolve" },
    { "to resolve with another word", "resolve 7F3K 1 done --because x",
      says = { "done" }, next = "rbrun help resolve" },
  }
end)
