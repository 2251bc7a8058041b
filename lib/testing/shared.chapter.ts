import { setTimeout as sleep } from 'node:timers/promises';
import { type Chapter, LEASE_AT_MOST_MS } from './harness.js';

const SHORT_MS = 200;
const CLOCK_MS = 10;

export function sharedChapter({ promise, expect }: Chapter): void {
  promise('any number of shared holders have it together', async ({ here, there, name }) => {
    const readers = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? here : there).shared(name));
    for (const reader of readers) await reader.take();
    expect((await here.store.inspect(name)).holders.length).toBe(20);
  });

  promise('with permits, so many have it and no more', async ({ here, there, name }) => {
    const [first, second, third] = [here, there, here].map((peer) => peer.shared(name, { permits: 2 }));
    await first?.take();
    await second?.take();
    expect((await third?.try())?.granted).toBe(false);
    await first?.release();
    expect((await third?.try())?.granted).toBe(true);
  });

  promise('whoever comes counts the holders against its own permits', async ({ here, there, name }) => {
    const [first, second] = [here.shared(name), there.shared(name)];
    await first.take();
    await second.take();
    for (const permits of [1, 2]) expect((await there.shared(name, { permits }).try()).granted).toBe(false);
    expect((await there.shared(name, { permits: 3 }).try()).granted).toBe(true);
  });

  promise('whoever comes has to fit the permits of everybody inside', async ({ here, there, name }) => {
    const [wide, narrow] = [here.shared(name, { permits: 5 }), there.shared(name, { permits: 2 })];
    await wide.take();
    await narrow.take();
    for (const permits of [3, 5]) expect((await here.shared(name, { permits }).try()).granted).toBe(false);
    expect((await here.shared(name).try()).granted).toBe(false);
    await narrow.release();
    await here.shared(name, { permits: 3 }).take();
  });

  promise('the permits of a holder bind the others for as long as its lease is renewed', async (scene) => {
    const { here, there, name } = scene;
    const [narrow, other] = [here.shared(name, { permits: 2, ttl: SHORT_MS }), there.shared(name, { permits: 2 })];
    await narrow.take();
    await narrow.renew(60_000);
    await other.take();
    await sleep(SHORT_MS + CLOCK_MS);
    await other.release();
    await there.shared(name, { permits: 2 }).take();
    expect((await there.shared(name).try()).granted).toBe(false);
  });

  promise('the permits of a holder whose lease has ended bind nobody', async ({ here, there, name }) => {
    await here.shared(name, { permits: 1, ttl: SHORT_MS }).take();
    expect((await there.shared(name).try()).granted).toBe(false);
    await sleep(SHORT_MS + CLOCK_MS);
    await there.shared(name).take();
    await here.shared(name).take();
  });

  promise('of many that ask at the same moment, as many get it as have room', async ({ here, there, name }) => {
    const claimants = Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? here : there));
    const answers = await Promise.all(claimants.map((peer) => peer.shared(name, { permits: 7 }).try()));
    expect(answers.filter(({ granted }) => granted).length).toBe(7);
  });

  promise('a shared holder excludes an exclusive one', async ({ here, there, name }) => {
    const [reader, other] = [here.shared(name), there.shared(name)];
    await reader.take();
    await other.take();
    expect((await there.exclusive(name).try()).granted).toBe(false);
    await reader.release();
    expect((await there.exclusive(name).try()).granted).toBe(false);
    await other.release();
    expect((await there.exclusive(name).try()).granted).toBe(true);
  });

  promise('an exclusive holder excludes a shared one', async ({ here, there, name }) => {
    const writer = here.exclusive(name);
    await writer.take();
    expect((await there.shared(name).try()).granted).toBe(false);
    await writer.release();
    expect((await there.shared(name).try()).granted).toBe(true);
  });

  promise('whoever is refused hears of a holder, and when the first lease ends', async ({ here, there, name }) => {
    const early = here.shared(name, { ttl: 60_000 });
    const late = here.shared(name, { ttl: 120_000 });
    await late.take();
    await early.take();
    const answer = await there.exclusive(name).try();
    if (answer.granted) throw new Error('a writer beside readers');
    expect([early.owner, late.owner].includes(answer.holder ?? '')).toBe(true);
    expect(answer.retryAfter).toBeGreaterThan(0);
    expect(LEASE_AT_MOST_MS).toBeGreaterThan(answer.retryAfter ?? Number.POSITIVE_INFINITY);
  });

  promise('holders that overlap have one token, and asking again gives it again', async ({ here, there, name }) => {
    const [first, second, third] = [here.shared(name), there.shared(name), here.shared(name)];
    const { token } = await first.take();
    expect((await second.take()).token).toBe(token);
    await first.release();
    expect((await third.take()).token).toBe(token);
    expect((await second.ask()).granted && (await second.take()).token).toBe(token);
  });

  promise('the tokens of later holders are greater', async ({ here, there, name }) => {
    let last = 0;
    for (const mode of ['shared', 'exclusive', 'exclusive', 'shared', 'shared'] as const) {
      const holder = (mode === 'shared' ? here : there)[mode](name, { block: 4 });
      const { token, block } = await holder.take();
      expect(token).toBeGreaterThan(last);
      last = token + block - 1;
      await holder.release();
    }
  });

  promise('no block of tokens is set aside for a shared holder', async ({ here, there, name }) => {
    const reader = here.shared(name, { block: 16 });
    const { token, block } = await reader.take();
    expect(block).toBe(1);
    expect(await reader.ask()).toEqual({ granted: true, token, block: 1 });
    expect((await there.shared(name, { block: 16 }).take()).block).toBe(1);
    expect((await here.store.inspect(name)).lastToken).toBe(token);
  });

  promise('asking again takes no second permit, and starts the lease anew', async ({ here, name }) => {
    const reader = here.shared(name, { permits: 2, ttl: 10_000 });
    await reader.take();
    expect((await reader.ask({ ttl: 60_000 })).granted).toBe(true);
    expect((await reader.hold())?.remaining).toBeGreaterThan(30_000);
    await here.shared(name, { permits: 2 }).take();
  });

  promise('each is renewed and released for itself', async ({ here, there, name }) => {
    const reader = here.shared(name, { ttl: 10_000 });
    const other = there.shared(name, { ttl: 10_000 });
    const stranger = there.shared(name);
    await reader.take();
    await other.take();
    expect(await reader.renew(60_000)).toBe(true);
    expect((await reader.hold())?.remaining).toBeGreaterThan(30_000);
    expect(30_000).toBeGreaterThan((await other.hold())?.remaining ?? 0);
    expect([await stranger.renew(), await stranger.release()]).toEqual([false, false]);
    expect([await reader.release(), await reader.release(), await reader.renew()]).toEqual([true, false, false]);
    expect((await here.store.inspect(name)).holders.map(({ owner }) => owner)).toEqual([other.owner]);
  });

  promise('each lease ends by itself, while the others go on', async ({ here, there, name }) => {
    const short = here.shared(name, { ttl: SHORT_MS, permits: 2 });
    const long = there.shared(name, { permits: 2 });
    await short.take();
    await long.take();
    await sleep(SHORT_MS + CLOCK_MS);
    expect([await short.renew(), await short.release(), await short.hold()]).toEqual([false, false, undefined]);
    expect((await here.shared(name, { permits: 2 }).try()).granted).toBe(true);
    expect(await long.release()).toBe(true);
  });
}
