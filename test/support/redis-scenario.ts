import type { Redis } from 'ioredis';
import { expect } from 'vitest';
import type { Duration, LockService } from '../../lib/index.js';
import { until } from './event.js';

/** Of all that services do with Redis, once each. `one` and `two` exclude each other. `long`: the ttl of what stays. */
export async function exerciseLocks(one: LockService, two: LockService, long: Duration = '1m'): Promise<void> {
  const lock = await one.acquire('n');
  expect(lock.fencingToken).toBeGreaterThan(1e15);
  expect(await two.tryAcquire('n')).toBeNull();
  expect((await two.inspect('n')).holders).toMatchObject([{ mode: 'exclusive', token: lock.fencingToken }]);
  await lock.extend(long);

  const waiting = two.acquire('n', { ttl: long });
  await until(async () => (await one.inspect('n')).waiting.length === 1, { describe: 'a waiter' });
  expect(await lock.release()).toBe(true);
  const next = await waiting;
  expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
  const { signal } = next;
  expect(await one.forceRelease('n')).toBe(true);
  await until(() => signal.aborted, { describe: 'the loss' });
  expect(await next.release()).toBe(false);

  const options = { mode: 'shared', permits: 2 } as const;
  const shares = [await one.acquire('n', options), await two.acquire('n', options)];
  expect(await one.tryAcquire('n', options)).toBeNull();
  for (const share of shares) expect(await share.release()).toBe(true);
  expect(await two.inspect('n')).toMatchObject({ holders: [], waiting: [] });

  const kept = await one.acquire('n', { holdAtLeast: 1_000 });
  expect(await kept.release()).toBe(true);
  expect(await two.tryAcquire('n')).toBeNull();
  expect(await one.forceRelease('n')).toBe(true);
}

/** The connections that the server has, but for that of `client`. */
export async function connections(client: Redis): Promise<string[]> {
  const own = await client.client('ID');
  const list = String(await client.client('LIST'))
    .trim()
    .split('\n');
  return list.filter((line) => !line.startsWith(`id=${own} `));
}
