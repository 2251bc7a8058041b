import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  createLockService,
  type JournalOptions,
  LockOptionsError,
  type LockService,
  type LockStore,
  MemoryLockStore,
} from '../../lib/index.js';

const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('The journal', () => {
  let store: MemoryLockStore;
  const services: LockService[] = [];

  async function open(journal: JournalOptions | undefined = {}, instance = 'here'): Promise<LockService> {
    const service = await createLockService({ store, instance, shutdownGrace: 0, journal });
    services.push(service);
    return service;
  }

  /** What is noted once all that happened is written. */
  async function noted(filter?: { name?: string; since?: Date | number }): Promise<string[]> {
    await Promise.all(services.splice(0).map((service) => service.close()));
    const reader = await open(undefined, 'reader');
    const entries = await reader.journal(filter);
    return entries.map(({ what, name, why, instance }) => `${instance}: ${name} ${what}${why ? ` (${why})` : ''}`);
  }

  beforeEach(() => {
    store = new MemoryLockStore();
  });
  afterEach(async () => {
    await Promise.all(services.splice(0).map((service) => service.close()));
  });

  it('has what an operator asks about, of all processes', async () => {
    const [here, there] = [await open(), await open({}, 'there')];
    await here.acquire('lost');
    await there.forceRelease('lost');
    await there.tryAcquire('other');
    expect(await here.tryRun('other', { label: 'nightly' }, () => undefined)).toEqual({ acquired: false });
    await here.once('done', { remember: '1m' }, () => undefined);
    await there.once('done', { remember: '1m' }, () => undefined);
    const election = here.elect('leader', { onElected: () => undefined });
    await vi.waitFor(() => expect(election.isLeader).toBe(true));
    await election.resign();
    await soon();
    expect((await noted()).sort()).toEqual([
      'here: leader deposed (resigned)',
      'here: leader elected',
      'here: lost lost (forced)',
      'here: other busy',
      'here: other skipped (busy)',
      'there: done skipped (done)',
      'there: other lost (released)',
    ]);
  });

  it('tells when, where, for how long and who', async () => {
    const [here, there] = [await open(), await open({}, 'there')];
    await there.acquire('door');
    await here.run('door', { label: 'doors', wait: 20 }, () => undefined).catch(() => {});
    await here.close();
    const [entry] = await there.journal({ name: 'door' });
    expect(entry).toEqual({
      at: expect.any(Date),
      what: 'busy',
      name: 'door',
      label: 'doors',
      instance: 'here',
      waited: expect.any(Number),
      holders: ['there'],
    });
    expect(Math.abs((entry?.at.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  it('has long waits and holds, and no short ones', async () => {
    const short = await open({ longWait: Number.POSITIVE_INFINITY, longHold: Number.POSITIVE_INFINITY }, 'short');
    await short.run('short', () => undefined);
    const here = await open({ longWait: 30, longHold: 30 });
    const lock = await here.acquire('long');
    const waiting = here.acquire('long');
    await new Promise((resolve) => setTimeout(resolve, 60));
    await lock.release();
    await (await waiting).release();
    const all = await noted();
    expect(all.slice(0, 2)).toEqual(['here: long waited', 'here: long held']);
    expect(all.filter((each) => each.startsWith('short'))).toEqual([]);
  });

  it('keeps the last notes, and tells those of a name and since a time', async () => {
    const here = await open({ keep: 3 });
    await here.acquire('a');
    for (let count = 0; count < 5; count += 1) await here.tryRun('a', () => undefined);
    expect((await noted()).length).toBe(3);
    expect(await noted({ name: 'b' })).toEqual([]);
    expect(await noted({ since: Date.now() + 60_000 })).toEqual([]);
    expect((await noted({ since: new Date(0) })).length).toBe(3);
  });

  it('is written again when the store was away, which is said once', async () => {
    const warn = vi.fn();
    let away = true;
    class Away extends MemoryLockStore {
      override async note(...note: Parameters<MemoryLockStore['note']>): Promise<void> {
        if (away) throw new Error('away');
        await super.note(...note);
      }
    }
    store = new Away();
    const logger = { warn, error: vi.fn() };
    const here = await createLockService({ store, logger, journal: {}, shutdownGrace: 0 });
    services.push(here);
    await here.acquire('a');
    await here.tryAcquire('a');
    await vi.waitFor(() => expect(warn).toHaveBeenCalledOnce(), { timeout: 5_000 });
    expect(warn.mock.calls[0]?.[0]).toMatch(/journal.*\(away\).*again/);
    await here.tryAcquire('a');
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(warn).toHaveBeenCalledOnce();
    away = false;
    await here.tryAcquire('a');
    await vi.waitFor(async () => expect((await here.journal({ name: 'a' })).length).toBe(3), { timeout: 5_000 });
  });

  it('writes nothing without the option', async () => {
    const note = vi.spyOn(store, 'note');
    const here = await createLockService({ store });
    services.push(here);
    await here.acquire('a');
    await here.tryAcquire('a');
    await here.close();
    expect(note).not.toHaveBeenCalled();
  });

  it('leaves out what others have written there', async () => {
    await store.note(['no JSON', '7', '{"what":1}'], 10);
    expect(await noted()).toEqual([]);
  });

  it.each([[{ keep: 0 }], [{ keep: 10_001 }], [{ longWait: 'x' }], [{ longHold: 0 }], [{ kept: 1 }], [true]])(
    'has no options %j',
    async (journal) => {
      await expect(open(journal as JournalOptions)).rejects.toThrow(LockOptionsError);
    },
  );

  it('is refused at boot by a store that keeps no notes, with a remedy', async () => {
    const { acquire, renew, release, withdraw, inspect, force, subscribe } = store;
    const methods = Object.entries({ acquire, renew, release, withdraw, inspect, force, subscribe });
    const poor = Object.fromEntries(methods.map(([key, method]) => [key, method.bind(store)])) as unknown as LockStore;
    await expect(createLockService({ store: poor, journal: {} })).rejects.toThrow(/`journal` needs a store .*note\(\)/);
  });
});
