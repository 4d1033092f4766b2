--- Tell people on several channels at the same time.
local trusted = ...

local tell = {}

local KEYS = { "channels", "severity", "text", "title" }

local function check(given)
  if type(given) ~= "table" then
    trusted.misuse("tell.all takes a table: tell.all { channels = { ... }, "
      .. "text = ... }")
  end
  for _, key in ipairs(trusted.keys(given)) do
    local known = false
    for _, name in ipairs(KEYS) do
      known = known or key == name
    end
    if not known then
      trusted.misuse("tell.all: unknown field '%s'%s", tostring(key),
        trusted.suggest(key, KEYS))
    end
  end
  if type(given.channels) ~= "table" or #given.channels == 0 then
    trusted.misuse("tell.all: channels is missing: channels = "
      .. "{ \"incidents\" }")
  end
end

---@class tell.Message
---@field channels string[]
---@field text string
---@field title? string
---@field severity? string  info, warning or critical

--- Send one message to every channel. A channel that fails does not stop the
--- others. Returns true, or nil and the list of errors, each with its
--- channel.
---@param given tell.Message
---@return boolean? ok
---@return table? errors  {channel, outcome, message} each
function tell.all(given)
  check(given)
  local branches = {}
  for i, channel in ipairs(given.channels) do
    branches[i] = function()
      return notify.send { channel = channel, text = given.text,
        title = given.title, severity = given.severity }
    end
  end
  local _, errors = parallel(branches)
  local list = {}
  for i, channel in ipairs(given.channels) do
    local err = errors[i]
    if err then
      list[#list + 1] = { channel = channel, outcome = err.outcome,
        message = err.message }
    end
  end
  if #list == 0 then
    return true
  end
  return nil, list
end

return tell
