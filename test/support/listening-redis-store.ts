import type { Redis } from 'ioredis';
import type { StoreListener } from '../../lib/index.js';
import { Connection } from '../../lib/stores/redis/connection.js';
import { channelPrefix, keyOf } from '../../lib/stores/redis/keys.js';
import { RedisLockStore } from '../../lib/stores/redis/redis-lock-store.js';
import { type Deferred, deferred } from './event.js';
import { type SharedRedis, unique } from './redis.js';

/** Lets `ARGV[1]` ms pass for one lock, and a few more, so that what ends at that very moment has ended. */
const PASS = `
local H, S, B, Q, W = KEYS[1], KEYS[1] .. ':shared', KEYS[1] .. ':bounds', KEYS[1] .. ':queue', KEYS[1] .. ':waiter'
local passed = tonumber(ARGV[1]) + 2
local shares = redis.call('ZRANGE', S, 0, -1)
for _, owner in ipairs(shares) do redis.call('ZINCRBY', S, -passed, owner) end
for _, owner in ipairs(redis.call('HKEYS', W)) do
  local alive, rest = string.match(redis.call('HGET', W, owner), '^(%d+)(.*)$')
  redis.call('HSET', W, owner, string.format('%.0f', tonumber(alive) - passed) .. rest)
end
for _, key in ipairs({ H, S, B, Q, W }) do
  local ttl = redis.call('PTTL', key)
  if ttl > passed then redis.call('PEXPIRE', key, ttl - passed) elseif ttl > -2 then redis.call('DEL', key) end
end
`;

/** A Redis store whose channels are up, and which can be waited for until all messages have come. */
export class ListeningRedisStore {
  readonly instances: readonly string[];
  readonly #namespace: string;
  readonly #marks: Deferred<void>[] = [];

  private constructor(
    readonly store: RedisLockStore,
    readonly client: Redis,
    namespace: string,
    instances: readonly string[],
  ) {
    this.#namespace = namespace;
    this.instances = instances;
  }

  /** Two instances listen, with `listener`. */
  static async open(redis: SharedRedis, listener: StoreListener): Promise<ListeningRedisStore> {
    const connection = await Connection.open(redis.url, undefined);
    const namespace = unique('ns');
    const store = new RedisLockStore({ connection, namespace, commandTimeout: 5_000, logger: undefined });
    const instances = [unique('instance'), unique('instance')];
    const opened = new ListeningRedisStore(store, redis.client, namespace, instances);
    await Promise.all(instances.map((_, index) => opened.#listen(index, listener)));
    return opened;
  }

  /** Resolves when all messages have come: each channel is a queue, and brings this last. */
  async hearAll(): Promise<void> {
    for (const [index, instance] of this.instances.entries()) {
      this.#marks[index] = deferred();
      await this.client.publish(channelPrefix(this.#namespace) + instance, '0 ?');
    }
    await Promise.all(this.#marks.map(({ promise }) => promise));
  }

  /** As if `ms` and a moment had passed for the lock; its tokens and tickets still follow the real time. */
  async pass(name: string, ms: number): Promise<void> {
    await this.client.eval(PASS, 1, keyOf(this.#namespace, name), ms);
  }

  /** Resolves when the channel is up, and known to be so: from then on grants are not provisional. */
  #listen(index: number, listener: StoreListener): Promise<void> {
    const nudged = (owner: string): void => {
      if (owner.endsWith('#0')) this.#marks[index]?.resolve();
      else listener.nudged(owner);
    };
    return new Promise((reconnected) => {
      this.store.subscribe(this.instances[index]!, { ...listener, nudged, reconnected });
    });
  }
}
