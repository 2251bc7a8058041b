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

  promise('the dead do not count, and a free lock is granted whoever has died before it', async (scene) => {
    const { here, there, name } = scene;
    const holder = here.exclusive(name);
    await holder.take();
    const dead = Array.from({ length: 40 }, () => there.exclusive(name, { alive: SHORT_MS }));
    await Promise.all(dead.map((waiter) => waiter.queue()));
    const [next, last] = [here.exclusive(name, { maxWaiting: 1 }), here.exclusive(name, { maxWaiting: 1 })];
    await holder.renew(SHORT_MS);
    await sleep(SHORT_MS + CLOCK_MS);
    expect((await next.ask()).granted).toBe(true);
    expect((await last.queue()).ticket).toBeGreaterThan(0);
  });

  promise('the dead in the middle of a queue that is full do not count', async ({ here, there, name }) => {
    await here.exclusive(name).take();
    await here.exclusive(name).queue();
    const dead = Array.from({ length: 300 }, () => there.exclusive(name, { alive: SHORT_MS }));
    await Promise.all(dead.map((waiter) => waiter.queue()));
    await here.exclusive(name).queue();
    await sleep(SHORT_MS + CLOCK_MS);
    expect((await there.exclusive(name, { maxWaiting: 2 }).queue()).ticket).toBe(0);
    const late = there.exclusive(name, { maxWaiting: 3 });
    expect((await late.queue()).ticket).toBeGreaterThan(0);
    expect(await late.place()).toBe(2);
  });

  promise('who waits is served before the queue is looked at for room', async ({ here, there, name }) => {
    await here.exclusive(name, { ttl: SHORT_MS }).take();
    const first = there.exclusive(name);
    await first.queue();
    await sleep(SHORT_MS + CLOCK_MS);
    expect((await here.exclusive(name, { maxWaiting: 1 }).queue()).ticket).toBeGreaterThan(0);
    await first.grant();
  });
}
