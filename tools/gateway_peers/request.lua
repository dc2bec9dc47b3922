-- What wrk sends: 1 KB of JSON whose text says nothing twice, and no two requests in a row the same: what remembers answers or
-- verdicts does not gain by it. MODEL, KEY and FIRST come from the environment.
local different = 30000
wrk.method = "POST"
local said = [[Hello from %s, I ordered a pair of shears and a green watering can last Tuesday, and today the parcel arrived with only the shears in it. The invoice says that both items were packed in one box, and the tracking page shows a weight of three kilograms, which would fit for both. Could you please check whether the second item was sent apart, or whether somebody forgot it? I would also like to know how long I may keep the shears before I decide to send them back, since the handle is a little wider than what I had expected from the picture in your catalogue. My neighbour told me that you exchange such things within thirty days without asking many questions. If the can is out of stock, I would be glad to take the blue one.]]
wrk.headers["content-type"] = "application/json"
wrk.headers["authorization"] = "Bearer " .. os.getenv("KEY")


local function body(town)
  return '{"model":"' .. os.getenv("MODEL") .. '","messages":[{"role":"system","content":"You are a helpful assistant of the help desk of a small company that sells garden tools."},{"role":"user","content":"' .. string.format(said, town) .. '"}],"max_tokens":200}'
end

-- Words, not numbers: in numbers a gateway may look for telephones, which is another measure.
local towns = {"Ash", "Birch", "Copper", "Dale", "Elder", "Fern", "Glen", "Hazel", "Iron", "Jade", "Kings", "Lime", "Mill", "North", "Oak",
  "Pine", "Quarry", "Rowan", "Stone", "Thorn", "Upper", "Vale", "Willow", "York", "Barley", "Cherry", "Dove", "Eagle", "Flint", "Green", "Holly"}

local function named(number)
  local words = {}
  for place = 1, 4 do
    words[place] = towns[number % #towns + 1]
    number = math.floor(number / #towns)
  end
  return table.concat(words, " ")
end

local ready, at = {}, 0

init = function()
  for number = 1, different do
    ready[number] = wrk.format(nil, nil, nil, body(named(os.getenv("FIRST") + number)))
  end
end

request = function()
  at = at % different + 1
  return ready[at]
end

done = function(summary, latency, requests)
  local failed = summary.errors
  io.write(string.format('{"requests":%d,"micros":%d,"p50_us":%d,"p99_us":%d,"failed":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    failed.connect + failed.read + failed.write + failed.status + failed.timeout))
end
