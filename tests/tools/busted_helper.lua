-- Loaded before every spec. Lua's own os.tmpname knows only /tmp; the runner
-- gives each spec a directory of its own in TMPDIR, and looks there for what
-- the spec has left behind.
os.tmpname = function() -- luacheck: ignore 122
  local pipe = assert(io.popen "mktemp")
  local path = pipe:read "l"
  pipe:close()
  return assert(path, "mktemp made no file")
end
