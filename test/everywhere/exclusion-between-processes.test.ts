import { describe, expect, it } from 'vitest';
import { Child } from '../support/child.js';
import { redisRegister } from '../support/guarded-register.js';
import { unique, useRedis } from '../support/redis.js';

const ROUNDS = 150;

describe('exclusion between processes', () => {
  const redis = useRedis();

  async function contend(options: { localHandOver?: { max: number } }) {
    const namespace = unique('ns');
    const register = unique('register');
    const children = await Promise.all([1, 2, 3].map(() => Child.start({ redis: redis.url, namespace, ...options })));
    // Several callers in each process, so that hand-over inside the process takes part.
    const callers = children.flatMap((child) => [child, child, child]);
    await Promise.all(callers.map((child) => child.call('contend', { name: 'hot', register, rounds: ROUNDS })));
    for (const child of children) await child[Symbol.asyncDispose]();
    return redisRegister(redis.client, register).report();
  }

  it.each([
    ['with hand-over inside the process', {}],
    ['strictly first come, first served', { localHandOver: { max: 0 } }],
  ])('no two processes are inside at once, and tokens grow in the order of entry (%s)', async (_, options) => {
    const { accepted, refused, maxInside } = await contend(options);
    expect(accepted).toHaveLength(9 * ROUNDS);
    expect(accepted).toEqual([...new Set(accepted)].sort((a, b) => a - b));
    expect({ refused, maxInside }).toEqual({ refused: [], maxInside: 1 });
  });

  it('a killed holder blocks the others for its lease and no longer, and they stay exclusive', async () => {
    const namespace = unique('ns');
    const register = unique('register');
    const [victim, ...others] = await Promise.all([1, 2, 3].map(() => Child.start({ redis: redis.url, namespace })));
    const resource = redisRegister(redis.client, register);
    const { fencingToken } = await victim!.call('acquire', { name: 'hot', options: { ttl: 500 } });
    await resource.enter(fencingToken);
    const contests = others.map((child) => child.call('contend', { name: 'hot', register, rounds: 20 }));
    await victim!.kill('SIGKILL');
    await resource.leave(fencingToken);
    await Promise.all(contests);
    const { accepted, maxInside } = await resource.report();
    expect(accepted).toHaveLength(41);
    expect(maxInside).toBe(1);
    for (const child of others) await child[Symbol.asyncDispose]();
  });
});
