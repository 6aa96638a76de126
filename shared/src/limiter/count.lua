-- Takes up to so many requests off the budget of a key, as `Gcra::count` does for one, by the server's own clock: those of the
-- processes may differ.
-- KEYS[1]: when it is whole, in microseconds since 1970. ARGV: what a request costs, the debt of a key that used up all, and how
-- many requests are wanted. Every number is an integer below 2^53, so that a double holds it.
local interval, full, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local debt = math.max(0, math.min(full, tonumber(redis.call('GET', KEYS[1]) or now) - now))
local granted = math.min(wanted, math.floor((full - debt) / interval))
debt = debt + granted * interval
-- Written also when none is granted, because a debt may have been cut. A key that is whole need not be kept.
redis.call('SET', KEYS[1], string.format('%.0f', now + debt), 'PX', math.ceil(debt / 1000))
return { granted, debt }
