import { describe, expect, it, vi } from 'vitest';
import { createLockService, type LockOptions } from '../../lib/index.js';
import { unique, useRedis } from '../support/redis.js';
import { bothStores } from '../support/stores.js';

const redis = useRedis();

describe.each(bothStores(redis))('F4: what a nested call asks for ($name)', ({ shared }) => {
  /** The outer options, the inner ones, and what both are called in the message. */
  const refused: [string, LockOptions, LockOptions, string, string][] = [
    ['holdAtLeast', {}, { holdAtLeast: '50s' }, '50000 ms', '0 ms'],
    ['holdAtLeast', { holdAtLeast: '5s' }, { holdAtLeast: '6s' }, '6000 ms', '5000 ms'],
    ['maxHold', {}, { maxHold: '1s' }, '1000 ms', 'Infinity'],
    ['maxHold', { maxHold: '2s' }, { maxHold: '1s' }, '1000 ms', '2000 ms'],
    ['replicas', {}, { replicas: 1 }, '1', '0'],
    ['ttl', { ttl: '30s' }, { ttl: '1m' }, '60000 ms', '30000 ms'],
    ['renew', {}, { renew: false }, 'false', 'true'],
    ['renew', { renew: false }, { renew: true }, 'true', 'false'],
    ['permits', { mode: 'shared' }, { mode: 'shared', permits: 1 }, '1', 'no bound'],
    ['permits', { mode: 'shared', permits: 3 }, { mode: 'shared', permits: 2 }, '2', '3'],
  ];

  it.each(refused)(
    'and the outer lock does not give is refused: %s, %j in %j',
    async (option, outer, inner, wanted, given) => {
      await using locks = await createLockService(shared());
      const name = unique('job');
      const body = vi.fn();
      const error: Error = await locks.run(name, outer, async (lock) => {
        const reason = await locks.run(name, { ...inner, reentrant: true }, body).catch((problem: unknown) => problem);
        expect(lock.held).toBe(true);
        // Nothing of it is left in the way of the next.
        await locks.run(name, { reentrant: true, wait: 0, mode: outer.mode }, () => {});
        return reason as Error;
      });
      expect(error).toMatchObject({ code: 'LOCK_OPTIONS' });
      for (const part of [`\`${option}\``, wanted, given, name]) expect(error.message).toContain(part);
      expect(body).not.toHaveBeenCalled();
    },
  );

  it.each<[LockOptions, LockOptions]>([
    [{ holdAtLeast: 60 }, { holdAtLeast: 50 }],
    [{ maxHold: '1s' }, { maxHold: '1m' }],
    [{ ttl: '1m' }, { ttl: '30s' }],
    [{}, { mode: 'shared' }],
    [{}, { mode: 'shared', permits: 1 }],
    [
      { mode: 'shared', permits: 2 },
      { mode: 'shared', permits: 2 },
    ],
    [{ mode: 'shared' }, { mode: 'shared' }],
    [{ ttl: '5s', maxHold: '1m', holdAtLeast: 50 }, {}],
  ])('and the outer lock gives, or that it does not ask for, is accepted: in %j, %j', async (outer, inner) => {
    await using locks = await createLockService(shared());
    const name = unique('job');
    const nested = () => locks.run(name, { ...inner, reentrant: true, wait: 0 }, () => 'ran');
    expect(await locks.run(name, outer, nested)).toBe('ran');
  });

  it('is compared with what the outer call has made of its lease since', async () => {
    await using locks = await createLockService(shared());
    const name = unique('job');
    await locks.run(name, { ttl: '5s' }, async (lock) => {
      await lock.extend('1m');
      expect(await locks.run(name, { ttl: '30s', reentrant: true }, () => 'ran')).toBe('ran');
    });
  });

  it('by its defaults only is no request', async () => {
    await using locks = await createLockService({
      ...shared(),
      defaults: { ttl: '1m', holdAtLeast: 0, reentrant: true },
    });
    const name = unique('job');
    expect(await locks.run(name, { ttl: '5s' }, () => locks.run(name, () => 'ran'))).toBe('ran');
  });
});
