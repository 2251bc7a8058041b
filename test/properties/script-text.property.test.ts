import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLockService, type LockService } from '../../lib/index.js';
import { until } from '../support/event.js';
import { unique, useRedis } from '../support/redis.js';
import { traces } from '../support/redis-observe.js';
import { quiet } from '../support/stores.js';

/** What the text that goes to the script and comes back gives a meaning to, or may take one from. */
const ODD = [...' \n\t\r\0#~"\'%{}:\\/<>+-01e\u007f\u0085\u2028\u2029\ufeffé鍵🔒'];
const oddText = fc.oneof(
  fc.string({ unit: fc.constantFrom(...ODD), minLength: 1, maxLength: 8 }),
  fc.constantFrom(
    'e ',
    'b 1 2 3 x',
    'g 1 2',
    '1\n1',
    'acquire 0 x#1 1 1',
    '#1',
    '~x#1',
    'x#1 5',
    '%00',
    '%s%n',
    '\t\t',
  ),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }),
);
/** Labels of instances: no control characters, and none that cannot be seen. */
const label = oddText.map((text) => text.replace(/\p{C}/gu, '')).filter((text) => text !== '');

const HEX = 'a'.repeat(32);

describe('the texts between the client and its script', () => {
  const redis = useRedis();
  const namespace = unique('ns');
  let one: LockService;
  let two: LockService;
  const services: LockService[] = [];
  async function open(instance: string, space = namespace): Promise<LockService> {
    const service = await createLockService({ redis: redis.url, namespace: space, instance, logger: quiet });
    services.push(service);
    return service;
  }
  beforeAll(async () => {
    [one, two] = await Promise.all([open('one'), open('two')]);
  });
  afterAll(() => Promise.all(services.map((service) => service.close())));

  /** All that is said of a lock, with names of its own and neighbours in the same call. */
  async function expectUnderstood(holder: LockService, waiter: LockService, names: string[], labels: [string, string]) {
    const locks = await Promise.all(names.map((name) => holder.acquire(name, { ttl: '1m' })));
    const waiting = names.map((name) => waiter.acquire(name, { ttl: '1m', wait: '1m' }));
    const states = () => Promise.all(names.map((name) => holder.inspect(name)));
    await until(async () => (await states()).every((state) => state.waiting.length === 1), { describe: 'all waiters' });
    for (const [index, state] of (await states()).entries()) {
      expect(state).toMatchObject({
        holders: [{ instance: labels[0], mode: 'exclusive', token: locks[index]!.fencingToken, retained: false }],
        waiting: [{ instance: labels[1], mode: 'exclusive' }],
      });
    }
    await expect(waiter.run(names[0]!, { wait: 0 }, () => {})).rejects.toMatchObject({ code: 'LOCK_BUSY' });
    expect(await Promise.all(locks.map((lock) => lock.release()))).toEqual(names.map(() => true));
    const next = await Promise.all(waiting);
    for (const [index, lock] of next.entries()) {
      expect(lock.fencingToken).toBeGreaterThan(locks[index]!.fencingToken);
    }
    expect(await Promise.all(next.map((lock) => lock.release()))).toEqual(names.map(() => true));
  }

  it('no name changes what is understood, of its own lock or of its neighbours', { timeout: 120_000 }, async () => {
    const names = fc.uniqueArray(oddText, { minLength: 1, maxLength: 5 });
    const property = fc.asyncProperty(names, (each) => expectUnderstood(one, two, each, ['one', 'two']));
    await fc.assert(property, { numRuns: 150, interruptAfterTimeLimit: 60_000 });
    expect(await traces(redis.client, namespace)).toEqual([]);
  });

  it('no label changes what is understood, and inspect gives it back as it is', { timeout: 120_000 }, async () => {
    const property = fc.asyncProperty(label, label, async (a, b) => {
      const space = unique('ns');
      await using holder = await open(a, space);
      await using waiter = await open(b, space);
      await expectUnderstood(holder, waiter, ['n', 'm'], [a, b]);
    });
    await fc.assert(property, { numRuns: 40, interruptAfterTimeLimit: 60_000 });
  });

  /** What another program may have written: a text that is none of ours, and texts that look like ours. */
  const foreign = fc.oneof(
    oddText,
    fc.string({ unit: 'binary', minLength: 1, maxLength: 200 }),
    fc.tuple(oddText, fc.nat()).map(([text, token]) => `${text} ${token}`),
    fc.tuple(oddText, fc.nat()).map(([text, token]) => `${HEX}.${text}#1 ${token}`),
    fc.integer({ min: 100, max: 5_000 }).map((length) => `${HEX}.${'x'.repeat(length)}#1 5`),
  );

  async function expectBusy(text: string): Promise<void> {
    const [name, neighbour] = [unique('lock'), unique('lock')];
    await redis.client.set(`${namespace}:{${name}}`, text, 'PX', 60_000);
    const [tried, busy, state, lock] = await Promise.all([
      one.tryAcquire(name),
      one.acquire(name, { wait: 0 }).catch((error: unknown) => error),
      two.inspect(name),
      one.acquire(neighbour),
    ]);
    expect(await lock.release()).toBe(true);
    expect(tried).toBeNull();
    expect(busy).toMatchObject({ code: 'LOCK_BUSY' });
    expect((busy as Error).message.length).toBeLessThan(1_000);
    expect(state.holders).toHaveLength(1);
    expect([...state.holders[0]!.instance].length).toBeLessThanOrEqual(64);
  }

  it.each([
    ['a line separator that JavaScript knows and Lua does not', 'x\u2028y'],
    ['an owner of ours with a label that cannot be decoded', `${HEX}.%ZZ#1 5`],
    ['an owner of ours with an endless label', `${HEX}.${'x'.repeat(3_000)}#1 5`],
  ])('a holder that another program wrote, with %s: busy, told in few words', async (_, text) => {
    await expectBusy(text);
  });

  it('whatever another program wrote as the holder: busy, told in few words, and neighbours are not hurt', async () => {
    await fc.assert(fc.asyncProperty(foreign, expectBusy), { numRuns: 500, interruptAfterTimeLimit: 60_000 });
  });
});
