// The commands of Redis that the package uses, on a keyspace. Checked against a real server
// (test/simulation/simulated-redis.test.ts).
import type { Random } from '../../faults/random.js';
import type { Keyspace } from './keyspace.js';
import { OK, Refusal, type Reply, ReplyError, Status } from './reply.js';
import { SortedSet } from './sorted-set.js';

export interface CommandContext {
  readonly keys: Keyspace;
  readonly random: Random;
  /** In us. */
  time(): number;
  publish(channel: string, message: string): number;
  info(): string;
}

type Command = (context: CommandContext, args: readonly string[]) => Reply;

export function execute(context: CommandContext, name: string, args: readonly string[]): Reply {
  const command = COMMANDS[name.toUpperCase()];
  if (!command) return new ReplyError(`ERR unknown command '${name}', with args beginning with: ${args[0] ?? ''}`);
  try {
    return command(context, args);
  } catch (error) {
    if (error instanceof Refusal) return error.reply;
    throw error;
  }
}

function refuse(message: string): never {
  throw new Refusal(new ReplyError(message));
}

function integer(text: string | undefined): number {
  const number = Number(text);
  if (text === undefined || text === '' || !Number.isInteger(number))
    refuse('ERR value is not an integer or out of range');
  return number;
}

/** A score, or the end of a range of scores. */
function float(text: string | undefined): number {
  if (text === '-inf') return Number.NEGATIVE_INFINITY;
  if (text === '+inf' || text === 'inf') return Number.POSITIVE_INFINITY;
  const number = Number(text);
  if (text === undefined || text === '' || Number.isNaN(number)) refuse('ERR value is not a valid float');
  return number;
}

function scoreText(score: number): string {
  return String(score);
}

const UNITS: Record<string, readonly [ms: number, absolute: boolean]> = {
  EX: [1_000, false],
  PX: [1, false],
  EXAT: [1_000, true],
  PXAT: [1, true],
};

function set({ keys }: CommandContext, [key = '', value = '', ...options]: readonly string[]): Reply {
  let until: number | undefined = Number.POSITIVE_INFINITY;
  const flags = new Set<string>();
  for (let i = 0; i < options.length; i += 1) {
    const option = (options[i] as string).toUpperCase();
    const unit = UNITS[option];
    if (unit) {
      i += 1;
      const time = integer(options[i]);
      if (time <= 0) refuse("ERR invalid expire time in 'set' command");
      until = unit[1] ? time * unit[0] : keys.now() + time * unit[0];
    } else if (option === 'KEEPTTL') until = undefined;
    else if (['NX', 'XX', 'GET'].includes(option)) flags.add(option);
    else refuse('ERR syntax error');
  }
  const old = flags.has('GET') ? (keys.string(key) ?? null) : undefined;
  const exists = keys.get(key) !== undefined;
  if ((flags.has('NX') && exists) || (flags.has('XX') && !exists)) return old ?? null;
  keys.set(key, value, until);
  return old === undefined ? OK : old;
}

function expire(context: CommandContext, args: readonly string[], perMs: number, absolute: boolean): number {
  const { keys } = context;
  const [key = '', time, condition = ''] = args;
  const until = absolute ? integer(time) * perMs : keys.now() + integer(time) * perMs;
  const current = keys.until(key);
  if (current === undefined) return 0;
  const lasts = current !== Number.POSITIVE_INFINITY;
  const conditions: Record<string, boolean> = { NX: !lasts, XX: lasts, GT: until > current, LT: until < current };
  if (condition && conditions[condition.toUpperCase()] === false) return 0;
  keys.expire(key, until);
  return 1;
}

function timeLeft({ keys }: CommandContext, key: string, perMs: number): number {
  const until = keys.until(key);
  if (until === undefined) return -2;
  if (until === Number.POSITIVE_INFINITY) return -1;
  const left = until - keys.now();
  return perMs === 1 ? left : Math.floor((left + perMs / 2) / perMs);
}

function zadd({ keys }: CommandContext, [key = '', ...rest]: readonly string[]): Reply {
  const flags = new Set<string>();
  let at = 0;
  for (; ['NX', 'XX', 'GT', 'LT', 'CH'].includes((rest[at] ?? '').toUpperCase()); at += 1) {
    flags.add((rest[at] as string).toUpperCase());
  }
  const pairs = rest.slice(at);
  if (pairs.length === 0 || pairs.length % 2 > 0) refuse('ERR syntax error');
  const existing = keys.sortedSet(key);
  const zset = existing ?? new SortedSet();
  let [added, changed] = [0, 0];
  for (let i = 0; i < pairs.length; i += 2) {
    const [score, member] = [float(pairs[i]), pairs[i + 1] as string];
    const old = zset.score(member);
    if (old === undefined ? flags.has('XX') : flags.has('NX')) continue;
    if (old !== undefined && ((flags.has('GT') && score <= old) || (flags.has('LT') && score >= old))) continue;
    if (old === undefined) added += 1;
    else if (old !== score) changed += 1;
    zset.set(member, score);
  }
  if (!existing && zset.size > 0) keys.set(key, zset);
  else if (added + changed > 0) keys.touch(key);
  return flags.has('CH') ? added + changed : added;
}

function removeMembers({ keys }: CommandContext, key: string, members: readonly string[]): number {
  const zset = keys.sortedSet(key);
  if (!zset) return 0;
  const removed = members.filter((member) => zset.delete(member)).length;
  if (removed > 0) keys.touch(key);
  if (zset.size === 0) keys.delete(key);
  return removed;
}

/** Whether a score is within `from` and `to`, each of which may be exclusive. */
function within(from = '', to = ''): (score: number) => boolean {
  const [low, high] = [float(from.replace('(', '')), float(to.replace('(', ''))];
  return (score) =>
    (from.startsWith('(') ? score > low : score >= low) && (to.startsWith('(') ? score < high : score <= high);
}

function inScores({ keys }: CommandContext, [key = '', from, to]: readonly string[]) {
  const isWithin = within(from, to);
  return (keys.sortedSet(key)?.all ?? []).filter(([, score]) => isWithin(score));
}

function zrange(context: CommandContext, args: readonly string[]): Reply {
  const [key = '', from, to, ...rest] = args;
  const flags = rest.map((flag) => flag.toUpperCase());
  const all = context.keys.sortedSet(key)?.all ?? [];
  let entries = flags.includes('REV') ? [...all].reverse() : all;
  if (flags.includes('BYSCORE')) {
    const isWithin = flags.includes('REV') ? within(to, from) : within(from, to);
    entries = entries.filter(([, score]) => isWithin(score));
    const limit = flags.indexOf('LIMIT');
    if (limit >= 0) entries = limited(entries, integer(rest[limit + 1]), integer(rest[limit + 2]));
  } else entries = between(entries, integer(from), integer(to));
  return listed(entries, flags.includes('WITHSCORES'));
}

function limited<T>(entries: readonly T[], offset: number, count: number): readonly T[] {
  return count < 0 ? entries.slice(offset) : entries.slice(offset, offset + count);
}

function between<T>(entries: readonly T[], from: number, to: number): readonly T[] {
  const place = (index: number): number => (index < 0 ? Math.max(0, entries.length + index) : index);
  return to < 0 && entries.length + to < 0 ? [] : entries.slice(place(from), place(to) + 1);
}

function listed(entries: readonly (readonly [string, number])[], withScores: boolean): Reply {
  return entries.flatMap(([member, score]) => (withScores ? [member, scoreText(score)] : [member]));
}

function zrangebyscore(context: CommandContext, args: readonly string[]): Reply {
  const rest = args.slice(3).map((flag) => flag.toUpperCase());
  const limit = rest.indexOf('LIMIT');
  const found = inScores(context, args);
  const entries = limit < 0 ? found : limited(found, integer(rest[limit + 1]), integer(rest[limit + 2]));
  return listed(entries, rest.includes('WITHSCORES'));
}

function hset({ keys }: CommandContext, [key = '', ...pairs]: readonly string[]): number {
  const existing = keys.hash(key);
  const hash = existing ?? new Map<string, string>();
  let added = 0;
  for (let i = 0; i < pairs.length; i += 2) {
    if (!hash.has(pairs[i] as string)) added += 1;
    hash.set(pairs[i] as string, pairs[i + 1] as string);
  }
  if (existing) keys.touch(key);
  else keys.set(key, hash);
  return added;
}

function hdel({ keys }: CommandContext, [key = '', ...fields]: readonly string[]): number {
  const hash = keys.hash(key);
  if (!hash) return 0;
  const removed = fields.filter((field) => hash.delete(field)).length;
  if (removed > 0) keys.touch(key);
  if (hash.size === 0) keys.delete(key);
  return removed;
}

/** `count` different fields; with a negative one, some may come twice. */
function hrandfield({ keys, random }: CommandContext, [key = '', count, flag]: readonly string[]): Reply {
  const entries = [...(keys.hash(key) ?? [])];
  if (count === undefined) return entries.length === 0 ? null : random.pick(entries)[0];
  const wanted = integer(count);
  const picked: [string, string][] = [];
  if (wanted < 0) for (let i = 0; i < -wanted && entries.length > 0; i += 1) picked.push(random.pick(entries));
  while (picked.length < wanted && entries.length > 0) {
    picked.push(...entries.splice(random.integer(0, entries.length - 1), 1));
  }
  return picked.flatMap(([field, value]) => (flag ? [field, value] : [field]));
}

function scan({ keys }: CommandContext, [, ...options]: readonly string[]): Reply {
  const match = options.findIndex((option) => option.toUpperCase() === 'MATCH');
  const pattern = match < 0 ? '*' : (options[match + 1] as string);
  const regular = new RegExp(
    `^${pattern
      .replace(/[.+^$(){}|]/g, '\\$&')
      .replace(/\*/g, '.*')
      .replace(/\?/g, '.')}$`,
  );
  return ['0', keys.keys.filter((key) => regular.test(key))];
}

function increment({ keys }: CommandContext, key: string, by: number): number {
  const value = integer(keys.string(key) ?? '0') + by;
  keys.set(key, String(value));
  return value;
}

function typeOf({ keys }: CommandContext, key: string): Status {
  const value = keys.get(key);
  if (value === undefined) return new Status('none');
  if (typeof value === 'string') return new Status('string');
  if (value instanceof SortedSet) return new Status('zset');
  return new Status(value instanceof Map ? 'hash' : 'set');
}

const COMMANDS: Readonly<Record<string, Command>> = {
  INFO: ({ info }) => info(),
  PING: () => new Status('PONG'),
  TIME: ({ time }) => {
    const us = time();
    return [String(Math.floor(us / 1e6)), String(us % 1e6)];
  },
  GET: ({ keys }, [key = '']) => keys.string(key) ?? null,
  MGET: ({ keys }, all) =>
    all.map((key) => {
      const value = keys.get(key);
      return typeof value === 'string' ? value : null;
    }),
  SET: set,
  SETNX: (context, [key = '', value = '']) => (set(context, [key, value, 'NX']) === null ? 0 : 1),
  PSETEX: (context, [key = '', ms = '', value = '']) => set(context, [key, value, 'PX', ms]),
  GETDEL: ({ keys }, [key = '']) => {
    const value = keys.string(key) ?? null;
    keys.delete(key);
    return value;
  },
  STRLEN: ({ keys }, [key = '']) => keys.string(key)?.length ?? 0,
  INCR: (context, [key = '']) => increment(context, key, 1),
  INCRBY: (context, [key = '', by]) => increment(context, key, integer(by)),
  DEL: ({ keys }, all) => all.filter((key) => keys.delete(key)).length,
  UNLINK: ({ keys }, all) => all.filter((key) => keys.delete(key)).length,
  EXISTS: ({ keys }, all) => all.filter((key) => keys.get(key) !== undefined).length,
  TYPE: (context, [key = '']) => typeOf(context, key),
  PTTL: (context, [key = '']) => timeLeft(context, key, 1),
  TTL: (context, [key = '']) => timeLeft(context, key, 1_000),
  PEXPIRE: (context, args) => expire(context, args, 1, false),
  EXPIRE: (context, args) => expire(context, args, 1_000, false),
  PEXPIREAT: (context, args) => expire(context, args, 1, true),
  EXPIREAT: (context, args) => expire(context, args, 1_000, true),
  PEXPIRETIME: ({ keys }, [key = '']) => {
    const until = keys.until(key);
    return until === undefined ? -2 : until === Number.POSITIVE_INFINITY ? -1 : until;
  },
  PERSIST: ({ keys }, [key = '']) => {
    const until = keys.until(key);
    if (until === undefined || until === Number.POSITIVE_INFINITY) return 0;
    keys.expire(key, Number.POSITIVE_INFINITY);
    return 1;
  },
  ZADD: zadd,
  ZREM: (context, [key = '', ...members]) => removeMembers(context, key, members),
  ZSCORE: ({ keys }, [key = '', member = '']) => {
    const score = keys.sortedSet(key)?.score(member);
    return score === undefined ? null : scoreText(score);
  },
  ZRANK: ({ keys }, [key = '', member = '']) => {
    const rank = keys.sortedSet(key)?.all.findIndex(([each]) => each === member) ?? -1;
    return rank < 0 ? null : rank;
  },
  ZCARD: ({ keys }, [key = '']) => keys.sortedSet(key)?.size ?? 0,
  ZCOUNT: (context, args) => inScores(context, args).length,
  ZRANGE: zrange,
  ZRANGEBYSCORE: zrangebyscore,
  ZREMRANGEBYSCORE: (context, args) =>
    removeMembers(
      context,
      args[0] ?? '',
      inScores(context, args).map(([member]) => member),
    ),
  ZREMRANGEBYRANK: (context, [key = '', from, to]) => {
    const ranked = between(context.keys.sortedSet(key)?.all ?? [], integer(from), integer(to));
    return removeMembers(
      context,
      key,
      ranked.map(([member]) => member),
    );
  },
  HSET: hset,
  HGET: ({ keys }, [key = '', field = '']) => keys.hash(key)?.get(field) ?? null,
  HMGET: ({ keys }, [key = '', ...fields]) => fields.map((field) => keys.hash(key)?.get(field) ?? null),
  HGETALL: ({ keys }, [key = '']) => [...(keys.hash(key) ?? [])].flat(),
  HVALS: ({ keys }, [key = '']) => [...(keys.hash(key)?.values() ?? [])],
  HKEYS: ({ keys }, [key = '']) => [...(keys.hash(key)?.keys() ?? [])],
  HDEL: hdel,
  HLEN: ({ keys }, [key = '']) => keys.hash(key)?.size ?? 0,
  HEXISTS: ({ keys }, [key = '', field = '']) => (keys.hash(key)?.has(field) ? 1 : 0),
  HRANDFIELD: hrandfield,
  PUBLISH: ({ publish }, [channel = '', message = '']) => publish(channel, message),
  SCAN: scan,
  FLUSHALL: ({ keys }) => {
    keys.clear();
    return OK;
  },
  DBSIZE: ({ keys }) => keys.keys.length,
};

/** Those that a server which takes no writes refuses. */
export const WRITES: ReadonlySet<string> = new Set(
  (
    'SET SETNX PSETEX GETDEL INCR INCRBY DEL UNLINK PEXPIRE EXPIRE PEXPIREAT EXPIREAT PERSIST ZADD ZREM ' +
    'ZREMRANGEBYSCORE ZREMRANGEBYRANK HSET HDEL FLUSHALL'
  ).split(' '),
);
