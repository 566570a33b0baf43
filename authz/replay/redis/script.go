package redis

// script is what one claim does, as one step: Redis runs nothing beside it.
//
// KEYS[1] holds the policy's epoch: since when everything was claimed in the memory
// of the process that writes it down. A process that started anew may have lost
// claims, be it from a snapshot or a log, and so may a replica that was promoted:
// each begins an epoch. So may a process that was a replica for a while and became
// the master again: its id of replication then changes. The other KEYS are messages; each holds until when its
// stream may ask again, and the stream. Without any the epoch is written again, to
// find out whether it can be.
//
// ARGV: the caller's clock, by how much clocks may differ, the signed time (0 for
// none), how long the claim is kept, how long it may be repeated, the stream. Times
// are in microseconds, but the claim is kept for milliseconds.
//
// It looks at everything before it writes anything, so a failure in the middle can't
// grant half a claim: then the others are claimed, which refuses.
const script = `
local process = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
if not process then return {'unknown', ''} end
local life = process .. (string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)') or '')
local clock = redis.call('TIME')
local time, now = clock[1] * 1000000 + clock[2], tonumber(ARGV[1])
if math.abs(time - now) > tonumber(ARGV[2]) then return {'clock', process} end
local since, writer = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (%w+)$')
if writer ~= life then since = string.format('%.0f', math.max(time, now)) end
if writer ~= life or #KEYS == 1 then redis.call('SET', KEYS[1], since .. ' ' .. life) end
local held, same = 0, 0
for i = 2, #KEYS do
  local value = redis.call('GET', KEYS[i])
  if value then
    held = held + 1
    local last, stream = string.match(value, '^(%d+) (.+)$')
    if stream == ARGV[6] and time < tonumber(last) then same = same + 1 end
  end
end
if held > 0 then
  if held == same and held == #KEYS - 1 then return {'repeat', process} end
  return {'replayed', process}
end
local signed = tonumber(ARGV[3])
if signed ~= 0 and signed < tonumber(since) then return {'early', process} end
local value = string.format('%.0f', time + tonumber(ARGV[5])) .. ' ' .. ARGV[6]
for i = 2, #KEYS do redis.call('SET', KEYS[i], value, 'PX', ARGV[4]) end
return {'new', process}
`
