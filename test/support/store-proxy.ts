import { extraOf } from '../../lib/core/store-calls.js';
import type { LockStore, StoreListener } from '../../lib/index.js';
import { type Deferred, deferred } from './event.js';

export type StoreCall = 'acquire' | 'renew' | 'release' | 'withdraw' | 'inspect' | 'force' | 'complete' | 'doneAt';

/** Stands between a service and a store in this process, as `TcpProxy` does between a client and a Redis server. */
export class StoreProxy {
  /** What the service is given. */
  readonly store: LockStore;
  readonly #requests = new Gate();
  readonly #replies = new Gate();
  readonly #listeners = new Set<StoreListener>();
  #watches: (Deferred<void> & { call: StoreCall })[] = [];
  #heldCall: StoreCall | undefined;
  #deaf = false;

  constructor(target: LockStore) {
    this.store = {
      acquire: (claim) => this.#pass('acquire', () => target.acquire(claim)),
      renew: (owned) => this.#pass('renew', () => target.renew(owned)),
      release: (owned) => this.#pass('release', () => target.release(owned)),
      withdraw: (owned) => this.#pass('withdraw', () => target.withdraw(owned)),
      inspect: (name) => this.#pass('inspect', () => target.inspect(name)),
      force: (name, expected) => this.#pass('force', () => target.force(name, expected)),
      complete: (completion) => this.#pass('complete', () => extraOf(target, 'complete', 'A mark')(completion)),
      doneAt: (name) => this.#pass('doneAt', () => extraOf(target, 'doneAt', 'A mark')(name)),
      subscribe: (instance, listener) => {
        this.#listeners.add(listener);
        return target.subscribe(instance, this.#messenger(listener));
      },
    };
  }

  /** Resolves with the next such call, held or not. */
  seen(call: StoreCall): Promise<void> {
    const watch = { ...deferred(), call };
    this.#watches.push(watch);
    return watch.promise;
  }

  /** Calls wait before they reach the store; with `only`, the others overtake those. */
  holdRequests(only?: StoreCall): void {
    this.#heldCall = only;
    this.#requests.close();
  }

  /** The store acts on the calls; its answers and messages wait. */
  holdReplies(): void {
    this.#replies.close();
  }

  /** Lets everything held pass, in its order. */
  release(): void {
    this.#requests.open();
    this.#replies.open();
  }

  /** From now on messages get lost; answers come. */
  loseMessages(): void {
    this.#deaf = true;
  }

  /** Tells the service that messages may have been lost. */
  reconnect(): void {
    for (const listener of this.#listeners) listener.reconnected();
  }

  async #pass<T>(call: StoreCall, run: () => Promise<T>): Promise<T> {
    for (const watch of this.#watches) if (watch.call === call) watch.resolve();
    this.#watches = this.#watches.filter((watch) => watch.call !== call);
    if (this.#heldCall === undefined || this.#heldCall === call) await this.#requests.passed();
    const answer = await run();
    await this.#replies.passed();
    return answer;
  }

  #messenger(listener: StoreListener): StoreListener {
    const pass = async (tell: () => void): Promise<void> => {
      await this.#replies.passed();
      if (!this.#deaf) tell();
    };
    return {
      granted: (owner, grant) => void pass(() => listener.granted(owner, grant)),
      revoked: (owner, token) => void pass(() => listener.revoked(owner, token)),
      releaseRequested: (owner, token) => void pass(() => listener.releaseRequested?.(owner, token)),
      nudged: (owner) => void pass(() => listener.nudged(owner)),
      reconnected: () => listener.reconnected(),
    };
  }
}

class Gate {
  #closed: Deferred<void> | undefined;

  close(): void {
    this.#closed ??= deferred();
  }

  open(): void {
    this.#closed?.resolve();
    this.#closed = undefined;
  }

  async passed(): Promise<void> {
    await this.#closed?.promise;
  }
}
