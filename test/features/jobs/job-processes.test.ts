import { describe, expect, it } from 'vitest';
import type { JobOptions } from '../../../lib/jobs.js';
import { Child, WorkerError } from '../../support/child.js';
import { until } from '../../support/event.js';
import { unique, useRedis } from '../../support/redis.js';

const ELEMENT = { job: 'invoice', element: 42 };

describe('Job servers as processes', () => {
  const redis = useRedis();

  function start(namespace: string, jobs?: JobOptions) {
    return Child.start({ redis: redis.url, namespace, defaults: { ttl: '2s' }, jobs });
  }

  it('a server that stood still for longer than its lease marks nothing', async () => {
    const namespace = unique('ns');
    await using one = await start(namespace);
    await using two = await start(namespace);
    expect(await one.call('lockElement', ELEMENT)).toBe(true);
    await one.kill('SIGSTOP');
    await until(() => two.call('lockElement', ELEMENT));
    await one.kill('SIGCONT');
    const outcome = one.call('successfullyProcessed', ELEMENT);
    await expect(outcome).rejects.toThrow(WorkerError);
    await expect(outcome).rejects.toMatchObject({ code: 'LOCK_LOST' });
    expect(await one.call('unlockElement', ELEMENT)).toBe(false);
    expect(await redis.client.exists(`${namespace}:{invoice:42}:done`)).toBe(0);
    await two.call('successfullyProcessed', ELEMENT);
    expect(await one.call('lockElement', ELEMENT)).toBe(false);
  });

  it('what a killed server had locked is free after its lease, and what it had processed stays so', async () => {
    const namespace = unique('ns');
    await using one = await start(namespace);
    await using two = await start(namespace);
    await one.call('lockElement', { job: 'invoice', element: 7 });
    await one.call('successfullyProcessed', { job: 'invoice', element: 7 });
    await one.call('lockElement', ELEMENT);
    expect(await two.call('lockElement', ELEMENT)).toBe(false);
    await one.kill('SIGKILL');
    await until(() => two.call('lockElement', ELEMENT));
    expect(await two.call('lockElement', { job: 'invoice', element: 7 })).toBe(false);
  });

  it('at most so many servers have a place, and the place of a killed one is free after its lease', async () => {
    const namespace = unique('ns');
    const servers = await Promise.all([1, 2, 3].map(() => start(namespace, { limits: { render: { servers: 2 } } })));
    const [one, two, three] = servers as [Child, Child, Child];
    const render = { job: 'render' };
    expect(await one.call('tryPlace', render)).toBe(true);
    expect(await two.call('tryPlace', render)).toBe(true);
    expect(await three.call('tryPlace', render)).toBe(false);
    expect(await one.call('tryPlace', render)).toBe(true);
    await one.kill('SIGKILL');
    await until(() => three.call('tryPlace', render));
    expect(await two.call('leavePlace', render)).toBe(true);
    for (const server of servers) await server[Symbol.asyncDispose]();
  });
});
