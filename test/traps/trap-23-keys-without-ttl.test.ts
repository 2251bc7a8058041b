import { setImmediate } from 'node:timers/promises';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLockService, Locked, type LockModuleOptions, type LockOptions } from '../../lib/index.js';
import { Connection } from '../../lib/stores/redis/connection.js';
import { RedisLockStore } from '../../lib/stores/redis/redis-lock-store.js';
import { until } from '../support/event.js';
import { unique, useRedis } from '../support/redis.js';
import { bothStores, quiet } from '../support/stores.js';

/** The fence lives for a little more than a day. */
const LONGEST = 100_000_000;

// How many keys match ARGV[1], and those of them that have no ttl or one that is longer than ARGV[2].
const LOOK = `
local keys = redis.call('KEYS', ARGV[1])
local endless = {}
for _, key in ipairs(keys) do
  local ttl = redis.call('PTTL', key)
  if ttl == -1 or ttl > tonumber(ARGV[2]) then endless[#endless + 1] = key .. ' ' .. ttl end
end
return { #keys, endless }`;

describe('trap 23: a key without a ttl', () => {
  const redis = useRedis();

  async function look(pattern: string): Promise<{ keys: number; endless: string[] }> {
    const [keys, endless] = (await redis.client.eval(LOOK, 0, pattern, LONGEST)) as [number, string[]];
    return { keys, endless };
  }

  it('every key ends by itself after every operation, whatever came before', async () => {
    const namespace = unique('ns');
    const connection = await Connection.open(redis.url, quiet);
    const port = new RedisLockStore({ connection, namespace, commandTimeout: 5_000, logger: quiet });
    await port.inspect('ready');
    const owner = fc.integer({ min: 1, max: 4 });
    const permits = fc.constantFrom(0, 0, 1, 3);
    const operation = fc.oneof(
      fc.record({ call: fc.constant('acquire' as const), owner, permits, alive: fc.constantFrom(0, 5_000) }),
      fc.record({ call: fc.constant('release' as const), owner, retain: fc.constantFrom(0, 30_000) }),
      fc.record({ call: fc.constantFrom('renew' as const, 'withdraw' as const, 'force' as const), owner }),
      fc.record({ call: fc.constantFrom('inspect' as const, 'loseHolder' as const), owner }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 5, maxLength: 30 }), async (operations) => {
        const name = unique('lock');
        for (const each of operations) {
          const owned = { name, owner: `nobody-listens#${each.owner}` };
          if (each.call === 'acquire') {
            const { permits, alive } = each;
            await port.acquire({ ...owned, permits, ttl: 60_000, alive, ticket: 0, attempt: 1, block: 4 });
          } else if (each.call === 'release') await port.release({ ...owned, retain: each.retain });
          else if (each.call === 'renew') await port.renew({ ...owned, ttl: 60_000 });
          else if (each.call === 'withdraw') await port.withdraw(owned);
          else if (each.call === 'force') await port.force(name, (await port.inspect(name)).lastToken);
          else if (each.call === 'inspect') await port.inspect(name);
          else await redis.client.del(`${namespace}:{${name}}`);
          expect((await look(`${namespace}:{${name}}*`)).endless, JSON.stringify(operations)).toEqual([]);
        }
      }),
      { numRuns: 60 },
    );
    await port.close();
  });

  it('every key ends by itself at every moment of a busy hour', async () => {
    const options = { redis: redis.url, namespace: unique('ns'), logger: quiet };
    const services = await Promise.all([1, 2, 3].map(() => createLockService(options)));
    const kinds: LockOptions[] = [
      {},
      { ttl: 60 },
      { mode: 'shared' },
      { mode: 'shared', permits: 2, ttl: 90 },
      { holdAtLeast: 5 },
      { mode: 'shared', holdAtLeast: 5 },
      { wait: 3 },
      { ttl: 40, renew: false, onLost: 'ignore' },
      { maxHold: 30, onLost: 'ignore' },
    ];
    let busy = services.length * kinds.length;
    for (const [index, service] of services.entries()) {
      for (const kind of kinds) {
        void (async () => {
          for (let round = 0; round < 15; round += 1) {
            const body = async (): Promise<void> => {
              for (let turn = 0; turn < round; turn += 1) await setImmediate();
            };
            await service.run(`name-${(round + index) % 2}`, { wait: '20s', ...kind }, body).catch(() => {});
          }
          busy -= 1;
        })();
      }
    }
    let seen = 0;
    await until(
      async () => {
        const { keys, endless } = await look(`${options.namespace}:*`);
        expect(endless).toEqual([]);
        seen = Math.max(seen, keys);
        return busy === 0;
      },
      { describe: 'all the work to be done', within: 100_000 },
    );
    expect(seen).toBeGreaterThan(4);
    await Promise.all(services.map((service) => service.close()));
  }, 120_000);

  const WRONG = [
    0,
    -1,
    Number.NaN,
    Number.NEGATIVE_INFINITY,
    '0s',
    '-1s',
    '',
    'soon',
    '5',
    '1w',
    'Infinity',
    1e300,
    null,
    true,
    [],
    {},
  ];
  const wrong = (key: keyof LockOptions, values: unknown[]) =>
    values.map((value) => [key, inspect(value), { [key]: value } as LockOptions] as const);
  const REFUSED = [
    ...wrong('ttl', [...WRONG, Number.POSITIVE_INFINITY, 2 ** 53, '999999999999d']),
    ...wrong('maxHold', WRONG),
    ...wrong(
      'wait',
      WRONG.filter((value) => value !== 0 && value !== '0s'),
    ),
    ...wrong('holdAtLeast', [...WRONG.filter((value) => value !== 0 && value !== '0s'), Number.POSITIVE_INFINITY]),
  ];

  describe.each(bothStores(redis))('in $name', (store) => {
    it.each(REFUSED)('refuses the %s %s before anything is written', async (option, _value, options) => {
      await using service = await createLockService(store.shared());
      const refusal = { code: 'LOCK_OPTIONS', message: expect.stringContaining(`\`${option}\``) };
      let ran = false;
      const body = async (): Promise<void> => {
        ran = true;
      };
      await expect(service.acquire('a', options)).rejects.toMatchObject(refusal);
      await expect(service.tryAcquire('a', options)).rejects.toMatchObject(refusal);
      await expect(service.run('a', options, body)).rejects.toMatchObject(refusal);
      await expect(service.tryRun('a', options, body)).rejects.toMatchObject(refusal);
      await expect(createLockService({ ...store.shared(), defaults: options })).rejects.toMatchObject(refusal);
      expect(() => Locked('a', options)({}, 'method', { value: async () => {} })).toThrow(
        expect.objectContaining(refusal),
      );
      expect(ran).toBe(false);
      expect(await service.inspect('a')).toMatchObject({ holders: [], lastToken: null });
    });

    it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, '0s', 'soon', null])(
      'refuses to extend by %o, and keeps the lease that it has',
      async (ttl) => {
        await using service = await createLockService(store.shared());
        const lock = await service.acquire('a', { ttl: '1m' });
        await expect(lock.extend(ttl as number)).rejects.toMatchObject({ code: 'LOCK_OPTIONS' });
        expect(lock.held).toBe(true);
        expect((await service.inspect('a')).holders[0]?.remaining).toBeGreaterThan(0);
        expect(await lock.release()).toBe(true);
      },
    );
  });

  it.each<[string, Partial<LockModuleOptions>]>([
    ['commandTimeout', { commandTimeout: 0 }],
    ['commandTimeout', { commandTimeout: Number.POSITIVE_INFINITY }],
    ['shutdownGrace', { shutdownGrace: -1 }],
    ['localHandOver.within', { localHandOver: { within: Number.NaN } }],
  ])('refuses a wrong %s of the service (%j)', async (option, options) => {
    const service = createLockService({ redis: redis.url, ...options } as LockModuleOptions);
    await expect(service).rejects.toMatchObject({ code: 'LOCK_OPTIONS', message: expect.stringContaining(option) });
  });
});
