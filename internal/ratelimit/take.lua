-- Counts a call in the exact sliding window, or refuses it: package ratelimit,
-- Window, on Redis's own clock.
--
-- KEYS[1]  the window: the times of the calls that were accepted, in
--          microseconds, 7 bytes each with the highest first, oldest first
-- ARGV[1]  limit, at least 1
-- ARGV[2]  span in microseconds
-- ARGV[3]  the time in microseconds in tests; else empty
--
-- Returns whether the call is accepted (1 or 0), remaining, and in microseconds
-- retry-after and reset. A refused call writes nothing, unless the clock
-- was set back.
local limit, span, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if not now then
	local t = redis.call('TIME')
	now = t[1] * 1000000 + t[2]
end
local kept = redis.call('GET', KEYS[1]) or ''
local count = #kept / 7

local function pack(at)
	return struct.pack('>I7', at)
end
local function nth(i) -- from 1
	return (struct.unpack('>I7', kept, i * 7 - 6))
end
local function keep(times)
	redis.call('SET', KEYS[1], times, 'PX', math.ceil(span / 1000) + 1)
end

-- The clock was set back. All stored times move with it, so that no call counts
-- for longer than span or is lost.
local ahead = count > 0 and nth(count) - now or 0
if ahead > 0 then
	local moved = {}
	for i = 1, count do
		moved[i] = pack(nth(i) - ahead)
	end
	kept = table.concat(moved)
	keep(kept)
end

-- The times rise, so it is a binary search for the oldest that still counts.
local oldest, past = 1, count + 1
while oldest < past do
	local mid = math.floor((oldest + past) / 2)
	if now - nth(mid) > span then
		oldest = mid + 1
	else
		past = mid
	end
end
local live = count - oldest + 1
local reset = span
if live > 0 then
	reset = nth(oldest) + span - now
end
if live >= limit then
	return {0, 0, nth(oldest + live - limit) + span - now + 1, reset} -- strictly older than span
end
keep(string.sub(kept, oldest * 7 - 6) .. pack(now))
return {1, limit - live - 1, 0, reset}
