-- All buckets and slots of one request: charged together, or not at all.
--
-- KEYS: the buckets, then the sorted sets of the slots. ARGV: the mode, the number of buckets, for each bucket its limit,
-- its period in microseconds and the units to add, then for each slot its limit and the id of the request, and last the
-- microseconds after which a slot expires.
--
-- Modes: take (if all admit the request), force (add in any case, leave the slots), renew (the slots alone).
-- Returns whether all admit the request, the levels of the buckets in microseconds, the number of held slots.
--
-- Lua has doubles only: times count from 2026, so that they keep fractions of a microsecond.
local mode, buckets = ARGV[1], tonumber(ARGV[2])
local slots, expiry = #KEYS - buckets, tonumber(ARGV[#ARGV])
local time = redis.call('TIME')
local now = (tonumber(time[1]) - 1767225600) * 1000000 + tonumber(time[2])
local fits, answer, levels, added = 1, {}, {}, {}

for i = 1, buckets do
  local limit, period, units = tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1]), tonumber(ARGV[3 * i + 2])
  levels[i] = math.max(tonumber(redis.call('GET', KEYS[i]) or '0') - now, 0)
  -- A limit of zero admits nothing and keeps no level: its period has no units to divide.
  added[i] = limit > 0 and units * period / limit or 0
  -- The tolerance is for the rounding of doubles: a millisecond, or half a unit.
  local most = period + math.min(1000, period / limit / 2)
  if units > 0 and (limit == 0 or levels[i] + added[i] > most) then fits = 0 end
  answer[i + 1] = string.format('%.3f', levels[i])
end

for i = 1, slots do
  local key, at = KEYS[buckets + i], 1 + 3 * buckets + 2 * i
  if mode == 'take' then
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
    local held = redis.call('ZCARD', key)
    if held >= tonumber(ARGV[at]) then fits = 0 end
    answer[1 + buckets + i] = held
  end
end

answer[1] = fits
if mode == 'take' and fits == 0 then return answer end

for i = 1, buckets do
  if added[i] ~= 0 then
    local level = levels[i] + added[i]
    if level > 0 then
      redis.call('SET', KEYS[i], string.format('%.17g', now + level), 'PX', string.format('%.0f', level / 1000 + 1))
    else
      redis.call('DEL', KEYS[i])
    end
  end
end

for i = 1, slots do
  local key, id = KEYS[buckets + i], ARGV[2 + 3 * buckets + 2 * i]
  if mode == 'force' then
    redis.call('ZREM', key, id)
  else
    redis.call('ZADD', key, mode == 'renew' and 'XX' or 'NX', now + expiry, id)
    redis.call('PEXPIRE', key, string.format('%.0f', expiry / 1000))
  end
end
return answer
