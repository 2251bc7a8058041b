import { describe, expect, it } from 'vitest';
import {
  createLockService,
  currentLock,
  LockBusyError,
  LockClosedError,
  LockLostError,
  type LockModuleOptions,
  LockOptionsError,
  LockUnavailableError,
  MemoryLockStore,
} from '../../../lib/index.js';
import { JobLocks, type JobOptions, JobSemaphore } from '../../../lib/jobs.js';
import { deferred, until } from '../../support/event.js';
import { MarkingStore } from '../../support/marking-store.js';
import { Room } from '../../support/nest.js';
import { useRedis } from '../../support/redis.js';
import { bothStores, inTests } from '../../support/stores.js';

const PERMITS = 'job:render:permits';

/** Job servers with the same options. */
async function servers(count: number, { jobs, ...options }: LockModuleOptions & { jobs?: JobOptions }) {
  const all = await Promise.all(Array.from({ length: count }, () => createLockService(options)));
  return {
    locks: all,
    semaphores: all.map((locks) => new JobSemaphore(locks, jobs)),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(all.map((locks) => locks.close()));
    },
  };
}

describe.each(bothStores(useRedis()))('JobSemaphore on $name', (under) => {
  const limited = (limit: { servers: number } | { slots: number }, defaults: LockModuleOptions['defaults'] = {}) => {
    return { ...under.shared(), defaults, jobs: { limits: { render: limit } } };
  };

  it('lets so many servers in', async () => {
    await using fleet = await servers(3, limited({ servers: 2 }));
    const [one, two, three] = fleet.semaphores as [JobSemaphore, JobSemaphore, JobSemaphore];
    expect(await one.tryAcquire('render')).toBe(true);
    expect(await two.tryAcquire('render')).toBe(true);
    expect(await three.tryAcquire('render')).toBe(false);
    expect(await three.release('render')).toBe(false);
    expect(await one.release('render')).toBe(true);
    expect(await three.tryAcquire('render')).toBe(true);
    expect(await one.tryAcquire('render')).toBe(false);
  });

  it('lets all runs of a server share its place, which the last of them frees', async () => {
    await using fleet = await servers(2, limited({ servers: 1 }));
    const [one, two] = fleet.semaphores as [JobSemaphore, JobSemaphore];
    // Also those that come at the same time.
    const tries = await Promise.all([one, one, one].map((server) => server.tryAcquire('render')));
    expect(tries).toEqual([true, true, true]);
    const room = new Room();
    const run = one.run('render', () => room.visit('a run'));
    await until(() => room.visitors.length === 1);
    expect((await fleet.locks[0]!.inspect(PERMITS)).holders).toHaveLength(1);
    for (let left = 3; left > 0; left -= 1) {
      expect(await two.tryAcquire('render')).toBe(false);
      expect(await one.release('render')).toBe(true);
    }
    expect(await one.release('render')).toBe(false);
    expect(await two.tryAcquire('render')).toBe(false);
    room.letOut('a run');
    await run;
    expect(await two.tryAcquire('render')).toBe(true);
  });

  it('lets so many runs in over all servers where the limit counts slots', async () => {
    await using fleet = await servers(2, limited({ slots: 3 }));
    const [one, two] = fleet.semaphores as [JobSemaphore, JobSemaphore];
    const tries = [await one.tryAcquire('render'), await one.tryAcquire('render'), await two.tryAcquire('render')];
    expect(tries).toEqual([true, true, true]);
    expect(await one.tryAcquire('render')).toBe(false);
    expect(await two.tryAcquire('render')).toBe(false);
    expect(await one.release('render')).toBe(true);
    expect(await two.run('render', () => 'ran')).toBe('ran');
    expect(await two.tryAcquire('render')).toBe(true);
    expect(await one.tryAcquire('render')).toBe(false);
  });

  it.each([
    ['servers', { servers: 1 }],
    ['slots', { slots: 1 }],
  ])('run waits for a place, and gives back what its function returns (%s)', async (_, limit) => {
    await using fleet = await servers(2, limited(limit, { wait: '1h' }));
    const [one, two] = fleet.semaphores as [JobSemaphore, JobSemaphore];
    const room = new Room();
    const runs = [
      one.run('render', ({ mode }) => room.visit('first').then(() => mode)),
      until(() => room.visitors.includes('first')).then(() => two.run('render', () => room.visit('second'))),
    ];
    await until(async () => (await fleet.locks[0]!.inspect(PERMITS)).waiting.length === 1);
    room.letOut('first');
    expect(await runs[0]).toBe('shared');
    await until(() => room.visitors.includes('second'));
    expect(await one.tryAcquire('render')).toBe(false);
    room.letOut('second');
    await runs[1];
    expect(room.most).toBe(1);
  });

  it('gives a place to all runs of a server that wait for it', async () => {
    await using fleet = await servers(2, limited({ servers: 1 }, { wait: '1h' }));
    const [one, two] = fleet.semaphores as [JobSemaphore, JobSemaphore];
    await one.tryAcquire('render');
    const room = new Room();
    const runs = ['a', 'b', 'c'].map((name) => two.run('render', () => room.visit(name)));
    await until(async () => (await fleet.locks[0]!.inspect(PERMITS)).waiting.length === 3);
    await one.release('render');
    await until(() => room.visitors.length === 3);
    expect(room.most).toBe(3);
    await until(async () => (await fleet.locks[0]!.inspect(PERMITS)).waiting.length === 0);
    expect((await fleet.locks[0]!.inspect(PERMITS)).holders).toHaveLength(1);
    room.letOut('a');
    room.letOut('b');
    await Promise.all(runs.slice(0, 2));
    expect(await one.tryAcquire('render')).toBe(false);
    room.letOut('c');
    await runs[2];
    expect(await one.tryAcquire('render')).toBe(true);
  });

  it.each([
    ['servers', { servers: 1 }],
    ['slots', { slots: 1 }],
  ])('run rejects when the wait of the defaults is over (%s)', async (_, limit) => {
    await using fleet = await servers(2, limited(limit, { wait: 30 }));
    const [one, two] = fleet.semaphores as [JobSemaphore, JobSemaphore];
    await one.tryAcquire('render');
    let ran = 0;
    const runs = await Promise.allSettled([1, 2].map(() => two.run('render', () => (ran += 1))));
    const reasons = runs.map((run) => (run.status === 'rejected' ? run.reason : undefined));
    for (const reason of reasons) expect(reason).toBeInstanceOf(LockBusyError);
    expect(reasons[0]).not.toBe(reasons[1]);
    expect(ran).toBe(0);
    await one.release('render');
    expect(await two.run('render', () => 'ran')).toBe('ran');
  });

  it('run throws what its function throws, and frees the place', async () => {
    await using fleet = await servers(2, limited({ servers: 1 }));
    const [one, two] = fleet.semaphores as [JobSemaphore, JobSemaphore];
    const error = new Error('Out of paper');
    const run = one.run('render', () => Promise.reject(error)).catch((reason: unknown) => reason);
    expect(await run).toBe(error);
    expect(await two.tryAcquire('render')).toBe(true);
  });

  it('run inside a run of the same job is one more run: it needs a slot of its own', async () => {
    await using fleet = await servers(1, limited({ slots: 2 }, { wait: 0 }));
    const [one] = fleet.semaphores as [JobSemaphore];
    const nested = () => one.run('render', () => currentLock()?.name);
    expect(await one.run('render', nested)).toBe(PERMITS);
    const third = one.run('render', () => one.run('render', nested));
    await expect(third).rejects.toMatchObject({ code: 'LOCK_BUSY', ownChain: true });
  });

  it('run rejects when its place was lost meanwhile', async () => {
    await using fleet = await servers(2, limited({ servers: 1 }));
    const [one] = fleet.semaphores as [JobSemaphore];
    const run = one.run('render', async ({ signal }) => {
      await fleet.locks[1]!.forceRelease(PERMITS);
      await until(() => signal.aborted);
    });
    await expect(run).rejects.toThrow(LockLostError);
  });

  it.each([
    ['servers', { servers: 1 }],
    ['slots', { slots: 1 }],
  ])('asks anew after a place was lost, and says so to whoever gives it back (%s)', async (_, limit) => {
    await using fleet = await servers(2, limited(limit));
    const [one, two] = fleet.semaphores as [JobSemaphore, JobSemaphore];
    await one.tryAcquire('render');
    await fleet.locks[1]!.forceRelease(PERMITS);
    await until(async () => {
      // It asks anew once it knows; until then a server shares what it believes to have.
      const again = await one.tryAcquire('render');
      return again && (await fleet.locks[1]!.inspect(PERMITS)).holders.length === 1;
    });
    expect(await one.release('render')).toBe(false);
    // The place that was taken after the loss is none of those that gave back what was lost.
    expect(await two.tryAcquire('render')).toBe(false);
    while (!(await two.tryAcquire('render'))) await one.release('render');
    expect(await one.tryAcquire('render')).toBe(false);
  });

  it('frees its places when the service shuts down, after the runs have ended', async () => {
    await using fleet = await servers(2, { ...limited({ servers: 1 }), shutdownGrace: '1s' });
    const [one, two] = fleet.semaphores as [JobSemaphore, JobSemaphore];
    await one.tryAcquire('render');
    const room = new Room();
    const run = one.run('render', ({ signal }) => room.visit('a run').then(() => signal.aborted));
    await until(() => room.visitors.length === 1);
    const closed = fleet.locks[0]!.close();
    expect(await two.tryAcquire('render')).toBe(false);
    room.letOut('a run');
    expect(await run).toBe(false);
    await closed;
    expect(await two.tryAcquire('render')).toBe(true);
    expect(await one.release('render')).toBe(false);
    await expect(one.tryAcquire('render')).rejects.toThrow(LockClosedError);
    await expect(one.run('render', () => 1)).rejects.toThrow(LockClosedError);
  });

  it('is no element of a job', async () => {
    const options = limited({ servers: 1 });
    await using fleet = await servers(2, options);
    const [one] = fleet.semaphores as [JobSemaphore];
    const jobs = new JobLocks(fleet.locks[1]!);
    expect(await jobs.lock('job', 'render:permits')).toBe(true);
    expect(await jobs.lock('render', 'permits')).toBe(true);
    expect(await jobs.lock('job:render', 'permits')).toBe(true);
    expect(await one.tryAcquire('render')).toBe(true);
  });
});

describe('JobSemaphore', () => {
  it('refuses a job without a limit, and says what to do', async () => {
    await using fleet = await servers(1, { store: 'memory', jobs: { limits: { render: { servers: 2 } } } });
    const [one] = fleet.semaphores as [JobSemaphore];
    for (const job of ['issue', 'toString', '__proto__', '']) {
      for (const call of [one.tryAcquire(job), one.release(job), one.run(job, () => 1)]) {
        const error = await call.then(() => undefined).catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(LockOptionsError);
        expect((error as Error).message).toContain(`'${job}'`);
        expect((error as Error).message).toContain('limits: {');
      }
    }
  });

  it('takes one place for all runs of a server, also for those that ask before the store has answered', async () => {
    const answer = deferred();
    const seen = new MarkingStore();
    seen.after('acquire', () => answer.promise);
    const options = {
      store: seen.store,
      ...inTests,
      jobs: { limits: { render: { servers: 2 } } },
    };
    await using fleet = await servers(1, options);
    const [one] = fleet.semaphores as [JobSemaphore];
    const room = new Room();
    const tries = [one.tryAcquire('render'), one.tryAcquire('render')];
    // One that waits asks for itself, and is granted the second place.
    const run = one.run('render', () => room.visit('a run'));
    await until(() => room.visitors.length === 1);
    answer.resolve();
    expect(await Promise.all(tries)).toEqual([true, true]);
    expect(seen.calls.filter((call) => call === 'acquire')).toHaveLength(2);
    expect((await fleet.locks[0]!.inspect(PERMITS)).holders).toHaveLength(1);
    room.letOut('a run');
    await run;
  });

  it('says that the store does not answer, to each caller with an error of its own', async () => {
    const options = {
      redis: { port: 1 },
      ...inTests,
      commandTimeout: 200,
      jobs: { limits: { render: { servers: 1 } } },
    };
    await using fleet = await servers(1, options);
    const [one] = fleet.semaphores as [JobSemaphore];
    const tries = await Promise.allSettled([
      one.tryAcquire('render'),
      one.tryAcquire('render'),
      one.run('render', () => 1),
    ]);
    const reasons = tries.map((result) => (result.status === 'rejected' ? result.reason : undefined));
    for (const reason of reasons) expect(reason).toBeInstanceOf(LockUnavailableError);
    expect(new Set(reasons).size).toBe(3);
  });

  it('keeps the place of a server for as long as its runs need it, and that of a run no longer than maxHold', async () => {
    const limits = { render: { servers: 1 }, print: { slots: 1 } };
    const jobs = { limits };
    await using fleet = await servers(2, { store: new MemoryLockStore(), defaults: { maxHold: 1, ttl: '1h' }, jobs });
    const [one, two] = fleet.semaphores as [JobSemaphore, JobSemaphore];
    await one.tryAcquire('print');
    await one.tryAcquire('render');
    await until(() => two.tryAcquire('print'));
    expect(await two.tryAcquire('render')).toBe(false);
    expect(await one.release('print')).toBe(false);
    expect(await one.release('render')).toBe(true);
  });
});
