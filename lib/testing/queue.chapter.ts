import { setTimeout as sleep } from 'node:timers/promises';
import type { Claimant } from './claimant.js';
import type { Chapter } from './harness.js';
import type { Peer } from './peer.js';

const SHORT_MS = 200;
const CLOCK_MS = 10;

export function queueChapter({ promise, expect }: Chapter): void {
  const expectQueue = async (claimants: readonly Claimant[]): Promise<void> => {
    const places = await Promise.all(claimants.map((claimant) => claimant.place()));
    expect(places).toEqual(claimants.map((_, index) => index));
  };

  promise('waiters are served in the order in which they came', async ({ here, there, name }) => {
    const claimants = [here, there, there, here, there].map((peer) => peer.exclusive(name));
    const [holder, ...waiters] = claimants as [Claimant, ...Claimant[]];
    let { token: last } = await holder.take();
    for (const waiter of waiters) await waiter.queue();
    await expectQueue(waiters);
    for (const [index, waiter] of waiters.entries()) {
      await claimants[index]?.release();
      const { token } = await waiter.grant();
      expect(token).toBeGreaterThan(last);
      expect(waiters.filter(({ wasGranted }) => wasGranted).length).toBe(index + 1);
      last = token;
    }
  });

  promise('readers and writers stand in one queue, and nobody overtakes', async ({ here, there, name }) => {
    const [reading, writing] = [here.shared(name), there.exclusive(name)];
    const [reader, other, last] = [there.shared(name), here.shared(name), here.exclusive(name)];
    await reading.take();
    for (const waiter of [writing, reader, other, last]) await waiter.queue();
    await expectQueue([writing, reader, other, last]);
    await reading.release();
    await writing.grant();
    await expectQueue([reader, other, last]);
    await writing.release();
    expect((await reader.grant()).token).toBe((await other.grant()).token);
    await expectQueue([last]);
    await reader.release();
    expect(last.wasGranted).toBe(false);
    await other.release();
    await last.grant();
  });

  promise('as many shared waiters are served together as have room', async ({ here, there, name }) => {
    const writer = here.exclusive(name);
    const waiters = [here, there, there].map((peer) => peer.shared(name, { permits: 2 }));
    await writer.take();
    for (const waiter of waiters) await waiter.queue();
    await writer.release();
    await waiters[0]?.grant();
    await waiters[1]?.grant();
    await expectQueue(waiters.slice(2));
    await waiters[1]?.release();
    await waiters[2]?.grant();
  });

  promise('shared waiters are served as far as the permits of those inside allow', async ({ here, there, name }) => {
    const writer = here.exclusive(name);
    const narrow = there.shared(name, { permits: 2 });
    const [wide, wider] = [here.shared(name, { permits: 5 }), there.shared(name)];
    await writer.take();
    for (const waiter of [narrow, wide, wider]) await waiter.queue();
    await writer.release();
    await narrow.grant();
    await wide.grant();
    await expectQueue([wider]);
    await narrow.release();
    await wider.grant();
  });

  promise('a claim that does not wait does not overtake those who do', async ({ here, there, name }) => {
    const reader = here.shared(name);
    await reader.take();
    await there.exclusive(name).queue();
    expect((await here.shared(name).try()).granted).toBe(false);
  });

  promise('a waiter is told its place, and keeps it however often it asks', async ({ here, there, name }) => {
    await here.exclusive(name).take();
    const [first, second] = [here.exclusive(name), there.exclusive(name)];
    const answer = await first.queue();
    expect([answer.rank, (await second.queue()).rank]).toEqual([0, 1]);
    expect(answer.ticket).toBeGreaterThan(0);
    expect(second.ticket).toBeGreaterThan(answer.ticket);
    const again = await first.queue();
    expect([again.rank, again.ticket]).toEqual([0, answer.ticket]);
    expect((await second.queue()).rank).toBe(1);
  });

  promise('a pushed grant says which attempt it answers, and brings token and block', async ({ here, there, name }) => {
    const holder = here.exclusive(name);
    const waiter = there.exclusive(name, { block: 5 });
    const { token } = await holder.take();
    for (let attempts = 0; attempts < 3; attempts += 1) await waiter.queue();
    await holder.release();
    const { attempt } = waiter;
    const grant = await waiter.grant();
    expect([grant.granted, grant.attempt, grant.block]).toEqual([true, attempt, 5]);
    expect(grant.token).toBeGreaterThan(token);
    expect(await waiter.ask()).toEqual({ granted: true, token: grant.token, block: 5 });
    expect((await waiter.hold())?.remaining).toBeGreaterThan(30_000);
  });

  promise('a pushed grant of a share brings the one token of all shares', async ({ here, there, name }) => {
    const [reader, waiter] = [here.shared(name), there.shared(name, { permits: 2, block: 4 })];
    const other = here.shared(name);
    const { token } = await reader.take();
    await other.take();
    await waiter.queue();
    await reader.release();
    const grant = await waiter.grant();
    expect([grant.token, grant.block]).toEqual([token, 1]);
  });

  promise('when a lease ends by itself, whoever asks next finds the first waiter served', async (scene) => {
    const { here, there, name } = scene;
    await here.exclusive(name, { ttl: SHORT_MS }).take();
    const first = there.exclusive(name);
    await first.queue();
    await sleep(SHORT_MS + CLOCK_MS);
    expect((await here.exclusive(name).try()).granted).toBe(false);
    await first.grant();
  });

  promise('a waiter that asks when the lease has ended is granted at once', async ({ here, there, name }) => {
    await here.exclusive(name, { ttl: SHORT_MS }).take();
    const first = there.exclusive(name);
    await first.queue();
    await sleep(SHORT_MS + CLOCK_MS);
    expect((await first.ask()).granted).toBe(true);
    expect(await first.place()).toBe(undefined);
  });

  const operations: Record<string, (stranger: Claimant, peer: Peer) => Promise<unknown>> = {
    'a renewal': (stranger) => stranger.renew(),
    'a release': (stranger) => stranger.release(),
    'a withdrawal': (stranger) => stranger.withdraw(),
    'an inspection': ({ name }, { store }) => store.inspect(name),
    'a use of force': ({ name }, { store }) => store.force(name, 1),
  };
  for (const [title, operate] of Object.entries(operations)) {
    promise(
      `${title} serves the queue when a lease has ended, whoever it comes from`,
      async ({ here, there, name }) => {
        await here.exclusive(name, { ttl: SHORT_MS }).take();
        const waiter = there.exclusive(name);
        await waiter.queue();
        await sleep(SHORT_MS + CLOCK_MS);
        await operate(here.exclusive(name), here);
        await waiter.grant();
      },
    );
  }

  const askingOfHolders: Record<string, (holder: Claimant) => Promise<unknown>> = {
    'is renewed': (holder) => holder.renew(),
    'asks again': (holder) => holder.ask(),
  };
  for (const [title, ask] of Object.entries(askingOfHolders)) {
    promise(`a share that has ended makes room when another holder ${title}`, async ({ here, there, name }) => {
      const [short, long] = [here.shared(name, { ttl: SHORT_MS }), here.shared(name)];
      const waiter = there.shared(name, { permits: 2 });
      await short.take();
      await long.take();
      await waiter.queue();
      await sleep(SHORT_MS + CLOCK_MS);
      await ask(long);
      await waiter.grant();
    });
  }
}
