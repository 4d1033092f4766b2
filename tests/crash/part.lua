-- One part of tests/crash, as a step of a spec.

local P = {}

--- Run it; its output is the message when something did not hold. A build
--- with sanitizers is some times slower: it walks every ninth point only.
function P.part(name)
  local build = os.getenv "RBRUN_BUILD" or "build"
  local stride = tonumber(os.getenv "CRASH_STRIDE")
    or build:match "asan" and 9 or 1
  local pipe = assert(io.popen(("CRASH_STRIDE=%d python3 tests/crash/run.py " ..
    "%s 2>&1; echo \" $?\""):format(stride, name)))
  local text = pipe:read "a"
  pipe:close()
  local output, status = text:match "^(.*) (%d+)\n$"
  assert(status == "0", output)
end

return P
