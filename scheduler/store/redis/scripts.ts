// The operations that must be atomic, as Redis runs them. Every script checks all it must before its first write, because Redis
// rolls nothing back. Every key has the same hash tag, so that a cluster of Redis keeps them in one slot.

/** The names of the keys below a prefix. */
export interface RedisKeys {
  readonly head: string;
  readonly leader: string;
  /** The ids of those that stand by, or did lately. */
  readonly standbys: string;
  /** The card of one of them, as long as it stands by. */
  readonly standby: (id: string) => string;
  /** Where the giving up of leadership is told. */
  readonly released: string;
  readonly records: (collection: string) => string;
}

/**
 * @param prefix what tells clusters on one Redis apart
 * @param room what tells states of one cluster apart: '' = the one in force
 */
export function keysOf(prefix: string, room = ''): RedisKeys {
  const tag = room === '' ? `{${prefix}}` : `{${prefix}}:${room}`;
  return {
    head: `${tag}:head`,
    leader: `${tag}:leader`,
    standbys: `${tag}:standbys`,
    standby: (id) => `${tag}:standby:${id}`,
    released: `${tag}:released`,
    records: (collection) => `${tag}:records:${collection}`,
  };
}

/** Below what Lua's `unpack` can push: its stack ends at 8,000. */
const CHUNK = 6_000;

/** Answers of the scripts that write: 1 or 0, then the head as lineage, epoch, revision, schema, term; the head is missing when there is none. */
const HEAD = `
local function head()
  return redis.call('HMGET', KEYS[1], 'lineage', 'epoch', 'revision', 'schema', 'term')
end
local function answer(done)
  local at = head()
  return { done, at[1] or '', at[2] or '', at[3] or '', at[4] or '', at[5] or '' }
end`;

/**
 * Keys: head. Arguments: the expected lineage, epoch, revision, schema and term (a lineage of '' = there is no head), then those
 * to write. Answers in addition which history of replication the server writes: asked apart, another server could answer.
 */
export const WRITE_HEAD = `${HEAD}
local function told(done)
  local all = answer(done)
  all[7] = string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)') or ''
  return all
end
local at = head()
if (at[1] or '') ~= ARGV[1] then return told(0) end
local isSame = at[2] == ARGV[2] and at[3] == ARGV[3] and at[4] == ARGV[4] and (at[5] or '') == ARGV[5]
if ARGV[1] ~= '' and not isSame then return told(0) end
redis.call('HSET', KEYS[1], 'lineage', ARGV[6], 'epoch', ARGV[7], 'revision', ARGV[8], 'schema', ARGV[9], 'term', ARGV[10])
return told(1)`;

/**
 * Keys: head, then one for each collection that changes. Arguments: lineage, epoch, term, the revision it follows, the revision it
 * leads to, the schema from then on ('' = as it was); then for each collection how many puts, how many deletes, keys and values of the puts, keys of the deletes.
 */
export const APPEND = `${HEAD}
local at = head()
if at[1] ~= ARGV[1] or at[2] ~= ARGV[2] or (at[5] or '') ~= ARGV[3] or at[3] ~= ARGV[4] then return answer(0) end
local next = 7
for k = 2, #KEYS do
  local puts, deletes = tonumber(ARGV[next]) * 2, tonumber(ARGV[next + 1])
  next = next + 2
  for from = next, next + puts - 1, ${CHUNK} do
    redis.call('HSET', KEYS[k], unpack(ARGV, from, math.min(from + ${CHUNK}, next + puts) - 1))
  end
  next = next + puts
  for from = next, next + deletes - 1, ${CHUNK} do
    redis.call('HDEL', KEYS[k], unpack(ARGV, from, math.min(from + ${CHUNK}, next + deletes) - 1))
  end
  next = next + deletes
end
redis.call('HSET', KEYS[1], 'revision', ARGV[5])
if ARGV[6] ~= '' then redis.call('HSET', KEYS[1], 'schema', ARGV[6]) end
return answer(1)`;

/** Keys: leader. Arguments: the card as JSON, its id, how long it holds in ms. Answers who has it, and how long yet. */
export const CLAIM = `
local held = redis.call('GET', KEYS[1])
if not held or cjson.decode(held).id == ARGV[2] then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
  held = ARGV[1]
end
return { held, redis.call('PTTL', KEYS[1]) }`;

/** Keys: leader, the channel. Arguments: the id of whoever gives it up. */
export const RELEASE = `
local held = redis.call('GET', KEYS[1])
if not held or cjson.decode(held).id ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('PUBLISH', KEYS[2], ARGV[1])
return 1`;

/**
 * Puts a restored state in force, and keeps the one that was. Keys: leader, then by threes: in force, kept, restored. Answers the
 * leader's card when there is one: then nothing was changed.
 */
export const INSTALL = `
local held = redis.call('GET', KEYS[1])
if held then return held end
for k = 2, #KEYS, 3 do
  if redis.call('EXISTS', KEYS[k]) == 1 then redis.call('RENAME', KEYS[k], KEYS[k + 1]) end
  if redis.call('EXISTS', KEYS[k + 2]) == 1 then redis.call('RENAME', KEYS[k + 2], KEYS[k]) end
end
return ''`;
