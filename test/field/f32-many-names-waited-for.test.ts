import { describe, expect, it } from 'vitest';
import { AskRounds } from '../../lib/core/ask-rounds.js';
import { serviceOf } from '../support/clients.js';
import { until } from '../support/event.js';
import { FakeClock, pass, useFakeTime } from '../support/fake-time.js';
import { useRedis } from '../support/redis.js';
import { RedisCluster } from '../support/redis-cluster.js';

describe('F32: many names are waited for', () => {
  const redis = useRedis();

  it('while messages are proven, a waiter is kept for 30 s, and so asks every ten', async () => {
    const [holder, waiter] = [await serviceOf(redis.url), await serviceOf(redis.url)];
    const held = await holder.acquire('job', { ttl: '10m' });
    const waiting = waiter.acquire('job', { wait: '5m', ttl: '10m' });
    const left = async (): Promise<number> => {
      const [entry = '0'] = await redis.client.hvals('field:{job}:waiter');
      const [seconds] = await redis.client.time();
      return Number(entry.split(' ')[0]) - Number(seconds) * 1_000;
    };
    await until(async () => (await left()) > 20_000, { describe: 'a waiter that is kept for long' });
    await held.release();
    await (await waiting).release();
  });

  it('on a Cluster, too', async () => {
    await using cluster = await RedisCluster.start();
    const [holder, waiter] = [await serviceOf(cluster.client()), await serviceOf(cluster.client())];
    const held = await holder.acquire('job', { ttl: '10m' });
    const waiting = waiter.acquire('job', { wait: '5m', ttl: '10m' });
    const client = cluster.client();
    await until(async () => {
      const [entry = '0'] = await client.hvals('field:{job}:waiter');
      return Number(entry.split(' ')[0]) - Date.now() > 20_000;
    });
    await held.release();
    await (await waiting).release();
  });
});

describe('F32: rounds of asking', () => {
  useFakeTime();

  it('those who came together ask in few rounds, no earlier and at most a fifth later', async () => {
    const clock = new FakeClock();
    const rounds = new AskRounds(clock);
    const asked: number[] = [];
    for (let i = 0; i < 2_000; i += 1) rounds.schedule(10_000, () => void asked.push(clock.now()));
    const start = clock.now();
    await pass(9_999);
    expect(asked).toEqual([]);
    await pass(2_051);
    expect(asked).toHaveLength(2_000);
    expect(new Set(asked).size).toBeLessThanOrEqual(42);
    expect(Math.min(...asked) - start).toBeGreaterThanOrEqual(10_000);
  });

  it('whoever is cancelled is not asked, and a round without anybody is not armed', async () => {
    const rounds = new AskRounds(new FakeClock());
    let asked = 0;
    const cancels = [1, 2].map(() =>
      rounds.schedule(1_000, () => {
        asked += 1;
      }),
    );
    cancels[0]?.();
    await pass(1_300);
    expect(asked).toBe(1);
    cancels[1]?.();
  });
});
