import { setTimeout as sleep } from 'node:timers/promises';
import { type Chapter, LEASE_AT_MOST_MS } from './harness.js';
import { until } from './until.js';

const SHORT_MS = 200;
/** Two clocks that both run right may differ by this much over a short lease. */
const CLOCK_MS = 10;

export function exclusiveChapter({ promise, expect }: Chapter): void {
  promise('a free lock is granted at once, to a claim that waits and to one that does not', async ({ here, name }) => {
    const waiting = here.exclusive(name);
    expect((await waiting.ask()).granted).toBe(true);
    await waiting.release();
    expect((await here.exclusive(name).try()).granted).toBe(true);
  });

  promise('it has one holder at a time, over all processes', async ({ here, there, name }) => {
    const holder = here.exclusive(name);
    await holder.take();
    expect((await here.exclusive(name).try()).granted).toBe(false);
    expect((await there.exclusive(name).try()).granted).toBe(false);
    await holder.release();
    expect((await there.exclusive(name).try()).granted).toBe(true);
  });

  promise('of many that ask at the same moment, one gets it', async ({ here, there, name }) => {
    const claimants = Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? here : there).exclusive(name));
    const answers = await Promise.all(claimants.map((claimant) => claimant.try()));
    expect(answers.filter(({ granted }) => granted).length).toBe(1);
  });

  promise('whoever is refused hears by whom, and when the lease ends', async ({ here, there, name }) => {
    const holder = here.exclusive(name, { ttl: 60_000 });
    await holder.take();
    const answer = await there.exclusive(name).try();
    if (answer.granted) throw new Error('two holders');
    const { retryAfter, ...rest } = answer;
    expect(rest).toEqual({ granted: false, ticket: 0, rank: 0, holder: holder.owner });
    expect(retryAfter).toBeGreaterThan(0);
    expect(LEASE_AT_MOST_MS).toBeGreaterThan(retryAfter ?? Number.POSITIVE_INFINITY);
  });

  promise('a claim that does not wait leaves nothing behind', async ({ here, there, name }) => {
    const holder = here.exclusive(name);
    const claimant = there.exclusive(name);
    await holder.take();
    await claimant.try();
    expect(await claimant.place()).toBe(undefined);
    await holder.release();
    expect((await here.store.inspect(name)).holders).toEqual([]);
  });

  promise('a holder that asks again gets its own token, and its lease starts anew', async ({ here, name }) => {
    const holder = here.exclusive(name, { block: 3 });
    const first = await holder.ask({ ttl: 10_000 });
    expect(await holder.ask({ ttl: 60_000 })).toEqual(first);
    expect((await holder.hold())?.remaining).toBeGreaterThan(30_000);
  });

  promise('a renewal by its holder starts the lease anew', async ({ here, name }) => {
    const holder = here.exclusive(name, { ttl: 10_000 });
    const { token } = await holder.take();
    expect(await holder.renew(60_000)).toBe(true);
    expect(await holder.renew(60_000)).toBe(true);
    const hold = await holder.hold();
    expect(hold?.token).toBe(token);
    expect(hold?.remaining).toBeGreaterThan(30_000);
  });

  promise('nobody but its holder renews, releases or withdraws it', async ({ here, there, name }) => {
    const holder = here.exclusive(name, { ttl: 60_000 });
    const stranger = there.exclusive(name);
    await holder.take();
    expect(await stranger.renew(1)).toBe(false);
    expect(await stranger.release()).toBe(false);
    expect(await stranger.release(1)).toBe(false);
    await stranger.withdraw();
    expect((await holder.hold())?.remaining).toBeGreaterThan(30_000);
    expect(await holder.release()).toBe(true);
  });

  promise('owners are told apart by their whole names, though one begins as another', async ({ here, name }) => {
    const claimants = Array.from({ length: 100 }, () => here.exclusive(name));
    const [stranger, holder] = pairWhere(claimants, (a, b) => a !== b && b.owner.startsWith(a.owner));
    await holder.take();
    expect((await stranger.try()).granted).toBe(false);
    expect([await stranger.renew(), await stranger.release()]).toEqual([false, false]);
    expect(await holder.release()).toBe(true);
  });

  promise('after the release it is not the old holder’s any more', async ({ here, name }) => {
    const holder = here.exclusive(name);
    await holder.take();
    expect(await holder.release()).toBe(true);
    expect(await holder.release()).toBe(false);
    expect(await holder.renew()).toBe(false);
    expect(await holder.hold()).toBe(undefined);
  });

  promise('a repeated release, renewal or withdrawal does not touch the next holder', async ({ here, there, name }) => {
    const [former, next] = [here.exclusive(name), there.exclusive(name)];
    await former.take();
    await former.release();
    const { token } = await next.take();
    expect(await former.release()).toBe(false);
    expect(await former.release(60_000)).toBe(false);
    expect(await former.renew()).toBe(false);
    await former.withdraw();
    const hold = await next.hold();
    expect([hold?.token, hold?.retained]).toEqual([token, false]);
  });

  promise('a lease that nobody renews ends by itself, and not before its time', async ({ here, there, name }) => {
    const since = performance.now();
    await here.exclusive(name, { ttl: SHORT_MS }).take();
    const next = there.exclusive(name);
    await until('the end of the lease', async () => (await next.try()).granted || undefined);
    expect(performance.now() - since).toBeGreaterThan(SHORT_MS - CLOCK_MS);
  });

  promise('a lease that has ended is not revived, nor is the next one touched', async ({ here, there, name }) => {
    const former = here.exclusive(name, { ttl: SHORT_MS });
    await former.take();
    await sleep(SHORT_MS + CLOCK_MS);
    expect(await former.renew(60_000)).toBe(false);
    expect(await former.release()).toBe(false);
    const next = there.exclusive(name);
    await next.take();
    expect(await former.renew(60_000)).toBe(false);
    expect(await former.release()).toBe(false);
    await former.withdraw();
    expect(await next.release()).toBe(true);
  });

  promise('tokens grow with every grant, whoever gets it', async ({ here, there, name }) => {
    let last = 0;
    for (const peer of [here, there, there, here, there]) {
      const holder = peer.exclusive(name);
      const { token } = await holder.take();
      expect(Number.isSafeInteger(token)).toBe(true);
      expect(token).toBeGreaterThan(last);
      last = token;
      await holder.release();
    }
  });

  promise('of the tokens that were set aside for a holder, nobody else gets one', async ({ here, there, name }) => {
    let last = 0;
    for (const block of [16, 1, 2, 16, 5]) {
      const holder = (block === 2 ? there : here).exclusive(name, { block });
      const grant = await holder.take();
      expect(grant.block).toBe(block);
      expect(grant.token).toBeGreaterThan(last);
      last = grant.token + block - 1;
      await holder.release();
    }
  });

  promise('a lease that ended by itself uses up its tokens', async ({ here, there, name }) => {
    const { token, block } = await here.exclusive(name, { ttl: SHORT_MS, block: 8 }).take();
    await sleep(SHORT_MS + CLOCK_MS);
    expect((await there.exclusive(name).take()).token).toBeGreaterThan(token + block - 1);
  });
}

function pairWhere<T>(items: readonly T[], fits: (a: T, b: T) => boolean): [T, T] {
  for (const a of items) for (const b of items) if (fits(a, b)) return [a, b];
  throw new Error('no such pair');
}
