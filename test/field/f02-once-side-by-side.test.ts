import { expect, it, vi } from 'vitest';
import { createLockService } from '../../lib/index.js';
import { unique, useRedis } from '../support/redis.js';
import { bothStores } from '../support/stores.js';

const redis = useRedis();

it.each(bothStores(redis))(
  'F2: once, twice side by side inside a lock of that name, is done once ($name)',
  async (store) => {
    await using locks = await createLockService(store.shared());
    const name = unique('invoice');
    const work = vi.fn(async () => 'issued');
    const once = () => locks.once(name, { remember: '1h', reentrant: true, wait: '10s' }, work);
    const results = await locks.run(name, () => Promise.all([once(), once(), once()]));
    expect(results.map(({ status }) => status).sort()).toEqual(['done', 'done', 'ran']);
    expect(work).toHaveBeenCalledTimes(1);
    // It was given back by the outer call, and the mark stays.
    expect((await locks.inspect(name)).holders).toEqual([]);
    expect(await once()).toMatchObject({ status: 'done' });
  },
);

it.each(bothStores(redis))(
  'F2: once in once of the same name, without re-entry, is busy and not done twice ($name)',
  async (store) => {
    await using locks = await createLockService(store.shared());
    const name = unique('invoice');
    const work = vi.fn(async () => locks.once(name, { remember: '1h' }, async () => {}));
    expect(await locks.once(name, { remember: '1h' }, work)).toEqual({ status: 'ran', value: { status: 'busy' } });
    expect(work).toHaveBeenCalledTimes(1);
  },
);
