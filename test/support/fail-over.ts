import type { Redis } from 'ioredis';
import { expect } from 'vitest';
import type { Lock, LockError, LockService } from '../../lib/index.js';
import { until } from './event.js';
import { type GuardedRegister, memoryRegister } from './guarded-register.js';
import { keysWithoutTtl, traces } from './redis-observe.js';

/** How long a fail-over may take on a busy machine; only bounds a failing test. */
const PATIENT = { within: 60_000 };
const ROUNDS = 10;

/** Asks for a new lease until somebody answers: true when the lock is kept, false when it is told to be lost. */
export async function isKept(lock: Lock): Promise<boolean> {
  const ask = async (): Promise<'kept' | 'lost' | undefined> => {
    try {
      await lock.extend();
      return 'kept';
    } catch (error) {
      const { code } = error as LockError;
      if (code === 'LOCK_UNAVAILABLE') return undefined;
      expect(code).toBe('LOCK_LOST');
      return 'lost';
    }
  };
  return (await until(ask, { ...PATIENT, describe: 'an answer about a lock' })) === 'kept';
}

/** All holds and waiters of a namespace are gone, and what is there still has a ttl. */
export async function expectNothingLeft(primary: Redis, namespace: string): Promise<void> {
  await until(async () => (await traces(primary, namespace)).length === 0, { ...PATIENT, describe: 'no trace' });
  expect(await keysWithoutTtl(primary, namespace)).toEqual([]);
}

export interface Load {
  /** The codes of the errors so far. */
  readonly codes: ReadonlySet<string>;
  registerOf(name: string): GuardedRegister;
  /** Resolves when each service has had each name some more times. */
  everybodyWorks(describe: string): Promise<void>;
  stop(): Promise<void>;
}

/** Services that take turns on names, over and over, until they are told to stop. */
export function startLoad(services: readonly LockService[], names: readonly string[]): Load {
  const registers = new Map(names.map((name) => [name, memoryRegister()]));
  const registerOf = (name: string): GuardedRegister => registers.get(name)!;
  const codes = new Set<string>();
  let isOver = false;

  const loops = services.flatMap((service) => names.map((name) => ({ service, name, rounds: 0 })));
  const running = loops.map(async (loop) => {
    const { service, name } = loop;
    while (!isOver) {
      try {
        await service.run(name, { wait: '5m', ttl: '10s' }, async ({ fencingToken }) => {
          await registerOf(name).enter(fencingToken);
          await new Promise(setImmediate);
          await registerOf(name).leave(fencingToken);
        });
        loop.rounds += 1;
      } catch (error) {
        const { code } = error as LockError;
        codes.add(code ?? String(error));
        // A test that fails closes the services first, and would never see the end of this.
        if (code === 'LOCK_CLOSED') return;
      }
    }
  });

  return {
    codes,
    registerOf,
    everybodyWorks: async (describe) => {
      const goals = loops.map((loop) => ({ loop, goal: loop.rounds + ROUNDS }));
      await until(() => goals.every(({ loop, goal }) => loop.rounds >= goal), { ...PATIENT, describe });
    },
    stop: async () => {
      isOver = true;
      await Promise.all(running);
    },
  };
}

/** Nobody was let in while another was, and tokens grew in the order in which they came. */
export async function expectExclusion(register: GuardedRegister): Promise<void> {
  expect((await register.report()).maxInside).toBe(1);
  await expectGrowingTokens(register);
}

export async function expectGrowingTokens(register: GuardedRegister): Promise<void> {
  const { accepted, refused } = await register.report();
  expect(refused).toEqual([]);
  expect(accepted).toEqual([...new Set(accepted)].sort((a, b) => a - b));
}
