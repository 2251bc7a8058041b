import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLockService } from '../../lib/index.js';

describe('F35: one signal for many waits', () => {
  const warnings: Error[] = [];
  const keep = (warning: Error): void => void warnings.push(warning);
  beforeEach(() => void process.on('warning', keep));
  afterEach(() => void process.off('warning', keep));

  it('warns of no leak, ends all of them, and is left without a listener', async () => {
    await using locks = await createLockService({ store: 'memory', shutdownGrace: 0 });
    await locks.acquire('job');
    const stop = new AbortController();
    const { signal } = stop;
    const nested = locks.run('own', () =>
      Promise.allSettled(Array.from({ length: 20 }, () => locks.run('own', { reentrant: true, signal }, () => {}))),
    );
    const waits = Array.from({ length: 40 }, (_, i) =>
      locks.acquire('job', { signal, mode: i % 2 ? 'shared' : 'exclusive' }),
    );
    const others = Array.from({ length: 20 }, (_, i) => locks.run(`free:${i}`, { signal }, () => i));
    await Promise.all(others);
    await nested;
    stop.abort(new Error('stop'));
    const ended = await Promise.allSettled(waits);
    expect(ended.map((end) => end.status === 'rejected' && (end.reason as Error).message)).toEqual(
      waits.map(() => 'stop'),
    );
    await new Promise(setImmediate);
    expect(warnings).toEqual([]);
  });
});
