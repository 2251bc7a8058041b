import { instanceOf } from '../core/instance.js';
import type { Busy, Claim, Granted, LockStore, Owned, StoreListener, StoreState } from '../core/lock-store.js';
import type { LockLogger } from '../core/service-options.js';
import type { Connection } from './connection.js';
import { warnOfEviction } from './eviction.js';
import { GroupCommit } from './group-commit.js';
import { channelPrefix } from './keys.js';
import { operation, readAcquired, readState, readYesOrNo } from './lock-script.js';
import { WakeChannel } from './wake-channel.js';

export interface RedisLockStoreOptions {
  readonly connection: Connection;
  readonly namespace: string;
  readonly commandTimeout: number;
  readonly logger: LockLogger | undefined;
}

/** The port on Redis: one server, with or without Sentinel, or a Cluster. The algorithm is in `scripts/lock`. */
export class RedisLockStore implements LockStore {
  readonly #connection: Connection;
  readonly #commands: GroupCommit;
  readonly #channelPrefix: string;
  readonly #logger: LockLogger | undefined;
  readonly #listeners = new Map<string, StoreListener>();
  readonly #channels = new Map<string, WakeChannel>();

  constructor({ connection, namespace, commandTimeout: timeout, logger }: RedisLockStoreOptions) {
    this.#connection = connection;
    this.#logger = logger;
    this.#channelPrefix = channelPrefix(namespace);
    this.#commands = new GroupCommit(connection, { namespace, channelPrefix: this.#channelPrefix, timeout });
    connection.onReady(() => this.#openChannels());
    connection.onEnd(() => this.#closeChannels());
    warnOfEviction(connection, logger);
  }

  acquire(claim: Claim): Promise<Granted | Busy> {
    const push = this.#channels.get(instanceOf(claim.owner))?.verified === true;
    const asked = operation.acquire(this.#commands.short(claim.owner), claim, push);
    return this.#commands.submit(claim.name, asked, (reply) => readAcquired(reply, claim));
  }

  renew({ name, owner, ttl }: Owned & { ttl: number }): Promise<boolean> {
    return this.#commands.submit(name, operation.renew(this.#commands.short(owner), ttl), readYesOrNo, false);
  }

  release({ name, owner, retain }: Owned & { retain: number }): Promise<boolean> {
    const { losses } = this.#connection;
    // When the connection broke meanwhile, a "no" may answer the repeat of a release that was carried out.
    const decode = (reply: string): boolean => readYesOrNo(reply) || losses !== this.#connection.losses;
    return this.#commands.submit(name, operation.release(this.#commands.short(owner), retain), decode, false);
  }

  withdraw({ name, owner }: Owned): Promise<void> {
    return this.#commands.submit(
      name,
      operation.withdraw(this.#commands.short(owner)),
      (reply) => void readYesOrNo(reply),
      false,
    );
  }

  inspect(name: string): Promise<StoreState> {
    return this.#commands.submit(name, operation.inspect(), readState);
  }

  force(name: string, expected: number | null): Promise<boolean> {
    return this.#commands.submit(name, operation.force(expected), readYesOrNo);
  }

  subscribe(instance: string, listener: StoreListener): () => void {
    this.#listeners.set(instance, listener);
    this.#commands.instance ||= instance;
    if (!this.#connection.ended) this.#openChannel(instance, listener);
    return () => {
      this.#listeners.delete(instance);
      this.#channels.get(instance)?.close();
      this.#channels.delete(instance);
    };
  }

  async close(): Promise<void> {
    this.#closeChannels();
    this.#commands.close();
    this.#connection.close();
  }

  #openChannel(instance: string, listener: StoreListener): void {
    const { client, isCluster } = this.#connection;
    const count = (): Promise<number> => this.#commands.submit('probe', operation.probe(instance), Number);
    const channel = new WakeChannel({
      client,
      channelPrefix: this.#channelPrefix,
      instance,
      listener,
      logger: this.#logger,
      // On a Cluster a node counts only those who listen to itself.
      countListeners: isCluster ? undefined : count,
    });
    this.#channels.set(instance, channel);
  }

  /** Connected (again): the other connection may listen to another server now, or have been closed. */
  #openChannels(): void {
    for (const [instance, listener] of this.#listeners) {
      const channel = this.#channels.get(instance);
      if (channel) void channel.refresh();
      else this.#openChannel(instance, listener);
    }
  }

  #closeChannels(): void {
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
  }
}
