import { expect, onTestFinished } from 'vitest';
import { createLockService, type LockModuleOptions, type LockService } from '../../lib/index.js';
import {
  createLockManager,
  type LockManager,
  type WebLock,
  type WebLockInfo,
  type WebLockOptions,
} from '../../lib/web-locks.js';
import { type Deferred, deferred } from './event.js';

/** What a page, or a worker, is to the standard: a lock manager, and the service that it stands on. */
export interface WebClient {
  readonly locks: LockManager;
  readonly service: LockService;
}

/** So many clients of one store, which end with the test whatever they hold. */
export async function openClients(options: LockModuleOptions, count: number): Promise<WebClient[]> {
  const clients: WebClient[] = [];
  for (let i = 0; i < count; i += 1) {
    const service = await createLockService({ ...options, shutdownGrace: 0 });
    onTestFinished(() => service.close());
    clients.push({ locks: createLockManager(service), service });
  }
  return clients;
}

/** The only client of its store. */
export async function openLocks(options: LockModuleOptions): Promise<LockManager> {
  const [client] = await openClients(options, 1);
  return client!.locks;
}

/** A request whose callback ends when the test says so, or not at all. */
export class Take {
  /** What `request` returned. */
  readonly result: Promise<unknown>;
  readonly #granted = deferred<WebLock | null>();
  readonly #end: Deferred<unknown> = deferred<unknown>();
  /** Whether the callback was called. */
  called = false;

  constructor(locks: LockManager, name: string, options: WebLockOptions = {}) {
    this.result = locks.request(name, options, (lock) => {
      this.called = true;
      this.#granted.resolve(lock);
      return this.#end.promise;
    });
    // Many tests end before it does.
    this.result.catch(this.#granted.reject);
    this.#granted.promise.catch(() => {});
  }

  /** Resolves when the callback was called, with its argument. */
  get granted(): Promise<WebLock | null> {
    return this.#granted.promise;
  }

  /** The callback ends; resolves when the lock is released. */
  end(value?: unknown): Promise<unknown> {
    this.#end.resolve(value);
    return this.result;
  }

  /** The callback fails. */
  fail(error: unknown): void {
    this.#end.reject(error);
  }
}

/** `request` with arguments that its types forbid. */
export function anyRequest(locks: LockManager): (...args: unknown[]) => Promise<unknown> {
  return locks.request.bind(locks) as (...args: unknown[]) => Promise<unknown>;
}

/** Rejected with a `DOMException` of this name, which is returned. */
export async function expectException(promise: Promise<unknown>, name: string): Promise<DOMException> {
  const error = await promise.then(
    (value) => expect.fail(`It should reject, and resolved to ${value}`),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DOMException);
  expect(error).toMatchObject({ name });
  return error as DOMException;
}

/** The modes of the locks of this name, in their order. */
export function modesOf(infos: readonly WebLockInfo[], name: string): string[] {
  return infos.filter((info) => info.name === name).map(({ mode }) => mode);
}

/** The clients of the locks of this name, in their order. */
export function clientsOf(infos: readonly WebLockInfo[], name: string): string[] {
  return infos.filter((info) => info.name === name).map(({ clientId }) => clientId);
}
