-- Records that a replica is running, and returns the number of running replicas.
--
-- KEYS[1]  the replica ids, sorted by their last heartbeat in milliseconds
-- ARGV[1]  the id of this replica
-- ARGV[2]  how long a replica counts after its heartbeat, in milliseconds
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('ZCARD', KEYS[1])
