import type { Redis } from 'ioredis';
import { expect } from 'vitest';
import { type LockService, LockUnavailableError } from '../../lib/index.js';

/** How often the server has run a command, in scripts or not. */
export async function callsOf(client: Redis, command: string): Promise<number> {
  const stats = await client.info('commandstats');
  const [, calls = '0'] = new RegExp(`^cmdstat_${command}:calls=(\\d+)`, 'm').exec(stats) ?? [];
  return Number(calls);
}

/** Keys of a namespace that say of somebody that he holds or waits; the others are fences, what is known of past releases, and a mark. */
export async function traces(client: Redis, namespace: string): Promise<string[]> {
  const keys = await client.keys(`${namespace}:*`);
  return keys.filter((key) => !/:fence$|:released:|:topology:/.test(key)).sort();
}

/** The keys of a namespace that would stay for ever. */
export async function keysWithoutTtl(client: Redis, namespace: string): Promise<string[]> {
  const keys = await client.keys(`${namespace}:*`);
  const ttls = await Promise.all(keys.map((key) => client.pttl(key)));
  return keys.filter((_, index) => ttls[index] === -1).sort();
}

/** Whether somebody waits for a lock, and the server would notice if any of them were gone: the last word of a waiter. */
export async function hears(client: Redis, key: string): Promise<boolean> {
  const waiters = await client.hvals(`${key}:waiter`);
  return waiters.length > 0 && waiters.every((waiter) => waiter.endsWith(' 1'));
}

/** A logger that keeps what it is told. */
export function recordingLogger() {
  const lines: string[] = [];
  const keep = (line: string): void => {
    lines.push(line);
  };
  return { lines, warn: keep, error: keep };
}

/** The error of a call that must be unavailable: not busy, not granted. */
export async function unavailable(call: Promise<unknown>): Promise<LockUnavailableError> {
  const outcome = await call.catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(LockUnavailableError);
  return outcome as LockUnavailableError;
}

interface Call {
  /** The name of its lock; each has its own. */
  name: string;
  call(): Promise<unknown>;
}

/** All that can be asked of a lock; none may run `body` without it. */
export function everyCall(service: LockService, body: () => unknown): Call[] {
  const shared = { mode: 'shared' } as const;
  const calls: Record<string, (name: string) => Promise<unknown>> = {
    acquire: (name) => service.acquire(name),
    tryAcquire: (name) => service.tryAcquire(name),
    run: (name) => service.run(name, body),
    tryRun: (name) => service.tryRun(name, body),
    share: (name) => service.acquire(name, shared),
    permit: (name) => service.acquire(name, { ...shared, permits: 2 }),
    inspect: (name) => service.inspect(name),
    forceRelease: (name) => service.forceRelease(name),
  };
  return Object.entries(calls).map(([name, call]) => ({ name, call: () => call(name) }));
}
