import { describe, expect, it } from 'vitest';
import { Child } from './child.js';
import { redisRegister } from './guarded-register.js';
import { unique, useRedis } from './redis.js';

describe('Child', () => {
  const redis = useRedis();
  const start = () => Child.start({ redis: redis.url, namespace: unique('ns') });

  it('takes a lock on command and tells of it', async () => {
    await using child = await start();
    const lock = await child.call('acquire', { name: 'a', options: { wait: Number.POSITIVE_INFINITY } });
    expect(await child.waitFor('granted')).toEqual(lock);
    await expect(child.call('acquire', { name: 'a', id: 'second', options: { wait: 0 } })).rejects.toMatchObject({
      code: 'LOCK_BUSY',
    });
    expect(await child.waitFor('busy', 'second')).toMatchObject({ code: 'LOCK_BUSY' });
    expect(await child.call('release', { id: 'a' })).toBe(true);
  });

  it('is paused, resumed and killed', async () => {
    await using child = await start();
    await child.kill('SIGSTOP');
    const answer = child.call('acquire', { name: 'a' });
    await child.kill('SIGCONT');
    await answer;
    void child.call('run', { name: 'b' });
    await child.waitFor('granted', 'b');
    await child.kill('SIGSTOP');
    await child.kill('SIGKILL');
    expect(await child.exit).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('ends by itself when nothing holds it', async () => {
    await using child = await start();
    await child.call('acquire', { name: 'a' });
    await child.call('release', { id: 'a' });
    await child.call('close');
    await child.call('detach');
    expect(await child.exit).toEqual({ code: 0, signal: null });
  });

  it('contends with others for a guarded register', async () => {
    const namespace = unique('ns');
    await using first = await Child.start({ redis: redis.url, namespace });
    await using second = await Child.start({ redis: redis.url, namespace });
    const register = unique('register');
    const contest = { name: 'a', register, rounds: 20 };
    await Promise.all([first, second].map((child) => child.call('contend', contest)));
    const { accepted, maxInside, refused } = await redisRegister(redis.client, register).report();
    expect(accepted).toHaveLength(40);
    expect(new Set(accepted).size).toBe(40);
    expect({ maxInside, refused }).toEqual({ maxInside: 1, refused: [] });
    expect(await first.call('guardedWrite', { register, token: 1 })).toBe(false);
  });

  it('tells of a loss, and finishes a body', async () => {
    await using child = await start();
    const run = child.call('run', { name: 'a' });
    await child.waitFor('granted');
    expect(await child.call('forceRelease', { name: 'a' })).toBe(true);
    const loss = { code: 'LOCK_LOST', why: 'forced' };
    expect(await child.waitFor('lost')).toEqual({ id: 'a', ...loss });
    expect(await child.call('state', { id: 'a' })).toMatchObject({ aborted: true, held: false, ...loss });
    await child.call('finish', { id: 'a' });
    await expect(run).rejects.toMatchObject(loss);
  });
});
