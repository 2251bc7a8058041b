import { AsyncLocalStorage, createHook } from 'node:async_hooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createLockService,
  currentLock,
  type LockModuleOptions,
  type LockService,
  MemoryLockStore,
} from '../../lib/index.js';
import type { RedisClient } from '../../lib/stores/redis/redis-client.js';
import { deferred, until } from '../support/event.js';
import { type ProgramOptions, runProgram } from '../support/program.js';
import { unique, useRedis } from '../support/redis.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { RedisQuorum } from '../support/redis-quorum.js';
import { inTests } from '../support/stores.js';

/** Whose request it is, as an application keeps it. */
const user = new AsyncLocalStorage<string>();

type Options = Pick<LockModuleOptions, 'redis'> | Pick<LockModuleOptions, 'store'> | Pick<LockModuleOptions, 'quorum'>;

const redis = useRedis();
let cluster: RedisCluster;
let quorum: RedisQuorum;
beforeAll(async () => {
  [cluster, quorum] = await Promise.all([RedisCluster.start(), RedisQuorum.start(3)]);
  await quorum.up(2);
});
afterAll(async () => {
  await Promise.all([cluster?.stop(), quorum?.stop()]);
});

const stores: [string, () => () => Options][] = [
  ['in memory', () => sharing({ store: new MemoryLockStore() })],
  ['on a Redis', () => sharing({ redis: redis.url })],
  ['on a Redis, with a client that was handed in', () => () => ({ redis: redis.server.client() })],
  ['on a Cluster', () => () => ({ redis: cluster.client() as unknown as RedisClient })],
  ['on a quorum', () => sharing({ quorum: quorum.urls })],
];

/** What a listener finds: the user, and the lock of its call chain. */
function here(): (string | undefined)[] {
  return [user.getStore(), currentLock()?.name];
}

/** What the listeners have found. */
function record() {
  const heard: Record<string, unknown> = {};
  const note = (listener: string) => (): void => {
    heard[listener] = here();
  };
  return { heard, note };
}

function sharing(options: Options): () => Options {
  return () => options;
}

describe.each(stores)('%s', (_, prepare) => {
  let locks: LockService;
  let operator: LockService;

  /** All is made in the context of a request, and first used in that of another, under a lock of its own. */
  beforeAll(async () => {
    const options = prepare();
    const namespace = unique('ns');
    const open = async (): Promise<LockService> => {
      const service = await user.run('the maker', () =>
        createLockService({
          ...options(),
          namespace,
          ...inTests,
          defaults: { ttl: 1_500, wait: '1m' },
          longestTtl: 1_500,
        } as LockModuleOptions),
      );
      await user.run('the first', () => service.run('warm', () => service.run('warmer', () => {})));
      return service;
    };
    [locks, operator] = [await open(), await open()];
  });
  afterAll(async () => {
    await Promise.all([locks?.close(), operator?.close()]);
  });

  /** The operator does it, under a lock of his own. */
  const intervene = (work: () => Promise<unknown>): Promise<unknown> =>
    user.run('the operator', () => operator.run(unique('operation'), work));

  it.each([
    ['by force', {}, (name: string) => intervene(() => operator.forceRelease(name))],
    ['at its end', { ttl: 400, renew: false }, async () => {}],
    ['while another request looks at it', { ttl: 400, renew: false }, async () => {}],
  ])('each listener of `signal` runs where it was registered: a lock that ends %s', async (how, options, end) => {
    const name = unique('lock');
    const { heard, note } = record();
    const lock = await user.run('ann', () => locks.acquire(name, options));
    const bob = { handleEvent: note('bob') };
    const never = note('never');
    user.run('ann', () => lock.signal.addEventListener('abort', note('ann')));
    user.run('bob', () => lock.signal.addEventListener('abort', bob, { once: true }));
    user.run('cid', () => Object.assign(lock.signal, { onabort: note('cid') }));
    user.run('dan', () => lock.signal.addEventListener('abort', never));
    user.run('eve', () => lock.signal.removeEventListener('abort', never));
    // A signal that is made of several aborts where the lock was first asked for its own.
    user.run('fay', () => {
      AbortSignal.any([lock.signal]).addEventListener('abort', note('fay'));
    });
    const rejected = user.run('gus', async () => {
      await new Promise((resolve) => lock.signal.addEventListener('abort', resolve));
      note('gus')();
    });
    await end(name);
    // Nothing else runs before the lock is found to have ended.
    if (how.startsWith('while'))
      user.run('the looker', () => {
        while (lock.held);
      });

    await rejected;
    expect(heard).toEqual({
      ann: ['ann', undefined],
      bob: ['bob', undefined],
      cid: ['cid', undefined],
      fay: ['ann', undefined],
      gus: ['gus', undefined],
    });
    await lock.release();
  });

  it('each listener of `onReleaseRequested` runs where it was registered', async () => {
    const [name, other] = [unique('lock'), unique('lock')];
    const { heard, note } = record();
    const lock = await user.run('ann', () => locks.acquire([name, other]));
    const done = deferred();
    user.run('ann', () => lock.onReleaseRequested(note('ann')));
    user.run('bob', () => lock.onReleaseRequested(note('bob')));
    await intervene(() => operator.requestRelease(other));
    await until(() => heard.bob);
    // It has been asked for already: soon, but not in the context of whoever is at work then.
    user.run('cid', () => {
      lock.onReleaseRequested(() => {
        note('cid')();
        done.resolve();
      });
    });
    await done.promise;
    expect(heard).toEqual({ ann: ['ann', undefined], bob: ['bob', undefined], cid: ['cid', undefined] });
    await lock.release();
  });

  it.each([{ mode: 'exclusive' as const }, { mode: 'shared' as const, permits: 3 }])(
    'listeners of a body find its lock as the current one, and nobody else does: %j',
    async (options) => {
      const [name, inner] = [unique('lock'), unique('inner')];
      const { heard, note } = record();
      const ended = deferred();
      let held!: Promise<unknown>;
      await user.run('ann', async () => {
        held = locks.run(name, { ...options, onLost: 'ignore' }, async (lock) => {
          lock.onReleaseRequested(note('requested'));
          lock.signal.addEventListener('abort', note('aborted'));
          await locks.run(inner, () => {
            lock.signal.addEventListener('abort', note('inner'));
          });
          await ended.promise;
          note('body')();
        });
      });
      await until(async () => (await operator.inspect(name)).holders.length === 1);
      await until(async () => (await operator.inspect(inner)).holders.length === 0);
      await intervene(() => operator.requestRelease(name));
      await until(() => heard.requested);
      await intervene(() => operator.forceRelease(name));
      await until(() => heard.inner);
      ended.resolve();
      await held;
      expect(heard).toEqual({
        requested: ['ann', name],
        aborted: ['ann', name],
        inner: ['ann', inner],
        body: ['ann', name],
      });
    },
  );

  it('whoever waits goes on in its own context, whoever has let go', async () => {
    const name = unique('lock');
    const holder = await user.run('ann', () => locks.acquire(name));
    const bodies = ['bob', 'cid'].map((who) => user.run(who, () => locks.run(name, here)));
    const away = user.run('dan', () => operator.run(name, here));
    await until(async () => (await operator.inspect(name)).waiting.length > 0);
    await user.run('eve', () => holder.release());
    expect(await Promise.all([...bodies, away])).toEqual([
      ['bob', name],
      ['cid', name],
      ['dan', name],
    ]);
  });

  it('an election tells in the context that stands for it', async () => {
    const name = unique('lead');
    const { heard, note } = record();
    const before = await user.run('ann', () => operator.acquire(name));
    const election = user.run('eve', () =>
      locks.elect(name, {
        onElected: (lock) => {
          lock.signal.addEventListener('abort', note('aborted'));
          note('elected')();
        },
        onDeposed: note('deposed'),
      }),
    );
    await until(async () => (await operator.inspect(name)).waiting.length === 1);
    await user.run('bob', () => before.release());
    await until(() => heard.elected);
    await user.run('dan', () => election.resign());
    expect(heard).toEqual({ elected: ['eve', name], aborted: ['eve', name], deposed: ['eve', undefined] });
  });

  it('nothing that lasts is made in the context of a request', async () => {
    const made: unknown[] = [];
    const LASTING = ['Timeout', 'Immediate', 'TCPWRAP', 'TCPCONNECTWRAP', 'TLSWRAP', 'GETADDRINFOREQWRAP', 'PIPEWRAP'];
    const hook = createHook({
      init: (_id, type) => {
        if (LASTING.includes(type) && user.getStore() !== undefined)
          made.push(type, user.getStore(), new Error().stack);
      },
    }).enable();
    try {
      const [name, other] = [unique('lock'), unique('lock')];
      // The first that this process has, waits for, wants to be told of.
      const lock = await user.run('ann', () => locks.acquire([name, other], { holdAtLeast: 1 }));
      const waits = user.run('bob', () => operator.run(name, { wait: '10s' }, () => {}));
      const nearby = user.run('cid', () => locks.run(name, { wait: '10s' }, () => {}));
      await until(async () => (await operator.inspect(name)).waiting.length > 0);
      await user.run('ann', () => lock.extend());
      await user.run('ann', () => lock.release());
      await Promise.all([waits, nearby]);
      await user.run('dan', () => locks.once(unique('done'), { remember: 1_000 }, () => {}));
      await user.run('eve', () => locks.tryRun(name, { replicas: 0 }, () => {}));
    } finally {
      hook.disable();
    }
    expect(made).toEqual([]);
  });
});

describe('what a request has is let go when the request is over', () => {
  it.each(['in memory', 'on a Redis'])('whatever it did with locks: %s', async (where) => {
    const args: Record<string, string> = { ...(where === 'on a Redis' && { url: redis.url }), namespace: unique('ns') };
    const options: ProgramOptions = { of: 'field', flags: ['--expose-gc'], patience: 60_000 };
    expect(await runProgram('f39-retention', args, options)).toEqual({
      code: 0,
      lines: [{ left: [], held: true }],
      errors: '',
    });
  });
});
