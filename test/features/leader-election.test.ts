import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import {
  createLockService,
  currentLock,
  type DeposedReason,
  type ElectOptions,
  type LeaderElection,
  type Lock,
  LockClosedError,
  LockKeyError,
  type LockModuleOptions,
  LockOptionsError,
  type LockService,
} from '../../lib/index.js';
import { deferred, until } from '../support/event.js';
import { useRedis } from '../support/redis.js';
import { bothStores } from '../support/stores.js';

/** So long that nobody waits for it in a test. */
const ttl = '1h';

class Replica {
  readonly terms: Lock[] = [];
  readonly reasons: DeposedReason[] = [];
  readonly election: LeaderElection;

  constructor(
    readonly locks: LockService,
    options: Partial<ElectOptions> = {},
  ) {
    this.election = locks.elect('reports', {
      ttl,
      onElected: (lock) => void this.terms.push(lock),
      onDeposed: (reason) => void this.reasons.push(reason),
      ...options,
    });
  }

  leads(): Promise<boolean> {
    return until(() => this.election.isLeader && this.terms.length > 0);
  }
}

describe.each(bothStores(useRedis()))('An election on $name', ({ shared }) => {
  let options: LockModuleOptions;
  let log: string[];
  beforeEach(() => {
    log = [];
    const warn = (message: string): void => void log.push(message);
    options = { ...shared(), shutdownGrace: '10s', logger: { warn, error: warn } };
  });

  async function service(more: Partial<LockModuleOptions> = {}): Promise<LockService> {
    const locks = await createLockService({ ...options, ...more } as LockModuleOptions);
    onTestFinished(() => locks.close());
    return locks;
  }

  const replica = async (listener?: Partial<ElectOptions>): Promise<Replica> => new Replica(await service(), listener);

  it('has one leader, with the token of the term; when that resigns, the next leads, without waiting', async () => {
    const first = await replica();
    await first.leads();
    const second = await replica();
    await until(async () => (await first.locks.inspect('reports')).waiting.length === 1);
    expect([second.election.isLeader, second.election.fencingToken]).toEqual([false, undefined]);
    const term = first.election.fencingToken ?? 0;
    expect(term).toBe(first.terms[0]?.fencingToken);
    await first.election.resign();
    expect([first.election.isLeader, first.election.fencingToken, first.reasons]).toEqual([
      false,
      undefined,
      ['resigned'],
    ]);
    await second.leads();
    expect(second.election.fencingToken).toBeGreaterThan(term);
    expect(second.reasons).toEqual([]);
  });

  it('hands over at the shutdown of the leader', async () => {
    const first = await replica();
    await first.leads();
    const second = await replica();
    await first.locks.close();
    expect(first.reasons).toEqual(['resigned']);
    await second.leads();
  });

  it('lets the term end before the successor begins', async () => {
    const events: string[] = [];
    const [mayEnd, mayTell] = [deferred(), deferred()];
    const first = await replica({
      onElected: async (lock) => {
        await new Promise((resolve) => lock.signal.addEventListener('abort', resolve));
        await mayEnd.promise;
        events.push(`work of the first ends, ${lock.signal.reason.why}`);
      },
      onDeposed: async (reason) => {
        await mayTell.promise;
        events.push(`the first is ${reason}`);
      },
    });
    await until(() => first.election.isLeader);
    const second = await replica({ onElected: () => void events.push('the second leads') });
    await until(async () => (await second.locks.inspect('reports')).waiting.length === 1);
    const resigned = first.election.resign();
    mayEnd.resolve();
    await until(() => events.length === 1);
    expect([first.election.isLeader, first.election.fencingToken]).toEqual([false, undefined]);
    mayTell.resolve();
    await resigned;
    await until(() => events.length === 3);
    expect(events).toEqual(['work of the first ends, released', 'the first is resigned', 'the second leads']);
  });

  it('does not wait longer than the grace for the end of a term', async () => {
    const locks = await service({ shutdownGrace: 50 });
    const first = new Replica(locks, { onElected: () => new Promise(() => {}) });
    await until(() => first.election.isLeader);
    await first.election.resign();
    await (await replica()).leads();
  });

  it('tells a leader whose lock is lost why, and lets it stand again', async () => {
    const first = await replica();
    await first.leads();
    const other = await service();
    await other.forceRelease('reports');
    await until(() => first.terms.length === 2);
    expect(first.reasons).toHaveLength(1);
    // Whichever is first: the message, or the look at the lock when the connection for messages is up.
    expect(['forced', 'taken']).toContain(first.reasons[0]);
    expect(first.terms[0]?.signal.aborted).toBe(true);
    expect(first.election.fencingToken).toBeGreaterThan(first.terms[0]?.fencingToken ?? 0);
  });

  it('gives somebody else a turn when onElected fails', async () => {
    const second = deferred();
    let failures = 0;
    const first = await replica({
      onElected: () => {
        failures += 1;
        if (failures === 1) throw new Error('no disk');
      },
    });
    await until(() => first.reasons.length === 1);
    expect(first.reasons).toEqual(['failed']);
    const next = await replica({ onElected: () => second.resolve() });
    await second.promise;
    expect(next.election.isLeader).toBe(true);
    expect(log.join()).toMatch(/no disk/);
    await next.election.resign();
    await until(() => first.election.isLeader);
  });

  it('ends the term of a leader that releases its lock, which stands again', async () => {
    const first = await replica();
    await first.leads();
    const second = await replica();
    await until(async () => (await second.locks.inspect('reports')).waiting.length === 1);
    await first.terms[0]?.release();
    await second.leads();
    expect([first.reasons, first.election.isLeader, first.terms[0]?.signal.aborted]).toEqual([
      ['released'],
      false,
      true,
    ]);
    await second.election.resign();
    await until(() => first.terms.length === 2);
  });

  it('begins no term of a process before its last one has ended, however long that takes', async () => {
    const mayEnd = deferred();
    let inside = 0;
    let most = 0;
    const locks = await service({ shutdownGrace: 1 });
    const first = new Replica(locks, {
      onElected: async () => {
        inside += 1;
        most = Math.max(most, inside);
        await mayEnd.promise;
        inside -= 1;
      },
    });
    await until(() => inside === 1);
    await locks.forceRelease('reports');
    await until(() => first.reasons.length === 1);
    const second = await replica();
    await second.leads();
    await second.election.resign();
    mayEnd.resolve();
    await until(() => first.election.isLeader);
    expect(most).toBe(1);
  });

  it('takes the error of another service that is closed for what it is', async () => {
    const first = await replica({
      onElected: () => {
        throw new LockClosedError('other');
      },
    });
    await until(() => first.reasons.length === 2);
    expect(first.reasons).toEqual(['failed', 'failed']);
  });

  it('goes on although onDeposed fails', async () => {
    const first = await replica({
      onDeposed: () => {
        throw new Error('no pen');
      },
    });
    await first.leads();
    await first.locks.forceRelease('reports');
    await until(() => first.terms.length === 2);
    expect(log.join()).toMatch(/no pen/);
  });

  it('lets the leader lock its own name in the course of its term', async () => {
    const locks = await service();
    const nested = deferred<boolean>();
    new Replica(locks, {
      onElected: async (lock) =>
        nested.resolve(
          await locks.run('reports', { reentrant: true }, () => currentLock('reports')?.held === lock.held),
        ),
    });
    expect(await nested.promise).toBe(true);
  });

  it('is over for good after it was resigned, also twice, also before it was won', async () => {
    const holder = await (await service()).acquire('reports');
    const first = await replica();
    await until(async () => (await first.locks.inspect('reports')).waiting.length === 1);
    await Promise.all([first.election.resign(), first.election[Symbol.asyncDispose]()]);
    await until(async () => (await first.locks.inspect('reports')).waiting.length === 0);
    await holder.release();
    expect([first.terms, first.reasons]).toEqual([[], []]);
  });

  it('is over when it is resigned in the moment in which it is won, or by onElected itself', async () => {
    const holder = await (await service()).acquire('reports');
    const first = await replica();
    await until(async () => (await first.locks.inspect('reports')).waiting.length === 1);
    await holder.release();
    await until(async () => (await first.locks.inspect('reports')).holders.length === 1);
    await first.election.resign();
    const second = await replica({ onElected: () => void second.election.resign() });
    await until(() => second.reasons.length === 1);
    await second.election.resign();
    expect(second.reasons).toEqual(['resigned']);
    await (await replica()).leads();
  });

  it('refuses what cannot be, at once', async () => {
    const locks = await service();
    const onElected = (): void => {};
    expect(() => locks.elect('', { onElected })).toThrow(LockKeyError);
    // @ts-expect-error: nobody to tell.
    expect(() => locks.elect('reports', {})).toThrow(LockOptionsError);
    // @ts-expect-error: no function.
    expect(() => locks.elect('reports', { onElected, onDeposed: 1 })).toThrow(LockOptionsError);
    // @ts-expect-error: it waits for ever.
    expect(() => locks.elect('reports', { onElected, wait: 5 })).toThrow(LockOptionsError);
    expect(() => locks.elect('reports', { onElected, ttl: 0 })).toThrow(LockOptionsError);
    const bounded = await service({ longestTtl: '1m' });
    expect(() => bounded.elect('reports', { onElected, ttl: '2m' })).toThrow(LockOptionsError);
    await locks.close();
    expect(() => locks.elect('reports', { onElected })).toThrow(LockClosedError);
  });
});
