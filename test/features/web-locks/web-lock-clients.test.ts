// What the web platform tests ask of frames and workers: clients of one store, of which some end.
import { describe, expect, it } from 'vitest';
import { until } from '../../support/event.js';
import { useRedis } from '../../support/redis.js';
import { bothStores } from '../../support/stores.js';
import { openClients, Take } from '../../support/web-clients.js';

const redis = useRedis();

describe.each(bothStores(redis))('Clients of one store (on $name)', (store) => {
  it('exclude each other, and share what is shared', async () => {
    const [here, there] = await openClients(store.shared(), 2);
    await new Take(here!.locks, 'exclusive').granted;
    await new Take(here!.locks, 'shared', { mode: 'shared' }).granted;
    const attempt = (name: string): Promise<string | undefined> =>
      there!.locks.request(name, { mode: 'shared', ifAvailable: true }, (lock) => lock?.name);
    expect(await attempt('exclusive')).toBeUndefined();
    expect(await attempt('shared')).toBe('shared');
  });

  it('leave to the others what they held, and their places in the queue, when they end', async () => {
    const [here, there] = await openClients(store.shared(), 2);
    const held = new Take(there!.locks, 'a');
    await held.granted;
    const dropped = new Take(there!.locks, 'a');
    expect((await there!.locks.query()).pending).toHaveLength(1);
    const mine = new Take(here!.locks, 'a');
    expect((await here!.locks.query()).pending).toHaveLength(2);
    await there!.service.close();
    await mine.granted;
    await expect(held.result).rejects.toMatchObject({ name: 'AbortError', cause: { why: 'released' } });
    await expect(dropped.result).rejects.toMatchObject({ code: 'LOCK_CLOSED' });
    expect(dropped.called).toBe(false);
    expect(await until(async () => (await here!.locks.query()).pending.length === 0)).toBe(true);
    await expect(there!.locks.request('a', () => {})).rejects.toMatchObject({ code: 'LOCK_CLOSED' });
  });

  it('hand a lock to and fro, one at a time', async () => {
    const clients = await openClients(store.shared(), 3);
    let inside = 0;
    let most = 0;
    const visit = async (): Promise<void> => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise(setImmediate);
      inside -= 1;
    };
    const rounds = Array.from({ length: 10 }, () => clients.map(({ locks }) => locks.request('a', visit))).flat();
    await Promise.all(rounds);
    expect(most).toBe(1);
  });
});
