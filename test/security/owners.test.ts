import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Instance } from '../../lib/core/instance.js';
import { createLockService } from '../../lib/index.js';
import { Child } from '../support/child.js';
import { fakeTime, realTime } from '../support/fake-time.js';
import { unique, useRedis } from '../support/redis.js';
import { inTests, quiet } from '../support/stores.js';

vi.mock('node:crypto', async (importOriginal) => {
  const crypto = await importOriginal<typeof import('node:crypto')>();
  return { ...crypto, randomBytes: vi.fn(crypto.randomBytes) };
});

const INSTANCES = 2_000;
const BITS = 128;

describe('the ids of owners cannot be guessed', () => {
  const redis = useRedis();
  afterEach(() => {
    realTime();
    vi.restoreAllMocks();
  });

  const randomPart = (id: string): string => /^([0-9a-f]{32})\.label$/.exec(id)![1]!;
  const draw = (): string => randomPart(new Instance('label').id);

  it('they are what node:crypto gives: sixteen bytes for each instance, and nothing else', () => {
    vi.mocked(randomBytes).mockClear();
    const ids = [draw(), draw()];
    const { calls, results } = vi.mocked(randomBytes).mock;
    expect(calls).toEqual([[16], [16]]);
    expect(results.map(({ value }) => (value as unknown as Buffer).toString('hex'))).toEqual(ids);
  });

  it('each of the 128 bits is drawn, and no two instances have the same', () => {
    const ids = Array.from({ length: INSTANCES }, draw);
    expect(new Set(ids).size).toBe(INSTANCES);
    const ones = Array.from({ length: BITS }, (_, bit) => {
      return ids.filter((id) => (BigInt(`0x${id}`) >> BigInt(bit)) & 1n).length;
    });
    // Nine standard deviations: one in 10^19 runs fails by chance.
    for (const count of ones) expect(Math.abs(count - INSTANCES / 2)).toBeLessThan(INSTANCES / 10);
  });

  it('they come neither from the time, nor from the process, nor from Math.random', () => {
    fakeTime({ now: 0, toFake: ['Date', 'performance', 'hrtime'] });
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    const ids = Array.from({ length: INSTANCES }, draw);
    expect(new Set(ids).size).toBe(INSTANCES);
    for (const part of [process.pid, process.ppid].map((pid) => pid.toString(16).padStart(8, '0'))) {
      expect(ids.filter((id) => id.startsWith(part) || id.endsWith(part))).toEqual([]);
    }
  });

  it('they are drawn by the process that runs, at its first lock, and not when the service is made', async () => {
    const namespace = unique('ns');
    const channels = () => redis.client.pubsub('CHANNELS', `${namespace}:wake:*`);
    vi.mocked(randomBytes).mockClear();
    await using service = await createLockService({
      redis: redis.url,
      namespace,
      instance: 'label',
      logger: quiet,
      shutdownGrace: 0,
    });
    expect(randomBytes).not.toHaveBeenCalled();
    expect(await channels()).toEqual([]);
    await service.acquire('a');
    await service.acquire('b');
    expect(randomBytes).toHaveBeenCalledTimes(1);
    const holders = await redis.client.mget(`${namespace}:{a}`, `${namespace}:{b}`);
    const ids = holders.map((holder) => /^([0-9a-f]{32}\.label)#(\d+) \d+$/.exec(holder!)!.slice(1));
    expect(ids.map(([, seq]) => seq)).toEqual(['1', '2']);
    expect(ids[0]![0]).toBe(ids[1]![0]);
  });

  it('services with one label have different ones, in one process, one after the other, and in several', async () => {
    const namespace = unique('ns');
    const options = { redis: redis.url, namespace, instance: 'label', ...inTests };
    const idOf = async (name: string): Promise<string> => {
      return randomPart((await redis.client.get(`${namespace}:{${name}}`))!.split('#')[0]!);
    };
    const ids: string[] = [];
    for (const name of ['first', 'second', 'third']) {
      const service = await createLockService(options);
      await service.acquire(name);
      ids.push(await idOf(name));
      await service.close();
    }
    const { logger, ...plain } = options;
    const children = await Promise.all([1, 2, 3].map(() => Child.start(plain)));
    for (const [index, child] of children.entries()) {
      await child.call('acquire', { name: `child-${index}` });
      ids.push(await idOf(`child-${index}`));
      await child[Symbol.asyncDispose]();
    }
    expect(new Set(ids).size).toBe(6);
  });

  it('nobody is told them: neither by inspect nor by an error', async () => {
    const namespace = unique('ns');
    const options = { redis: redis.url, namespace, instance: 'label', ...inTests };
    await using holder = await createLockService(options);
    await using other = await createLockService(options);
    await holder.acquire('n');
    const [, id] = /^([0-9a-f]{32})\./.exec((await redis.client.get(`${namespace}:{n}`))!)!;
    const told = [await other.inspect('n'), await other.acquire('n', { wait: 0 }).catch((error: unknown) => error)];
    for (const each of told) {
      const text = inspect(each, { depth: 10, showHidden: true });
      expect(text).toContain('label');
      expect(text).not.toContain(id);
    }
  });
});
