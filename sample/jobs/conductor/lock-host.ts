import { MemoryLockStore } from 'nestjs-lock';
import type { Push, Request, StoreCalls } from '../protocol.js';
import type { Life } from './fleet.js';

/** The lock store of all servers, in the memory of this process; they reach it by `WiredLockStore`. */
export class LockHost {
  private readonly store = new MemoryLockStore();
  /** What ends the messages for an instance of a server. */
  private readonly subscriptions = new Map<Life, Map<string, () => void>>();

  /** Undefined: it is not a call for the store. */
  carryOut(life: Life, { method, args }: Request): Promise<unknown> | undefined {
    const [instance] = args as Parameters<StoreCalls['listen']>;
    if (method === 'listen') return this.listen(life, instance);
    if (method === 'unlisten') return this.unlisten(life, instance);
    const operation: unknown = Reflect.get(this.store, method);
    return typeof operation === 'function' ? Reflect.apply(operation, this.store, args) : undefined;
  }

  /** Nobody hears what is for the instances of a server that is gone. */
  ended(life: Life): void {
    for (const end of this.subscriptions.get(life)?.values() ?? []) end();
    this.subscriptions.delete(life);
  }

  private async listen(life: Life, instance: string): Promise<void> {
    const tell =
      (event: Push['event']) =>
      (...args: Push['args']): void =>
        life.send({ to: instance, event, args });
    const end = this.store.subscribe(instance, {
      granted: tell('granted'),
      revoked: tell('revoked'),
      nudged: tell('nudged'),
      releaseRequested: tell('releaseRequested'),
      reconnected: tell('reconnected'),
    });
    const own = this.subscriptions.get(life) ?? new Map<string, () => void>();
    this.subscriptions.set(life, own.set(instance, end));
  }

  private async unlisten(life: Life, instance: string): Promise<void> {
    this.subscriptions.get(life)?.get(instance)?.();
    this.subscriptions.get(life)?.delete(instance);
  }
}
