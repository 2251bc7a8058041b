// What the calls of a lock manager return and take; compiled by `npm run typecheck`, never run.
import type { LockMode, LockService } from '../../lib/index.js';
import {
  createLockManager,
  type LockManager,
  type LockManagerSnapshot,
  type WebLock,
  type WebLockInfo,
  type WebLockOptions,
} from '../../lib/web-locks.js';

declare const service: LockService;

export const locks: LockManager = createLockManager(service);

export async function results(): Promise<void> {
  const later: number = await locks.request('a', async () => 1);
  const atOnce: number = await locks.request('a', () => 1);
  const nothing: undefined = await locks.request('a', {}, () => undefined);
  // A callback without options always has a lock, one with options may have none.
  const mode: LockMode = await locks.request('a', (lock) => lock.mode);
  const name: string | undefined = await locks.request('a', { ifAvailable: true }, (lock) => lock?.name);
  // @ts-expect-error it may be null
  const certain: string = await locks.request('a', { ifAvailable: true }, (lock) => lock.name);
  // @ts-expect-error the value is that of the callback
  const wrong: string = await locks.request('a', async () => 1);
  const { held, pending }: LockManagerSnapshot = await locks.query();
  const infos: WebLockInfo[] = [...held, ...pending];
  void [later, atOnce, nothing, mode, name, certain, wrong, infos];
}

export function takes(options: WebLockOptions, held: WebLock): void {
  void locks.request('a', { mode: 'shared', signal: AbortSignal.timeout(100) }, () => {});
  void locks.request('a', { steal: true }, (lock) => void lock);
  void locks.request('a', options, (_lock: WebLock | null) => {});
  // @ts-expect-error the callback is missing
  void locks.request('a', options);
  // @ts-expect-error no mode of a lock
  void locks.request('a', { mode: 'foo' }, () => {});
  // @ts-expect-error an option of LockService.run, not of the standard
  void locks.request('a', { wait: 100 }, () => {});
  // @ts-expect-error read-only
  held.name = 'b';
}
