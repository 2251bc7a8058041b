import { type Chapter, LEASE_AT_MOST_MS } from './harness.js';

/** Names that a store might take for one another, or for something of its own. */
const ODD_NAMES = [
  ...[
    '{',
    '}',
    '{}',
    '}{',
    '{a}',
    '%',
    '%7B',
    '%257B',
    '%00',
    '\u0000',
    '\u0001',
    '\n',
    '\r\n',
    '\t',
    '\u007f',
    '\u0085',
  ],
  ...[' ', '  ', '~', '*', '?', '[a]', '\\', '"', "'", '/', '..', '#', '#1', ':', '::', '}:shared', '\ufeff', '\u200b'],
  ...[':shared', ':queue', ':waiter', ':fence', 'x', 'X', '\u00e9', 'e\u0301', 'ß', 'ss', 'ключ', '鍵', '🔒', '🔑'],
];

export function operatorChapter({ promise, expect }: Chapter): void {
  promise('inspecting a lock that nobody used finds nothing', async ({ here, name }) => {
    expect(await here.store.inspect(name)).toEqual({ holders: [], waiting: [], lastToken: null });
  });

  promise('inspecting tells of the exclusive holder and of those who wait, in order', async ({ here, there, name }) => {
    const holder = here.exclusive(name, { ttl: 60_000, block: 4 });
    const [first, second] = [there.shared(name), here.exclusive(name)];
    const { token } = await holder.take();
    await first.queue();
    await second.queue();
    const { holders, waiting, lastToken } = await there.store.inspect(name);
    expect(holders.map(({ remaining, ...rest }) => rest)).toEqual([
      { owner: holder.owner, mode: 'exclusive', token, retained: false },
    ]);
    expect(holders[0]?.remaining).toBeGreaterThan(0);
    expect(LEASE_AT_MOST_MS).toBeGreaterThan(holders[0]?.remaining ?? Number.POSITIVE_INFINITY);
    expect(waiting.map(({ owner, mode }) => [owner, mode])).toEqual([
      [first.owner, 'shared'],
      [second.owner, 'exclusive'],
    ]);
    expect(waiting.every(({ waited }) => waited >= 0 && waited < 60_000)).toBe(true);
    expect(lastToken).toBe(token);
  });

  promise('inspecting tells of every shared holder', async ({ here, there, name }) => {
    const readers = [here.shared(name, { ttl: 60_000 }), there.shared(name, { ttl: 120_000 })];
    for (const reader of readers) await reader.take();
    const { holders, lastToken } = await here.store.inspect(name);
    const seen = holders.map(({ owner, mode, token, retained }) => [owner, mode, token, retained]);
    expect(new Map(seen.map((holder) => [holder[0], holder]))).toEqual(
      new Map(readers.map(({ owner }) => [owner, [owner, 'shared', lastToken, false]])),
    );
  });

  promise('a lock that was released has no token any more', async ({ here, name }) => {
    const holder = here.exclusive(name);
    const { token } = await holder.take();
    await holder.release();
    expect(token).toBeGreaterThan(0);
    expect(await here.store.inspect(name)).toEqual({ holders: [], waiting: [], lastToken: null });
  });

  promise('force ends the hold, tells its holder, and serves the next', async ({ here, there, name }) => {
    const [holder, waiter] = [here.exclusive(name, { block: 2 }), there.exclusive(name)];
    const { token } = await holder.take();
    await waiter.queue();
    expect(await there.store.force(name, token)).toBe(true);
    await holder.revocation();
    expect((await waiter.grant()).token).toBeGreaterThan(token + 1);
    expect([await holder.renew(), await holder.release()]).toEqual([false, false]);
  });

  promise('force ends all shared holds', async ({ here, there, name }) => {
    const [reader, other] = [here.shared(name), there.shared(name)];
    const { token } = await reader.take();
    await other.take();
    expect(await here.store.force(name, token)).toBe(true);
    await reader.revocation();
    await other.revocation();
    expect((await there.exclusive(name).take()).token).toBeGreaterThan(token);
  });

  promise('force ends what is kept after a release, and tells nobody', async ({ here, there, name }) => {
    for (const mode of ['exclusive', 'shared'] as const) {
      const holder = here[mode](name);
      const { token } = await holder.take();
      await holder.release(60_000);
      expect(await there.store.force(name, token)).toBe(true);
      const next = here[mode](name);
      const { token: nextToken } = await next.take();
      expect(nextToken).toBeGreaterThan(token);
      expect(await there.store.force(name, nextToken)).toBe(true);
      // Messages to one process keep their order: by now that for the former holder would have come.
      await next.revocation();
      expect(here.revoked.has(holder.owner)).toBe(false);
    }
  });

  promise('force refuses when another token is the last one', async ({ here, there, name }) => {
    const holder = here.exclusive(name);
    const { token } = await holder.take();
    for (const expected of [token - 1, token + 1, null]) expect(await there.store.force(name, expected)).toBe(false);
    expect(await holder.renew()).toBe(true);
  });

  promise('a repeated force does not touch the next holder', async ({ here, there, name }) => {
    for (const mode of ['exclusive', 'shared'] as const) {
      const [holder, waiter] = [here[mode](name, { permits: 1 }), there[mode](name, { permits: 1 })];
      const { token } = await holder.take();
      await waiter.queue();
      expect(await here.store.force(name, token)).toBe(true);
      await waiter.grant();
      expect(await here.store.force(name, token)).toBe(false);
      expect(await waiter.release()).toBe(true);
    }
  });

  promise('force has nothing to end where nobody holds', async ({ here, name }) => {
    expect(await here.store.force(name, null)).toBe(false);
    const holder = here.exclusive(name);
    const { token } = await holder.take();
    await holder.release();
    expect(await here.store.force(name, token)).toBe(false);
  });

  promise(
    'locks of different names know nothing of each other, however odd the names',
    async ({ here, there, name }) => {
      const names = ODD_NAMES.flatMap((odd) => [name + odd, odd + name, `${name}:${odd}`, `{${odd}}${name}`]);
      const holders = new Map([...new Set(names)].map((each) => [each, here.exclusive(each)]));
      for (const holder of holders.values()) await holder.take();
      for (const [each, holder] of holders) {
        const waiter = there.exclusive(each);
        expect((await waiter.queue()).holder).toBe(holder.owner);
        expect(await holder.release()).toBe(true);
        expect((await waiter.hold())?.owner).toBe(waiter.owner);
      }
    },
  );
}
