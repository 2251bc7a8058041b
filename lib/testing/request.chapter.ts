import type { Chapter } from './harness.js';

export function requestChapter({ promise, expect }: Chapter): void {
  promise('the holder hears that the lock is asked for, and keeps it', async ({ here, there, name }) => {
    const [holder, waiter] = [here.exclusive(name), there.exclusive(name)];
    await holder.take();
    await waiter.queue();
    expect(await there.extras.requestRelease(name)).toBe(true);
    await holder.request();
    expect(there.requested.has(waiter.owner)).toBe(false);
    expect(await holder.renew()).toBe(true);
  });

  promise('all shared holders hear it', async ({ here, there, name }) => {
    const readers = [here.shared(name), there.shared(name)];
    for (const reader of readers) await reader.take();
    expect(await there.extras.requestRelease(name)).toBe(true);
    for (const reader of readers) await reader.request();
  });

  promise('nobody is asked who does not hold', async ({ here, there, name }) => {
    expect(await here.extras.requestRelease(name)).toBe(false);
    const holder = here.exclusive(name);
    await holder.take();
    await holder.release(60_000);
    expect(await there.extras.requestRelease(name)).toBe(false);
  });
}
