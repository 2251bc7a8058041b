// What the calls of the service return and take; compiled by `npm run typecheck`, never run.
import {
  type Lock,
  LockBusyError,
  type LockError,
  LockLostError,
  type LockLostWhy,
  type LockName,
  type LockService,
  LockUnavailableError,
  type TryRunResult,
} from '../../lib/index.js';

declare const locks: LockService;
declare const names: readonly string[];
declare const error: unknown;

export const name: LockName = names;

export async function results(): Promise<void> {
  const acquired: Lock = await locks.acquire('a');
  const tried: Lock | null = await locks.tryAcquire(['a', 'b']);
  // @ts-expect-error it may be busy
  const certain: Lock = await locks.tryAcquire('a');
  const ran: number = await locks.run('a', async () => 1);
  const ranSync: number = await locks.run('a', { wait: '2s' }, ({ fencingToken }) => fencingToken);
  const ranVoid: undefined = await locks.run('a', undefined, () => undefined);
  // @ts-expect-error the value is that of the body
  const wrong: string = await locks.run('a', async () => 1);
  const { holders, waiting, lastToken } = await locks.inspect('a');
  const labels: string[] = [...holders, ...waiting].map(({ instance }) => instance);
  const token: number | null = lastToken;
  const freed: boolean = await locks.forceRelease('a');
  const released: boolean = await acquired.release();
  void [tried, certain, ran, ranSync, ranVoid, wrong, labels, token, freed, released];
}

export async function tryRunNarrows(): Promise<number> {
  const result: TryRunResult<number> = await locks.tryRun('a', async () => 1);
  // @ts-expect-error nobody knows yet whether there is a value
  void result.value;
  if (result.acquired) return result.value;
  // @ts-expect-error there is none
  void result.value;
  return 0;
}

export async function locksAreDisposable(): Promise<number> {
  await using lock = await locks.acquire('a', { ttl: '1m' });
  await using maybe = await locks.tryAcquire('b');
  await using service = locks;
  void service;
  // @ts-expect-error the handle is read-only
  lock.fencingToken = 1;
  // @ts-expect-error the names too
  lock.names.push('c');
  // @ts-expect-error and the tokens
  lock.fencingTokens.set('a', 1);
  return maybe?.fencingTokens.get('b') ?? lock.fencingToken;
}

export function wrongCalls(): unknown[] {
  return [
    // @ts-expect-error no name
    locks.acquire(),
    // @ts-expect-error a name that is no text
    locks.acquire(7),
    // @ts-expect-error one of the names is no text
    locks.acquire(['a', 7]),
    // @ts-expect-error a bad duration
    locks.acquire('a', { wait: 'abc' }),
    // @ts-expect-error an unknown option
    locks.acquire('a', { tll: '30s' }),
    // @ts-expect-error an option of the decorator
    locks.acquire('a', { onBusy: 'skip' }),
    // @ts-expect-error nothing to run
    locks.run('a', { wait: 0 }),
    // @ts-expect-error the options come before the body
    locks.run('a', async () => {}, { wait: 0 }),
    // @ts-expect-error one name at a time
    locks.inspect(['a', 'b']),
    // @ts-expect-error one name at a time
    locks.forceRelease(['a', 'b']),
  ];
}

export function errors(): string | undefined {
  if (error instanceof LockBusyError)
    return `${error.code} ${error.waited + (error.retryAfter ?? 0)} ${error.holders.join()}`;
  if (error instanceof LockLostError) {
    const why: LockLostWhy = error.why;
    return `${why} ${error.result}`;
  }
  if (error instanceof LockUnavailableError) return `${error.uncertain}`;
  return (error as LockError).lockName;
}
