-- rbrun-reader metric through its client: bodies of Prometheus, also hostile.
package.path = "tests/spec/?.lua;" .. package.path
local reader = require "support_reader"

describe("rbrun-reader metric", function()
  local function body(result, type)
    return ('{"status":"success","data":{"resultType":"%s","result":%s}}')
      :format(type or "matrix", result)
  end
  it("reads a range, whatever the chunks", function()
    local pairs_ = {}
    for i = 1, 400 do
      pairs_[i] = ('[%d.5,"%d.25"]'):format(1763700000 + i, i)
    end
    local text = body('[{"metric":{"__name__":"up","job":"shop"},"values":['
                      .. table.concat(pairs_, ",") .. "]}]")
    for _, chunk in ipairs { 1, 100, 65536 } do
      local answer = reader.ask("metric", {}, text, chunk)
      assert.equal(800, answer.count)
      assert.equal(1763700400.5, answer.numbers[799])
      assert.equal(400.25, answer.numbers[800])
      assert.same({ 'up{job="shop"}' }, answer.reply.names)
    end
  end)
  it("keeps what is no number as Prometheus says it", function()
    local answer = reader.ask("metric", {}, body(
      '[{"metric":{},"value":[1,"NaN"]}]', "vector"))
    assert.equal("NaN", answer.numbers[2])
  end)
  it("hands several series back as names, not as numbers", function()
    local two = body('[{"metric":{"a":"1"},"value":[1,"5"]},'
                     .. '{"metric":{"a":"2"},"value":[1,"7"]}]', "vector")
    local answer = reader.ask("metric", {}, two)
    assert.equal(0, answer.count)
    assert.equal(2, answer.reply.series)
    assert.same({ '{a="1"}', '{a="2"}' }, answer.reply.names)
    answer = reader.ask("metric", { fold = "sum" }, two)
    assert.same({ 1, 12 }, answer.numbers)
  end)
  it("says at which byte a body is malformed", function()
    local answer = reader.ask("metric", {}, '{"status":"success",]')
    assert.equal(-3, answer.code)
    assert.truthy(answer.message:find("byte 20", 1, true), answer.message)
  end)
  it("refuses a body that was cut off", function()
    local answer = reader.ask("metric", {}, body("[]"):sub(1, -2))
    assert.equal(-3, answer.code)
    assert.truthy(answer.message:find("too early", 1, true))
  end)
  it("takes no memory for what it does not keep", function()
    local function kib(count)
      local text = body('[{"values":[[1,"2"]]}]'):sub(1, -2) .. ',"infos":["'
        .. ("x"):rep(count) .. '",[' .. ("[1,2.5],"):rep(count // 8) .. "0]]}"
      local answer = reader.ask("metric", {}, text)
      assert.same({ 1, 2 }, answer.numbers)
      return answer.memory_kib
    end
    local small, large = kib(1000), kib(16000000)
    assert.is_true(large - small < 1024, small .. " and " .. large .. " KiB")
  end)
  it("is ended by its time limit", function()
    -- a series of new times before those of the one before, again and again
    local rows = {}
    for i = 1, 12000 do
      local values = {}
      for k = 1, 20 do
        values[k] = ('[%d.%04d,"1"]'):format(k * 1000000 - i, i % 7)
      end
      rows[i] = '{"values":[' .. table.concat(values, ",") .. "]}"
    end
    local answer = reader.ask("metric", { fold = "sum", cpu_seconds = 1 },
                              body("[" .. table.concat(rows, ",") .. "]"))
    assert.equal(-2, answer.code)
    assert.truthy(answer.message:find("used up its time", 1, true),
                  answer.message)
  end)
end)
