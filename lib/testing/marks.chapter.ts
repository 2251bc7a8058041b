import type { Chapter } from './harness.js';
import { until } from './until.js';

const REMEMBER_MS = 600_000;
const SHORT_MS = 100;

export function marksChapter({ promise, expect }: Chapter): void {
  promise('completing marks the name, releases the lock, and serves the next', async ({ here, there, name }) => {
    const [holder, waiter] = [here.exclusive(name), there.exclusive(name)];
    expect(await there.extras.doneAt(name)).toBe(null);
    await holder.take();
    await waiter.queue();
    expect(await there.extras.doneAt(name)).toBe(null);
    expect(await holder.complete(REMEMBER_MS, 0)).toBe(true);
    await waiter.grant();
    expect(await there.extras.doneAt(name)).toBeGreaterThan(0);
    expect(await holder.release()).toBe(false);
  });

  promise('completing without a release keeps the lock', async ({ here, there, name }) => {
    const holder = here.exclusive(name);
    await holder.take();
    expect(await holder.complete(REMEMBER_MS)).toBe(true);
    expect(await there.extras.doneAt(name)).toBeGreaterThan(0);
    expect((await there.exclusive(name).try()).granted).toBe(false);
    expect(await holder.release()).toBe(true);
  });

  promise('what is kept after the release is kept after completing', async ({ here, there, name }) => {
    const holder = here.exclusive(name);
    await holder.take();
    expect(await holder.complete(REMEMBER_MS, REMEMBER_MS)).toBe(true);
    expect((await there.exclusive(name).try()).granted).toBe(false);
    expect((await holder.hold())?.retained).toBe(true);
  });

  promise('only the exclusive holder can mark', async ({ here, there, name }) => {
    const [reader, writer] = [here.shared(name), there.exclusive(name)];
    await reader.take();
    await writer.queue();
    for (const other of [reader, writer, there.exclusive(name)]) {
      expect(await other.complete(REMEMBER_MS, 0)).toBe(false);
    }
    expect(await here.extras.doneAt(name)).toBe(null);
    expect(await reader.renew()).toBe(true);
  });

  promise('who has lost the lock marks nothing, and does not touch its next holder', async ({ here, there, name }) => {
    const [loser, next] = [here.exclusive(name), there.exclusive(name)];
    const { token } = await loser.take();
    await next.queue();
    await there.store.force(name, token);
    await next.grant();
    expect(await loser.complete(REMEMBER_MS, 0)).toBe(false);
    expect(await here.extras.doneAt(name)).toBe(null);
    expect(await next.complete(REMEMBER_MS, 0)).toBe(true);
  });

  promise(
    'a repeat is answered as the first time, and does not touch the next holder',
    async ({ here, there, name }) => {
      const [holder, next] = [here.exclusive(name), there.exclusive(name)];
      await holder.take();
      expect(await holder.complete(REMEMBER_MS, 0)).toBe(true);
      await next.take();
      expect(await holder.complete(REMEMBER_MS, 0)).toBe(true);
      expect(await next.renew()).toBe(true);
    },
  );

  promise('a mark ends after its time', async ({ here, there, name }) => {
    const holder = here.exclusive(name);
    await holder.take();
    await holder.complete(SHORT_MS, 0);
    await until('the end of the mark', async () => ((await there.extras.doneAt(name)) === null ? true : undefined));
  });

  promise('a mark is removed by its owner or its time, once', async ({ here, there, name }) => {
    const [holder, other] = [here.exclusive(name), there.exclusive(name)];
    expect(await there.extras.unmark(name, holder.owner)).toBe(false);
    await holder.take();
    await holder.complete(REMEMBER_MS, 0);
    const at = (await there.extras.doneAt(name)) ?? 0;
    for (const mark of [other.owner, at - REMEMBER_MS]) expect(await there.extras.unmark(name, mark)).toBe(false);
    expect(await there.extras.doneAt(name)).toBeGreaterThan(0);
    expect(await there.extras.unmark(name, holder.owner)).toBe(true);
    expect(await there.extras.unmark(name, holder.owner)).toBe(false);
    expect(await here.extras.doneAt(name)).toBe(null);
    await other.take();
    await other.complete(REMEMBER_MS, 0);
    expect(await here.extras.unmark(name, (await here.extras.doneAt(name)) ?? 0)).toBe(true);
    expect(await here.extras.unmark(name, at)).toBe(false);
  });
}
