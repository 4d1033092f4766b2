-- luacheck: globals migration
--- The digests that Django (MD5) and Rails (SHA-256) make names of
--- constraints and indexes with. Not for anything that has to be secure.
--- Source: RFC 1321; FIPS 180-4.

local digest = {}

local M32 = 0xFFFFFFFF

local function padded(text, format)
  return text .. "\128" .. ("\0"):rep((55 - #text) % 64) ..
    format:pack(#text * 8)
end

-- MD5 ------------------------------------------------------------------------

local shifts = { { 7, 12, 17, 22 }, { 5, 9, 14, 20 }, { 4, 11, 16, 23 },
                 { 6, 10, 15, 21 } }
local sines = {}
for i = 1, 64 do
  sines[i] = math.floor(math.abs(math.sin(i)) * 4294967296)
end

--- The word of a round and which part of the block goes into it.
local function md5_word(i, b, c, d)
  if i < 16 then return (b & c) | (~b & d), i end
  if i < 32 then return (d & b) | (~d & c), (5 * i + 1) % 16 end
  if i < 48 then return b ~ c ~ d, (3 * i + 5) % 16 end
  return c ~ (b | (~d & M32)), (7 * i) % 16
end

local function md5_block(state, words)
  local a, b, c, d = state[1], state[2], state[3], state[4]
  for i = 0, 63 do
    local f, part = md5_word(i, b, c, d)
    local sum = (a + f + sines[i + 1] + words[part + 1]) & M32
    local n = shifts[i // 16 + 1][i % 4 + 1]
    a, d, c = d, c, b
    b = (b + ((sum << n) | (sum >> (32 - n)))) & M32
  end
  for i, word in ipairs { a, b, c, d } do
    state[i] = (state[i] + word) & M32
  end
end

--- As 32 hexadecimal digits.
function digest.md5(text)
  local state = { 0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476 }
  local message = padded(text, "<I8")
  for at = 1, #message, 64 do
    md5_block(state, { ("<" .. ("I4"):rep(16)):unpack(message, at) })
  end
  return (("<I4I4I4I4"):pack(table.unpack(state)):gsub(".", function(c)
    return ("%02x"):format(c:byte())
  end))
end

-- SHA-256 --------------------------------------------------------------------

local function is_prime(n)
  for i = 2, math.floor(math.sqrt(n)) do
    if n % i == 0 then return false end
  end
  return true
end

--- 32 bits behind the point of a root of each of the first primes.
local function roots(count, power)
  local out, n = {}, 2
  while #out < count do
    if is_prime(n) then
      local root = n ^ power
      out[#out + 1] = math.floor((root - math.floor(root)) * 4294967296)
    end
    n = n + 1
  end
  return out
end

local rounds, start = roots(64, 1 / 3), roots(8, 1 / 2)

local function turn(x, n) return ((x >> n) | (x << (32 - n))) & M32 end

local function schedule(message, at)
  local w = { (">" .. ("I4"):rep(16)):unpack(message, at) }
  for i = 17, 64 do
    local x, y = w[i - 15], w[i - 2]
    w[i] = (w[i - 16] + w[i - 7] + (turn(x, 7) ~ turn(x, 18) ~ (x >> 3)) +
            (turn(y, 17) ~ turn(y, 19) ~ (y >> 10))) & M32
  end
  return w
end

local function sha_block(state, w)
  local a, b, c, d, e, f, g, h = table.unpack(state)
  for i = 1, 64 do
    local one = (h + (turn(e, 6) ~ turn(e, 11) ~ turn(e, 25)) +
                 ((e & f) ~ (~e & g)) + rounds[i] + w[i]) & M32
    local two = ((turn(a, 2) ~ turn(a, 13) ~ turn(a, 22)) +
                 ((a & b) ~ (a & c) ~ (b & c))) & M32
    h, g, f, e = g, f, e, (d + one) & M32
    d, c, b, a = c, b, a, (one + two) & M32
  end
  for i, word in ipairs { a, b, c, d, e, f, g, h } do
    state[i] = (state[i] + word) & M32
  end
end

--- As 64 hexadecimal digits.
function digest.sha256(text)
  local state = { table.unpack(start) }
  local message = padded(text, ">I8")
  for at = 1, #message, 64 do
    sha_block(state, schedule(message, at))
  end
  local out = {}
  for i, word in ipairs(state) do out[i] = ("%08x"):format(word) end
  return table.concat(out)
end

return digest
