import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LOCK_SCRIPT } from '../../lib/stores/redis/lock-script.js';
import { Random } from '../faults/random.js';
import { operations } from '../support/lock-script.js';
import { unique, useRedis } from '../support/redis.js';
import { Scheduler } from './machine/scheduler.js';
import { type Reply, ReplyError, Status } from './redis/reply.js';
import { type Peer, SimServer } from './redis/server.js';

const TIMEOUT_MS = 240_000;
const LONG_MS = 600_000;

/** A simulated server, and somebody who asks it. */
function newServer() {
  const scheduler = new Scheduler();
  const server = new SimServer({ scheduler, random: new Random('1'), id: 's1', rate: 1 });
  let answer: Reply = null;
  const peer: Peer = {
    worker: 'w1.1',
    open: true,
    reply: (reply) => {
      answer = reply;
    },
    push: () => {},
    hangUp: () => {},
  };
  server.accept(peer);
  return (...command: (string | number)[]): unknown => {
    // On a real one some time passes.
    scheduler.now += 1;
    server.receive(peer, command.map(String));
    return plain(answer);
  };
}

function plain(reply: Reply): unknown {
  if (reply instanceof Status) return reply.text;
  // Of an error its first word says what it is.
  if (reply instanceof ReplyError) return `error ${reply.message.split(' ')[0]}`;
  return Array.isArray(reply) ? reply.map(plain) : reply;
}

const key = fc.constantFrom('a', 'b');
const member = fc.constantFrom('x', 'y', 'z');
const number = fc.integer({ min: -3, max: 4 }).map(String);
const end = fc.oneof(number, fc.constantFrom('-inf', '+inf', '(1'));
const ms = fc.constantFrom('100000', '200000');
const is = <T extends string>(...words: T[]) => fc.constantFrom(...words);

/** What the script may ask of a server. */
const command = fc.oneof(
  fc.tuple(is('GET', 'STRLEN', 'DEL', 'EXISTS', 'TYPE', 'ZCARD', 'HLEN', 'HGETALL', 'PERSIST', 'INCR'), key),
  fc.tuple(is('SET'), key, member),
  fc.tuple(is('SET'), key, number, is('PX'), ms),
  fc.tuple(is('SET'), key, number, is('EX'), ms, is('GET', 'NX', 'XX')),
  fc.tuple(is('PEXPIRE'), key, ms),
  fc.tuple(is('PEXPIRE'), key, is('50000', '150000'), is('NX', 'XX', 'GT', 'LT')),
  fc.tuple(is('ZADD'), key, number, member),
  fc.tuple(is('ZADD'), key, is('NX', 'XX', 'GT', 'LT'), number, member),
  fc.tuple(is('ZREM', 'ZSCORE', 'ZRANK', 'HGET', 'HDEL', 'HEXISTS'), key, member),
  fc.tuple(is('ZRANGE'), key, number, number),
  fc.tuple(is('ZRANGE'), key, number, number, is('WITHSCORES', 'REV')),
  fc.tuple(is('ZRANGEBYSCORE', 'ZCOUNT', 'ZREMRANGEBYSCORE'), key, end, end),
  fc.tuple(is('ZREMRANGEBYRANK'), key, number, number),
  fc.tuple(is('HSET'), key, member, number),
  fc.tuple(is('HSET'), key, member, number, member, number),
);

/** Bits of Lua whose results differ between versions of it, or are easily got wrong. */
const LUA = [
  'return {tostring(3/1), 10/4, "a" .. 1.5, 2^53, #"abc"}',
  'return {string.format("%.0f %06d %s", 1e15, 42, "x"), string.match("ab#12 3", "^(.*)#(%d+)"), ("x"):rep(3)}',
  'local n = 0; for w in string.gmatch("a bb  c", "%S+") do n = n + #w end; return n',
  'return {string.gsub("a-b-c", "-", "+", 1)}',
  'return {string.find("a.b", ".", 1, true), string.byte("AB", 2), string.sub("hello", -3, -2)}',
  'local t = {1, 2, nil, 4}; return {unpack({5, 6}), select("#", 1, nil), tonumber(" 12 "), tonumber("x") or "none"}',
  'local ok, e = pcall(function() error({err = "MINE is"}) end); return {tostring(ok), type(e), e}',
  'local ok, e = pcall(function() return redis.call("INCR", "not a number") end); return {type(e), e}',
  'local ok, e = pcall(function() error("of its own") end); return e',
  'local ok, e = pcall(function()\n  error("of its own", 0) end); return e',
  'return redis.error_reply("MINE is")',
  'return {1, 2.9, true, false, 3}',
  'local a, b = 1; return {a or 7, b or 8, a and b and 9 or 10}',
  'return string.format("%.14g %g", 1/3, 1e20)',
];

describe('the simulated server', () => {
  const redis = useRedis();

  it('answers as a real one does', { timeout: TIMEOUT_MS }, async () => {
    const property = fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 30 }), async (commands) => {
      const ask = newServer();
      await redis.client.flushall();
      for (const [index, [name, ...rest]] of commands.entries()) {
        // No two lives end together, since on the real one time passes.
        const args =
          name === 'PEXPIRE' ? rest.map((arg) => (/^\d{5}/.test(arg) ? `${+arg + index * 1_000}` : arg)) : rest;
        const real = await redis.client
          .call(name as string, ...args)
          .catch((error: Error) => `error ${error.message.split(' ')[0]}`);
        expect(ask(name as string, ...args), [name, ...args].join(' ')).toEqual(flat(real));
      }
    });
    await fc.assert(property, { numRuns: 400, interruptAfterTimeLimit: 120_000 });
  });

  it.each(LUA)('runs Lua as a real one does: %s', async (script) => {
    const real = await redis.client.eval(script, 0).catch((error: Error) => `error ${error.message.split(' ')[0]}`);
    expect(newServer()('EVAL', script, 0)).toEqual(real);
  });

  // Times and tokens differ between servers; that there is one does not.
  it('runs the script of the locks as a real one does', { timeout: TIMEOUT_MS }, async () => {
    const owner = fc.constantFrom(...['i#1', 'i#2', 'i#3', 'i#4']);
    const terms = fc.record({
      permits: fc.constantFrom(0, 0, 1, 2),
      ttl: fc.constant(LONG_MS),
      alive: fc.constantFrom(0, LONG_MS),
      block: fc.integer({ min: 1, max: 3 }),
    });
    const any = fc.oneof(
      { weight: 5, arbitrary: fc.tuple(owner, terms).map(([who, asked]) => operations.acquire(who, asked)) },
      {
        weight: 3,
        arbitrary: fc.tuple(owner, fc.constantFrom(0, 0, LONG_MS)).map(([who, kept]) => operations.release(who, kept)),
      },
      { weight: 1, arbitrary: owner.map((who) => operations.renew(who, LONG_MS)) },
      { weight: 1, arbitrary: owner.map((who) => operations.withdraw(who)) },
      { weight: 1, arbitrary: fc.constant(operations.inspect()) },
    );
    const seq = owner.map((who) => who.slice(1));
    const step = fc.oneof(
      { weight: 3, arbitrary: any.map((words) => ['any', '', words.join(' ')] as const) },
      { weight: 1, arbitrary: seq.map((short) => ['acquire', `${LONG_MS} 2 ${LONG_MS} 0`, short] as const) },
      { weight: 1, arbitrary: seq.map((short) => ['release', '', short] as const) },
      { weight: 1, arbitrary: seq.map((short) => ['renew', String(LONG_MS), short] as const) },
    );
    const property = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
      const ask = newServer();
      const name = `ns:{${unique('lock')}}`;
      for (const [kind, terms, text] of steps) {
        const keys = [name, 'ns:fence', `${name}:released`];
        const args = [keys.length, ...keys, kind, 'i', 'ns:wake:', '', '1000', terms, text];
        const real = await redis.client.eval(LOCK_SCRIPT, ...(args as [number, string]));
        const numbers = text === 'inspect' ? /\d+/g : /\d{4,}/g;
        // Of two that end in the same ms either may come first, and be named.
        const comparable = (reply: unknown): string =>
          String(reply)
            .replace(numbers, 'N')
            .replace(/^([br] .*) \S+$/, '$1 holder')
            .split('\t')
            .sort()
            .join(' ');
        expect(comparable(ask('EVAL', LOCK_SCRIPT, ...args)), `${kind} ${text}`).toBe(comparable(real));
      }
    });
    await fc.assert(property, { numRuns: 300, interruptAfterTimeLimit: 120_000 });
  });
});

describe('a simulated replica', () => {
  it('has what was held back of the stream as soon as it catches up', async () => {
    const scheduler = new Scheduler();
    const [primary, replica] = ['s1', 's2'].map(
      (id) => new SimServer({ scheduler, random: new Random(id), id, rate: 1 }),
    ) as [SimServer, SimServer];
    primary.promote([replica]);
    const answers: Reply[] = [];
    const peer = { worker: 'w1.1', open: true, reply: (reply: Reply) => answers.push(reply), push() {}, hangUp() {} };
    primary.accept(peer);
    const asked = async (...command: string[]): Promise<Reply | undefined> => {
      const { length } = answers;
      primary.receive(peer, command);
      await scheduler.run(() => answers.length > length);
      return answers.at(-1);
    };
    replica.replicationStopped = true;
    await asked('SET', 'a', '1');
    expect(await asked('WAIT', '1', '100')).toBe(0);
    expect(replica.keys.string('a')).toBeUndefined();
    replica.catchUp();
    expect(replica.keys.string('a')).toBe('1');
    expect(await asked('WAIT', '1', '100')).toBe(1);
  });
});

/** As RESP2 has it. */
function flat(reply: unknown): unknown {
  return Array.isArray(reply) ? reply.flat() : reply;
}
