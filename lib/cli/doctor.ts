import { randomUUID } from 'node:crypto';
import { LockError, LockUnavailableError } from '../core/errors.js';
import type { LockService } from '../service/lock-service.js';
import { durationOf } from './terminal.js';

/** What is asked of the client beside locks. */
export interface InfoClient {
  info(section: string): Promise<string>;
  time(): Promise<readonly (string | number)[]>;
}

/** `look`: it works, and may not be what is wanted. */
export interface Finding {
  readonly state: 'ok' | 'look' | 'bad';
  readonly what: string;
  readonly remedy?: string;
}

const OLDEST = { redis: [7, 0], valkey: [7, 2] } as const;
/** Clocks that differ by more than this make logs hard to compare, and tokens that are read as times. */
const CLOCK_MS = 1_000;
const RIGHTS = 'docs/redis-rights.md has the rule that the user needs.';

/** Looks at a Redis, and takes some locks on it, under names that nobody else uses. */
export async function* examine(
  locks: LockService,
  another: () => Promise<LockService>,
  client: InfoClient,
): AsyncGenerator<Finding> {
  const info = await infoOf(client);
  if (info) {
    yield version(info);
    yield role(info);
    yield eviction(info);
    yield persistence(info);
  } else {
    yield { state: 'look', what: 'The user may not ask for INFO: version, memory and persistence were not looked at.' };
  }
  yield await clock(client);
  const other = await another();
  const name = `doctor:${randomUUID()}`;
  yield await works('Locks are taken, refused while they are held, and released', () => exclusive(locks, other, name));
  yield await works('Shared locks are taken and released', () => shared(locks, name));
  yield await works('A release grants the lock to the next in line by a message', () => message(locks, other, name));
  yield await works('Work is marked as done, and the mark is removed (`once`)', () => mark(locks, name));
  yield await works('Locks are listed (`list`)', () => listed(locks, name), 'look');
}

async function infoOf(client: InfoClient): Promise<ReadonlyMap<string, string> | undefined> {
  try {
    const sections = ['server', 'memory', 'persistence', 'replication'];
    const text = (await Promise.all(sections.map((section) => client.info(section)))).join('\n');
    return new Map(
      [...text.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, key, value]) => [key as string, value as string] as const),
    );
  } catch {
    return undefined;
  }
}

function version(info: ReadonlyMap<string, string>): Finding {
  const valkey = info.get('valkey_version');
  const product = valkey ? 'Valkey' : 'Redis';
  const found = valkey ?? info.get('redis_version') ?? '0';
  const [major, minor] = valkey ? OLDEST.valkey : OLDEST.redis;
  const [isMajor = 0, isMinor = 0] = found.split('.').map(Number);
  const isRecent = isMajor > major || (isMajor === major && isMinor >= minor);
  const what = `${product} ${found}, ${info.get('redis_mode') ?? 'standalone'}`;
  return isRecent
    ? { state: 'ok', what }
    : { state: 'bad', what, remedy: `Use ${product} ${major}.${minor} or later.` };
}

function role(info: ReadonlyMap<string, string>): Finding {
  if (info.get('role') !== 'master') {
    return {
      state: 'bad',
      what: 'This server is a replica.',
      remedy: 'Give the address of the primary, or of Sentinels.',
    };
  }
  const replicas = Number(info.get('connected_slaves') ?? 0);
  if (replicas === 0) return { state: 'ok', what: 'A primary without replicas' };
  return {
    state: 'ok',
    what: `A primary with ${replicas} ${replicas === 1 ? 'replica' : 'replicas'}: a fail-over may forget a lock that was just granted, unless \`replicas: 1\` is asked for`,
  };
}

function eviction(info: ReadonlyMap<string, string>): Finding {
  const policy = info.get('maxmemory_policy') ?? 'unknown';
  if (policy === 'noeviction') return { state: 'ok', what: 'Nothing is evicted (maxmemory-policy noeviction)' };
  const isBounded = Number(info.get('maxmemory') ?? 0) > 0;
  return {
    state: isBounded ? 'bad' : 'look',
    what: `maxmemory-policy is ${policy}${isBounded ? '' : ', and no maxmemory is set'}`,
    remedy: 'CONFIG SET maxmemory-policy noeviction: a lock that is evicted is free for everybody.',
  };
}

function persistence(info: ReadonlyMap<string, string>): Finding {
  if (info.get('aof_enabled') === '1') return { state: 'ok', what: 'Writes are logged (appendonly yes)' };
  return {
    state: 'look',
    what: 'Writes are not logged: a server that restarts forgets its locks, or has older ones',
    remedy: 'appendonly yes, where work must not run twice after a crash of the server (docs/guarantees.md).',
  };
}

async function clock(client: InfoClient): Promise<Finding> {
  try {
    const before = Date.now();
    const [seconds, micros] = (await client.time()).map(Number) as [number, number];
    const took = Date.now() - before;
    const off = Math.round(seconds * 1_000 + micros / 1_000 - before - took / 2);
    const differs = Math.abs(off) > CLOCK_MS;
    const what = `The clock of the server differs from this machine's by ${durationOf(Math.abs(off))}; a round trip took ${durationOf(took)}`;
    return differs
      ? { state: 'look', what, remedy: 'Leases do not depend on it, but times in lists and logs do: run NTP on both.' }
      : { state: 'ok', what };
  } catch {
    return { state: 'look', what: 'The user may not ask for TIME: the clocks were not compared.' };
  }
}

async function works(what: string, work: () => Promise<void>, otherwise: 'bad' | 'look' = 'bad'): Promise<Finding> {
  try {
    await work();
    return { state: 'ok', what };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const cause = error instanceof LockUnavailableError && error.cause instanceof Error ? error.cause.message : '';
    const isRight = /NOPERM|no permissions|can't run this command/i.test(error.message + cause);
    const problem = error instanceof LockError || error instanceof Failure ? error.message : String(error);
    return { state: otherwise, what: `${what}: no. ${problem}`, ...(isRight && { remedy: RIGHTS }) };
  }
}

class Failure extends Error {}

function assert(condition: boolean, problem: string): void {
  if (!condition) throw new Failure(problem);
}

async function exclusive(locks: LockService, other: LockService, name: string): Promise<void> {
  await using lock = await locks.acquire(name, { ttl: '5s', wait: 0 });
  assert((await other.tryAcquire(name)) === null, 'Two had it at once.');
  assert(await lock.release(), 'It was lost meanwhile.');
}

async function shared(locks: LockService, name: string): Promise<void> {
  const options = { ttl: '5s', wait: 0, mode: 'shared', permits: 2 } as const;
  const held = [await locks.acquire(name, options), await locks.acquire(name, options)];
  assert((await locks.tryAcquire(name, options)) === null, 'More had it than may.');
  for (const lock of held) assert(await lock.release(), 'It was lost meanwhile.');
}

async function message(locks: LockService, other: LockService, name: string): Promise<void> {
  await using lock = await locks.acquire(name, { ttl: '5s', wait: 0 });
  const next = other.acquire(name, { ttl: '5s', wait: '4s' });
  let isProven = false;
  for (let tries = 0; tries < 200 && !isProven; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    isProven = other.locker.storeStatus.messagesProven === true;
  }
  await lock.release();
  await (await next).release();
  assert(
    isProven,
    'Messages do not arrive: waiters ask every few seconds. Look for what lies between, and the channels of the user.',
  );
}

async function mark(locks: LockService, name: string): Promise<void> {
  await locks.once(name, { remember: '5s', ttl: '5s' }, () => undefined);
  assert(await locks.forget(name), 'The mark was not there.');
}

async function listed(locks: LockService, name: string): Promise<void> {
  await using _ = await locks.acquire(name, { ttl: '5s', wait: 0 });
  assert((await locks.list(name)).locks.length === 1, 'What is held is not in the list.');
}
