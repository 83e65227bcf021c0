-- Counts a call in the exact sliding window, or refuses it, as Window.Take in
-- package ratelimit does, but by the clock of Redis.
--
-- KEYS[1]  the window: the times of the accepted calls in microseconds, oldest
--          first, as big-endian integers of 7 bytes
-- ARGV[1]  limit, at least 1
-- ARGV[2]  span in microseconds
-- ARGV[3]  the time in microseconds, in tests; otherwise empty
--
-- Returns four integers: 1 if the call is accepted or else 0, the remaining
-- calls, and the retry-after and reset times in microseconds. A refused call
-- writes nothing, unless the clock was set back.
local limit, span, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if not now then
	local t = redis.call('TIME')
	now = t[1] * 1000000 + t[2]
end
local stored = redis.call('GET', KEYS[1]) or ''
local size = #stored / 7

local function pack(at)
	return struct.pack('>I7', at)
end
local function nth(i) -- from 1
	return (struct.unpack('>I7', stored, i * 7 - 6))
end
local function store(times)
	redis.call('SET', KEYS[1], times, 'PX', math.ceil(span / 1000) + 1)
end

-- The clock was set back. All stored times move with it, so that no call counts
-- for longer than span or is lost.
local ahead = size > 0 and nth(size) - now or 0
if ahead > 0 then
	local moved = {}
	for i = 1, size do
		moved[i] = pack(nth(i) - ahead)
	end
	stored = table.concat(moved)
	store(stored)
end

-- Find the oldest call that still counts, by binary search.
local oldest, past = 1, size + 1
while oldest < past do
	local mid = math.floor((oldest + past) / 2)
	if now - nth(mid) > span then
		oldest = mid + 1
	else
		past = mid
	end
end
local counted = size - oldest + 1
local reset = span
if counted > 0 then
	reset = nth(oldest) + span - now
end
if counted >= limit then
	return {0, 0, nth(oldest + counted - limit) + span - now + 1, reset} -- strictly older than span
end
store(string.sub(stored, oldest * 7 - 6) .. pack(now))
return {1, limit - counted - 1, 0, reset}
