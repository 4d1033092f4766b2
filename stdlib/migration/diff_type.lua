-- luacheck: globals host migration
--- Whether values of one type fit another, by the types' names as
--- format_type spells them.

local diff_type = {}

local INTEGERS = { smallint = 1, integer = 2, bigint = 3 }
local TEXTS = { text = true, ["character varying"] = true }

-- Types whose limit only bounds, so that a larger one takes every value.
local BOUNDED = {
  ["character"] = true, ["bit varying"] = true,
  ["time without time zone"] = true, ["time with time zone"] = true,
  ["timestamp without time zone"] = true,
  ["timestamp with time zone"] = true, interval = true,
}

--- "numeric(8,2)[]" -> "numeric", {8, 2}, "[]"
function diff_type.parts(name)
  local bare, brackets = name:match "^(.-)([%[%]]*)$"
  local numbers = {}
  local base = bare:gsub("%s*%((%-?[%d,]+)%)", function(inside)
    for n in inside:gmatch "%-?%d+" do numbers[#numbers + 1] = tonumber(n) end
    return ""
  end)
  return base, numbers, brackets
end

local function grows(old, new)
  if not new then return old and "widened" or "same" end
  if not old or new < old then return "narrowed" end
  return new > old and "widened" or "same"
end

local function numeric(old, new)
  if #new == 0 then return #old > 0 and "widened" or "same" end
  if #old == 0 then return "narrowed" end
  local old_scale, new_scale = old[2] or 0, new[2] or 0
  if new_scale < old_scale or new[1] - new_scale < old[1] - old_scale then
    return "narrowed"
  end
  return "widened"
end

local function integers(old, new)
  return INTEGERS[new] > INTEGERS[old] and "int_widened" or "int_narrowed"
end

--- "same", "widened" (every old value fits, and clients see the same type),
--- "narrowed", "int_widened", "int_narrowed" or "changed".
function diff_type.change(old, new)
  if old == new then return "same" end
  local a, x, old_dims = diff_type.parts(old)
  local b, y, new_dims = diff_type.parts(new)
  if old_dims ~= new_dims then return "changed" end
  if TEXTS[a] and TEXTS[b] and (a == b or old_dims == "") then
    local growth = grows(x[1], y[1])
    return growth == "same" and "widened" or growth
  end
  if INTEGERS[a] and INTEGERS[b] and old_dims == "" then
    return integers(a, b)
  end
  if a ~= b then return "changed" end
  if a == "numeric" then return numeric(x, y) end
  return BOUNDED[a] and grows(x[1], y[1]) or "changed"
end

return diff_type
