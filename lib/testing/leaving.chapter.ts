import { setTimeout as sleep } from 'node:timers/promises';
import type { Chapter } from './harness.js';
import { until } from './until.js';

const SHORT_MS = 200;
const CLOCK_MS = 10;

export function leavingChapter({ promise, expect }: Chapter): void {
  promise('a waiter that withdraws is passed over', async ({ here, there, name }) => {
    const holder = here.exclusive(name);
    const [first, second] = [there.exclusive(name), there.exclusive(name)];
    await holder.take();
    await first.queue();
    await second.queue();
    await first.withdraw();
    await first.withdraw();
    expect([await first.place(), await second.place()]).toEqual([undefined, 0]);
    await holder.release();
    await second.grant();
    expect(first.wasGranted).toBe(false);
  });

  promise('a waiter that withdraws lets those behind it pass, where they may', async ({ here, there, name }) => {
    const [reading, writer, reader] = [here.shared(name), there.exclusive(name), there.shared(name)];
    await reading.take();
    await writer.queue();
    await reader.queue();
    await writer.withdraw();
    await reader.grant();
  });

  promise('a waiter that withdraws after it was granted makes way for the next', async ({ here, there, name }) => {
    const holder = here.exclusive(name);
    const [first, second] = [there.exclusive(name), here.exclusive(name)];
    await holder.take();
    await first.queue();
    await second.queue();
    await holder.release();
    const { token } = await first.grant();
    await first.withdraw();
    expect((await second.grant()).token).toBeGreaterThan(token);
    await first.withdraw();
    expect((await second.hold())?.owner).toBe(second.owner);
  });

  promise('a waiter that is not heard of any more is skipped', async ({ here, there, name }) => {
    const holder = here.exclusive(name);
    const [dead, alsoDead] = [there.exclusive(name, { alive: SHORT_MS }), there.shared(name, { alive: SHORT_MS })];
    const living = there.exclusive(name);
    await holder.take();
    for (const waiter of [dead, alsoDead, living]) await waiter.queue();
    await sleep(SHORT_MS + CLOCK_MS);
    expect([await dead.place(), await alsoDead.place(), await living.place()]).toEqual([undefined, undefined, 0]);
    await holder.release();
    await living.grant();
    expect([dead.wasGranted, alsoDead.wasGranted]).toEqual([false, false]);
  });

  promise('a claim that does not wait gets past waiters that are not heard of', async ({ here, there, name }) => {
    await here.exclusive(name, { ttl: SHORT_MS }).take();
    await there.exclusive(name, { alive: SHORT_MS }).queue();
    await there.shared(name, { alive: SHORT_MS }).queue();
    await sleep(SHORT_MS + CLOCK_MS);
    expect((await here.exclusive(name).try()).granted).toBe(true);
  });

  promise('a waiter that keeps asking stays', async ({ here, there, name }) => {
    const holder = here.exclusive(name);
    const waiter = there.exclusive(name, { alive: SHORT_MS });
    await holder.take();
    await waiter.queue();
    await waiter.ask({ alive: 600_000 });
    await sleep(SHORT_MS + CLOCK_MS);
    expect(await waiter.place()).toBe(0);
    await holder.release();
    await waiter.grant();
  });

  promise('a waiter that was forgotten comes back to its old place', async ({ here, there, name }) => {
    const [holder, next] = [here.exclusive(name), here.exclusive(name)];
    const [forgotten, later] = [there.exclusive(name, { alive: SHORT_MS }), here.exclusive(name)];
    await holder.take();
    await forgotten.queue();
    await next.queue();
    await sleep(SHORT_MS + CLOCK_MS);
    await holder.release();
    await next.grant();
    await later.queue();
    expect((await forgotten.ask({ alive: 600_000 })).granted).toBe(false);
    expect([await forgotten.place(), await later.place()]).toEqual([0, 1]);
    await next.release();
    await forgotten.grant();
    expect(later.wasGranted).toBe(false);
  });

  promise('a waiter whose process has died holds up the others no longer than it is known to live', async (scene) => {
    const { here, there, name } = scene;
    const [holder, living] = [here.exclusive(name), here.exclusive(name)];
    await holder.take();
    await there.exclusiveOfTheDead(name, { alive: SHORT_MS }).queue();
    await there.exclusiveOfTheDead(name, { alive: SHORT_MS }).queue();
    await living.queue();
    await holder.release();
    await until('the turn of the living', async () => (await living.ask()).granted || undefined);
  });

  const moments: Record<string, (release: Promise<unknown>) => Promise<unknown> | undefined> = {
    'before its grant is on its way': () => undefined,
    'while its grant may be on its way': () => new Promise(process.nextTick),
    'after its grant was sent': (release) => release,
  };
  for (const [title, moment] of Object.entries(moments)) {
    promise(`whoever stops listening ${title} hears nothing from then on`, async ({ here, there, name }) => {
      const [holder, next] = [here.exclusive(name), here.exclusive(name)];
      const waiter = there.exclusive(name, { ttl: SHORT_MS });
      await holder.take();
      await waiter.queue();
      await next.queue();
      const release = holder.release();
      const wait = moment(release);
      if (wait) await wait;
      const heard = waiter.wasGranted;
      there.unsubscribe();
      await release;
      await until('the turn of the next', async () => (await next.ask()).granted || undefined);
      expect(waiter.wasGranted).toBe(heard);
    });
  }
}
