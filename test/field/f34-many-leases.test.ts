import { describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/core/clock.js';
import { RenewalWheel, type Scheduled } from '../../lib/core/renewal.js';
import { createLockService } from '../../lib/index.js';
import { until } from '../support/event.js';
import { inTests } from '../support/stores.js';

/** A lease, as far as the wheel knows it. */
class Item implements Scheduled {
  slot: number | undefined;
  before: Scheduled | undefined;
  behind: Scheduled | undefined;
  ticks = 0;
  tick(): void {
    this.ticks += 1;
  }
}

describe('F34: leases without number, which end in different milliseconds', () => {
  it('end no process, and each ends in its time', async () => {
    const wheel = new RenewalWheel(systemClock);
    const now = systemClock.now();
    const long = Array.from({ length: 200_000 }, () => new Item());
    for (const [index, item] of long.entries()) wheel.schedule(item, now + 3_600_000 + index);
    const short = [30, 10, 20].map((ms) => {
      const item = new Item();
      wheel.schedule(item, now + ms);
      return item;
    });
    await until(() => short.every(({ ticks }) => ticks === 1));
    expect(long.some(({ ticks }) => ticks > 0)).toBe(false);
    wheel.clear();
  });

  it('leave nothing behind when they are given back', () => {
    const wheel = new RenewalWheel({ now: () => 0 });
    for (let index = 0; index < 20_000; index += 1) {
      const item = new Item();
      wheel.schedule(item, 3_600_000 + index);
      if (index > 0) wheel.cancel(item);
    }
    expect(wheel.times).toBeLessThan(2_000);
    wheel.clear();
  });

  it('are looked at together, when one lock has them all', async () => {
    await using locks = await createLockService({ store: 'memory', ...inTests });
    const names = Array.from({ length: 130_000 }, (_, index) => `n${index}`);
    const lock = await locks.acquire(names, { ttl: '1h' });
    expect(lock.remaining()).toBeGreaterThan(0);
    await lock.release();
  });
});
