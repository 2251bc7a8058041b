import { setTimeout as sleep } from 'node:timers/promises';
import type { Chapter } from './harness.js';

const SHORT_MS = 200;
const CLOCK_MS = 10;

export function crowdChapter({ promise, expect }: Chapter): void {
  promise('as many wait as may, and whoever comes then is told that the queue is full', async (scene) => {
    const { here, there, name } = scene;
    const holder = here.exclusive(name);
    const waiters = [here, there].map((peer) => peer.exclusive(name, { maxWaiting: 2 }));
    const late = there.exclusive(name, { maxWaiting: 2 });
    await holder.take();
    for (const waiter of waiters) expect((await waiter.queue()).ticket).toBeGreaterThan(0);
    expect((await late.queue()).ticket).toBe(0);
    expect(await late.place()).toBe(undefined);
    // Those who have a place keep it.
    expect((await waiters[1]?.queue())?.rank).toBe(1);
    await holder.release();
    await waiters[0]?.grant();
    expect((await late.queue()).ticket).toBeGreaterThan(0);
  });

  promise('a free lock is granted, however few may wait', async ({ here, name }) => {
    expect((await here.exclusive(name, { maxWaiting: 1 }).ask()).granted).toBe(true);
  });

  promise('whoever brings a ticket had a place, and gets it back', async ({ here, there, name }) => {
    const [first, second] = [here.exclusive(name, { alive: SHORT_MS }), there.exclusive(name, { maxWaiting: 1 })];
    await here.exclusive(name).take();
    await first.queue();
    await sleep(SHORT_MS + CLOCK_MS);
    // The first has not been heard of for too long.
    expect((await second.queue()).ticket).toBeGreaterThan(0);
    const { ticket } = first;
    expect((await first.ask({ maxWaiting: 1 })).granted).toBe(false);
    expect([first.ticket, await first.place(), await second.place()]).toEqual([ticket, 0, 1]);
  });
}
