import { expect, it } from 'vitest';
import { createLockService, MemoryLockStore } from '../../lib/index.js';
import { watch } from '../support/core-locks.js';
import { pass, useFakeTime } from '../support/fake-time.js';

useFakeTime();

it('F42: whoever waits for a lock of a process that was killed gets the lock, and no error, by the defaults', async () => {
  const store = new MemoryLockStore({ clock: { now: () => performance.timeOrigin + performance.now() } });
  const killed = await createLockService({ store });
  const next = await createLockService({ store });
  // Never renewed and never released, as by a dead process.
  const left = await killed.acquire('order:1', { renew: false });
  const waited = watch(next.run('order:1', () => 'served'));
  const lease = left.remaining();
  await pass(lease + 2_000);
  expect(waited).toMatchObject({ value: 'served' });
  expect(lease).toBe(15_000);
});
