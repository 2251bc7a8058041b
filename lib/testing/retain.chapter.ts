import { setTimeout as sleep } from 'node:timers/promises';
import type { Chapter } from './harness.js';
import { until } from './until.js';

const SHORT_MS = 200;
const CLOCK_MS = 10;

export function retainChapter({ promise, expect }: Chapter): void {
  for (const mode of ['exclusive', 'shared'] as const) {
    promise(`a released ${mode} hold is kept from the others for as long as it says`, async ({ here, there, name }) => {
      const holder = here[mode](name, { permits: 1 });
      await holder.take();
      const since = performance.now();
      expect(await holder.release(SHORT_MS)).toBe(true);
      const next = there[mode](name, { permits: 1 });
      await until('the end of what is kept', async () => (await next.try()).granted || undefined);
      expect(performance.now() - since).toBeGreaterThan(SHORT_MS - CLOCK_MS);
    });

    promise(`a released ${mode} hold that is kept has no holder any more`, async ({ here, there, name }) => {
      const holder = here[mode](name);
      await holder.take();
      await holder.release(60_000);
      expect(await holder.renew()).toBe(false);
      const hold = await holder.hold();
      expect([hold?.mode, hold?.retained]).toEqual([mode, true]);
      expect(hold?.remaining).toBeGreaterThan(30_000);
      expect(60_001).toBeGreaterThan(hold?.remaining ?? 0);
      const answer = await there.exclusive(name).try();
      if (answer.granted) throw new Error('it was not kept');
      expect(answer.holder).toBe(undefined);
      expect(answer.retryAfter).toBeGreaterThan(30_000);
    });

    promise(`a repeated release of a kept ${mode} hold changes nothing, nor does a withdrawal`, async (scene) => {
      const holder = scene.here[mode](scene.name);
      await holder.take();
      await holder.release(60_000);
      expect(await holder.release(60_000)).toBe(true);
      expect(await holder.release(1)).toBe(true);
      expect(await holder.release()).toBe(true);
      await holder.withdraw();
      expect((await holder.hold())?.remaining).toBeGreaterThan(30_000);
      expect((await scene.there.exclusive(scene.name).try()).granted).toBe(false);
    });

    promise(`the next waiter is told when the ${mode} hold before it is released but kept`, async (scene) => {
      const { here, there, name } = scene;
      const holder = here[mode](name);
      const waiter = there.exclusive(name);
      await holder.take();
      await waiter.queue();
      await holder.release(SHORT_MS);
      await waiter.nudge();
      await until('the turn of the waiter', async () => (await waiter.ask()).granted || undefined);
    });
  }

  promise('the token after a kept hold is greater', async ({ here, there, name }) => {
    const holder = here.exclusive(name, { block: 4 });
    const { token, block } = await holder.take();
    await holder.release(SHORT_MS);
    await sleep(SHORT_MS + CLOCK_MS);
    expect((await there.exclusive(name).take()).token).toBeGreaterThan(token + block - 1);
  });

  promise('a kept shared hold that has ended is over, though others hold still', async ({ here, there, name }) => {
    const [kept, living] = [here.shared(name), there.shared(name)];
    await kept.take();
    await living.take();
    await kept.release(SHORT_MS);
    await sleep(SHORT_MS + CLOCK_MS);
    expect([await kept.release(), await kept.hold()]).toEqual([false, undefined]);
    expect(await living.release()).toBe(true);
  });

  promise('a repeated release of a kept hold serves whoever stands behind a dead waiter', async (scene) => {
    const { here, there, name } = scene;
    const kept = here.shared(name);
    const [dead, living] = [there.exclusive(name, { alive: SHORT_MS }), there.shared(name)];
    await kept.take();
    await dead.queue();
    await living.queue();
    await kept.release(60_000);
    await sleep(SHORT_MS + CLOCK_MS);
    await kept.release(60_000);
    await living.grant();
  });

  promise('a kept shared hold counts against the permits, beside the living ones', async ({ here, there, name }) => {
    const [kept, living] = [here.shared(name, { permits: 3 }), there.shared(name, { permits: 3 })];
    const { token } = await kept.take();
    await living.take();
    await kept.release(60_000);
    const answer = await there.shared(name, { permits: 2 }).try();
    if (answer.granted) throw new Error('it was not kept');
    expect(answer.holder).toBe(living.owner);
    expect((await there.shared(name, { permits: 3 }).take()).token).toBe(token);
  });

  promise('a kept shared hold binds the others by its permits', async ({ here, there, name }) => {
    const kept = here.shared(name, { permits: 1 });
    await kept.take();
    await kept.release(SHORT_MS);
    expect((await there.shared(name).try()).granted).toBe(false);
    await sleep(SHORT_MS + CLOCK_MS);
    await there.shared(name).take();
    await here.shared(name).take();
  });
}
