import type { Claim, LockStore, StoreListener } from 'nestjs-lock';
import type { Push, StoreCalls } from '../protocol.js';
import type { Wire } from './wire.js';

/** A driver of the port in a few lines: each operation is carried out by the store of the conductor. */
export class WiredLockStore implements LockStore {
  // What else comes with the claim is a function, which does not travel.
  readonly acquire = (claim: Claim) => this.wire.call('acquire', claim);
  readonly renew = this.over('renew');
  readonly release = this.over('release');
  readonly withdraw = this.over('withdraw');
  readonly inspect = this.over('inspect');
  readonly force = this.over('force');

  // What a store may have beside the lock itself. The marks of processed elements are such.
  readonly complete = this.over('complete');
  readonly doneAt = this.over('doneAt');
  readonly unmark = this.over('unmark');
  readonly requestRelease = this.over('requestRelease');
  readonly steal = this.over('steal');
  readonly names = this.over('names');

  private readonly listeners = new Map<string, StoreListener>();

  constructor(private readonly wire: Wire) {
    wire.onPush = (push) => this.tell(push);
  }

  subscribe(instance: string, listener: StoreListener): () => void {
    this.listeners.set(instance, listener);
    // Sent before any claim of the instance, and messages keep their order.
    void this.wire.call('listen', instance);
    return () => {
      this.listeners.delete(instance);
      void this.wire.call('unlisten', instance);
    };
  }

  private over<K extends keyof StoreCalls>(method: K): StoreCalls[K] {
    return ((...args: Parameters<StoreCalls[K]>) => this.wire.call(method, ...args)) as StoreCalls[K];
  }

  private tell({ to, event, args }: Push): void {
    const listener = this.listeners.get(to);
    (listener?.[event] as ((...args: Push['args']) => void) | undefined)?.apply(listener, args);
  }
}
