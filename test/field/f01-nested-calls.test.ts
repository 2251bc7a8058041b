import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { createLockService, type LockOptions, type LockService, MemoryLockStore } from '../../lib/index.js';
import { deferred, until } from '../support/event.js';
import { unique, useRedis } from '../support/redis.js';
import { recordingLogger } from '../support/redis-observe.js';
import { bothStores } from '../support/stores.js';

/** How many bodies are inside at once, at the most. */
class Crowd {
  inside = 0;
  most = 0;
  readonly body = async (): Promise<void> => {
    this.inside += 1;
    this.most = Math.max(this.most, this.inside);
    for (let turn = 0; turn < 5; turn += 1) await sleep(1);
    this.inside -= 1;
  };
}

const redis = useRedis();

describe.each(bothStores(redis))('F1: calls that are nested in a lock ($name)', ({ shared }) => {
  const open: LockService[] = [];
  const service = async (options: { defaults?: LockOptions } = {}): Promise<LockService> => {
    const locks = await createLockService({ ...shared(), ...options });
    open.push(locks);
    return locks;
  };
  afterEach(async () => {
    await Promise.all(open.splice(0).map((locks) => locks.close()));
  });

  it('stand in line like any other caller, however they are started', async () => {
    const locks = await service();
    const name = unique('stock');
    const crowd = new Crowd();
    const started: Promise<unknown>[] = [];
    await locks.run(name, async () => {
      started.push(locks.run(name, crowd.body), locks.tryRun(name, { wait: '10s' }, crowd.body));
      started.push(locks.once(name, { remember: '1m', wait: '10s' }, crowd.body));
      started.push(locks.acquire(name).then((lock) => crowd.body().finally(() => lock.release())));
      setImmediate(() => void started.push(locks.run(name, crowd.body)));
      await crowd.body();
      await until(() => started.length === 5);
    });
    await Promise.all(started);
    expect(crowd.most).toBe(1);
  });

  it.each<[string, LockOptions]>([
    ['exclusive in exclusive', {}],
    ['shared in exclusive', { mode: 'shared' }],
  ])('that do not wait find the lock busy, and hold it themselves (%s)', async (_, inner) => {
    const locks = await service();
    const name = unique('door');
    await locks.run(name, async () => {
      expect(await locks.tryAcquire(name, inner)).toBeNull();
      expect(await locks.tryRun(name, inner, () => 'ran')).toEqual({ acquired: false });
      const error = await locks.acquire(name, { ...inner, wait: 0 }).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'LOCK_BUSY', ownChain: true, lockName: name });
      expect((error as Error).message).toMatch(/call chain.*reentrant: true/);
    });
    const elsewhere = await locks.acquire(name);
    const stranger = await locks.acquire(name, { wait: 0 }).catch((reason: unknown) => reason);
    expect(stranger).toMatchObject({ code: 'LOCK_BUSY', ownChain: false });
    await elsewhere.release();
  });

  it('that wait in vain are told that they waited for themselves', async () => {
    const locks = await service();
    const name = unique('door');
    const error = await locks
      .run(name, () => locks.run(name, { wait: 50 }, () => {}))
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'LOCK_BUSY', ownChain: true });
  });

  it('that share it on request run one at a time, each on its own token-bearing lock', async () => {
    const locks = await service();
    const name = unique('stock');
    const crowd = new Crowd();
    const tokens: number[] = [];
    const nested = (): Promise<void> =>
      locks.run(name, { reentrant: true }, async (lock) => {
        tokens.push(lock.fencingToken);
        await crowd.body();
      });
    const outer = await locks.run(name, async (lock) => {
      await Promise.all([nested(), nested(), nested(), locks.tryRun(name, { reentrant: true, wait: '10s' }, nested)]);
      return lock.fencingToken;
    });
    expect(crowd.most).toBe(1);
    expect(new Set(tokens)).toEqual(new Set([outer]));
    expect(tokens).toHaveLength(4);
  });

  it('go deeper at any time: a nested body begins when the frame that called it is the innermost', async () => {
    const locks = await service({ defaults: { reentrant: true } });
    const name = unique('stock');
    const order: string[] = [];
    const deep = (label: string, depth: number): Promise<void> =>
      locks.run(name, async () => {
        order.push(`${label}${depth}`);
        if (depth > 1) await Promise.all([deep(label, depth - 1), deep(`${label}'`, depth - 1)]);
        order.push(`/${label}${depth}`);
      });
    await locks.run(name, () => Promise.all([deep('a', 3), deep('b', 3)]));
    const depths: string[] = [];
    for (const step of order) {
      if (!step.startsWith('/')) depths.push(step);
      else expect(depths.pop()).toBe(step.slice(1));
    }
    expect(order).toHaveLength(28);
  });

  it('of a frame that ends while they wait for their turn go on under the next one, or stand in line', async () => {
    const locks = await service({ defaults: { reentrant: true } });
    const name = unique('stock');
    const crowd = new Crowd();
    const goOn = deferred();
    const tokens: number[] = [];
    const late: Promise<void>[] = [];
    const outer = await locks.run(name, async (lock) => {
      late.push(locks.run(name, () => goOn.promise.then(crowd.body)));
      for (let i = 0; i < 3; i += 1) {
        late.push(
          locks.run(name, async ({ fencingToken }) => {
            tokens.push(fencingToken);
            await crowd.body();
          }),
        );
      }
      return lock.fencingToken;
    });
    expect(tokens).toEqual([]);
    goOn.resolve();
    await Promise.all(late);
    expect(crowd.most).toBe(1);
    // They did not join a hold whose body had ended.
    expect(tokens.every((token) => token > outer)).toBe(true);
  });

  it('wait also for what a sibling has called and not awaited, which goes on under the hold', async () => {
    const locks = await service({ defaults: { reentrant: true } });
    const name = unique('stock');
    const goOn = deferred();
    const crowd = new Crowd();
    const order: string[] = [];
    const late: Promise<void>[] = [];
    await locks.run(name, async () => {
      const first = locks.run(name, async () => {
        const deepest = (): Promise<void> => locks.run(name, () => goOn.promise.then(crowd.body));
        late.push(locks.run(name, deepest).then(() => void order.push('detached')));
      });
      const second = locks.run(name, async () => {
        await crowd.body();
        order.push('sibling');
      });
      await first;
      const third = await locks.tryRun(name, () => 'ran');
      expect(third).toEqual({ acquired: false });
      goOn.resolve();
      await second;
    });
    await Promise.all(late);
    expect(order).toEqual(['detached', 'sibling']);
    expect(crowd.most).toBe(1);
  });

  it('wait for their siblings within their `wait`, and as long as their `signal` lets them', async () => {
    const locks = await service({ defaults: { reentrant: true } });
    const name = unique('stock');
    const end = deferred();
    await locks.run(name, async () => {
      const first = locks.run(name, () => end.promise);
      const wanted = [
        locks.run(name, { wait: 20 }, () => {}),
        locks.run(name, { wait: 0 }, () => {}),
        locks.run(name, { signal: AbortSignal.abort(new Error('stop')) }, () => {}),
      ];
      const controller = new AbortController();
      const aborted = expect(locks.run(name, { signal: controller.signal }, () => {})).rejects.toThrow('stop');
      controller.abort(new Error('stop'));
      const [late, atOnce, before] = (await Promise.allSettled(wanted)) as PromiseRejectedResult[];
      expect(late!.reason).toMatchObject({ code: 'LOCK_BUSY', ownChain: true });
      expect(atOnce!.reason).toMatchObject({ code: 'LOCK_BUSY', ownChain: true });
      expect(before!.reason).toMatchObject({ message: 'stop' });
      await aborted;
      end.resolve();
      await first;
      expect(await locks.run(name, { wait: 0 }, () => 'free again')).toBe('free again');
    });
  });

  it('of several names share what the chain holds, in one frame or in several, and do not wait for themselves', async () => {
    const locks = await service({ defaults: { reentrant: true } });
    const [a, b, c] = ['a', 'b', 'c'].map((letter) => unique(letter)) as [string, string, string];
    const seen = await locks.run([a, b], () =>
      locks.run(a, () =>
        locks.run(c, () => Promise.all([locks.run([a, b, c], ({ names }) => names), locks.run([b], () => 'b')])),
      ),
    );
    expect(seen).toEqual([[a, b, c], 'b']);
  });

  it('of a shared lock that ask for it as exclusive are refused at once, whatever `reentrant` says', async () => {
    const locks = await service();
    const name = unique('door');
    await locks.run(name, { mode: 'shared' }, async () => {
      for (const reentrant of [true, false]) {
        await expect(locks.run(name, { reentrant }, () => {})).rejects.toMatchObject({ code: 'LOCK_UPGRADE' });
        await expect(locks.acquire(name, { reentrant })).rejects.toMatchObject({ code: 'LOCK_UPGRADE' });
      }
    });
  });
});

describe('F1: a call that waits for its own chain', () => {
  it('is warned of at once, once for each place, with the remedy', async () => {
    const logger = recordingLogger();
    await using locks = await createLockService({ store: new MemoryLockStore(), logger });
    const nested = (id: number): Promise<void> =>
      locks.run(`order:${id}`, async () => {
        await locks.tryRun(`order:${id}`, () => {});
        const waiting = locks.run(`order:${id}`, () => {});
        await until(() => logger.lines.length > 0);
        void waiting;
      });
    for (let id = 0; id < 3; id += 1) await nested(id);
    expect(logger.lines).toHaveLength(1);
    expect(logger.lines[0]).toMatch(/order:0.*call chain.*reentrant: true/);
    await locks.run('invoice:1', () => locks.tryRun('invoice:1', () => {}));
    expect(logger.lines).toHaveLength(2);
  });

  it('is not warned of where it does not wait: shared in shared, another chain, another name', async () => {
    const logger = recordingLogger();
    await using locks = await createLockService({ store: new MemoryLockStore(), logger });
    await locks.run('report', { mode: 'shared' }, () => locks.run('report', { mode: 'shared' }, () => {}));
    await locks.run('a', () => locks.run('b', () => {}));
    const held = await locks.acquire('c');
    const other = locks.run('c', () => {});
    await held.release();
    await other;
    expect(logger.lines).toEqual([]);
  });

  it('is warned of where a writer of another process waits between two readers of one chain', async () => {
    const logger = recordingLogger();
    const store = new MemoryLockStore();
    await using locks = await createLockService({ store, logger });
    await using elsewhere = await createLockService({ store });
    await locks.run('report', { mode: 'shared' }, async () => {
      const writer = elsewhere.acquire('report', { wait: '1m' }).then((lock) => lock.release());
      await until(async () => (await locks.inspect('report')).waiting.length === 1);
      const error = await locks
        .run('report', { mode: 'shared', wait: 20 }, () => {})
        .catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'LOCK_BUSY', ownChain: true });
      void writer;
    });
    expect(logger.lines).toHaveLength(1);
  });
});
