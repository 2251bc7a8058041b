import type { Redis } from 'ioredis';
import { LOCK_SCRIPT } from '../../lib/stores/redis/scripts/lua.js';
import { until } from './event.js';
import { unique } from './redis.js';

export interface AcquireTerms {
  permits?: number;
  ttl?: number;
  alive?: number;
  ticket?: number;
  attempt?: number;
  block?: number;
  /** Whether a message that nobody hears says that the owner's process is gone. */
  push?: boolean;
  /** How many callers of its process it stands for. */
  callers?: number;
  maxWaiting?: number;
}

/** The operations as the script takes them. */
export const operations = {
  acquire: (owner: string, terms: AcquireTerms = {}): string[] => {
    const {
      permits = 0,
      ttl = 60_000,
      alive = 0,
      ticket = 0,
      attempt = 1,
      block = 1,
      push = false,
      callers = 1,
    } = terms;
    const bound = terms.maxWaiting === undefined ? [] : [String(terms.maxWaiting)];
    return [
      'acquire',
      String(permits),
      owner,
      ...[ttl, block, alive, ticket, attempt].map(String),
      push ? '1' : '0',
      String(callers),
      ...bound,
    ];
  },
  renew: (owner: string, ttl = 60_000): string[] => ['renew', String(ttl), owner],
  release: (owner: string, retain = 0): string[] => ['release', String(retain), owner],
  withdraw: (owner: string): string[] => ['withdraw', owner],
  force: (expected: number | string): string[] => ['force', String(expected)],
  inspect: (): string[] => ['inspect'],
  probe: (instance: string, nonce = '1'): string[] => ['probe', instance, nonce],
};

type Operations = typeof operations;

/** One lock, by its keys. */
export class ScriptedLock {
  readonly holder: string;
  readonly shared: string;
  readonly bounds: string;
  readonly queue: string;
  readonly waiter: string;
  readonly epoch: string;
  /** The one of all locks of the client's namespace. */
  readonly fence: string;

  constructor(
    readonly client: Redis,
    readonly channelPrefix: string = `${unique('wake')}:`,
    name = unique('lock'),
  ) {
    this.holder = `{${name}}`;
    this.fence = `${channelPrefix}fence`;
    [this.shared, this.bounds, this.queue, this.waiter, this.epoch] = [
      'shared',
      'bounds',
      'queue',
      'waiter',
      'epoch',
    ].map((suffix) => `${this.holder}:${suffix}`) as [string, string, string, string, string];
  }

  get keys(): string[] {
    return [this.holder, this.shared, this.bounds, this.queue, this.waiter, this.epoch, this.fence];
  }

  /** The same keys as another client sees them. */
  as(client: Redis): ScriptedLock {
    return new ScriptedLock(client, this.channelPrefix, this.holder.slice(1, -1));
  }

  /** One operation in a call of its own. */
  async do<O extends keyof Operations>(name: O, ...args: Parameters<Operations[O]>): Promise<unknown> {
    const operation = (operations[name] as (...args: unknown[]) => string[])(...args);
    const [reply] = await callScript(this.client, this.channelPrefix, [[this, operation]]);
    return reply;
  }

  /** An operation that has no place in `operations`. */
  async doAny(operation: readonly string[]): Promise<unknown> {
    const [reply] = await callScript(this.client, this.channelPrefix, [[this, operation]]);
    return reply;
  }

  /** Of the keys that exist: the type and the ttl in ms. */
  async layout(): Promise<Record<string, { type: string; ttl: number }>> {
    const layout: Record<string, { type: string; ttl: number }> = {};
    for (const key of this.keys) {
      const type = await this.client.type(key);
      if (type !== 'none') layout[key] = { type, ttl: await this.client.pttl(key) };
    }
    return layout;
  }

  async types(): Promise<Record<string, string>> {
    return Object.fromEntries(Object.entries(await this.layout()).map(([key, { type }]) => [key, type]));
  }

  async token(): Promise<number> {
    return Number(await this.client.get(this.fence));
  }
}

/** Several operations, each on a lock of its own or all on one, in one call; it leaves a trace under its number. */
export async function callScript(
  client: Redis,
  channelPrefix: string,
  calls: readonly (readonly [ScriptedLock, readonly string[]])[],
  { number = '', traces }: { number?: string; traces?: string } = {},
): Promise<unknown[]> {
  const args = calls.map(([, operation]) => operation.join(' '));
  return sendScript(
    client,
    'any',
    calls.map(([lock]) => lock),
    args,
    { channelPrefix, number, traces },
  );
}

interface CallTerms {
  readonly channelPrefix: string;
  readonly instance?: string;
  readonly terms?: string;
  readonly life?: string;
  readonly number?: string;
  readonly traces?: string | undefined;
}

/** One call of its kind. */
export async function sendScript(
  client: Redis,
  kind: 'acquire' | 'release' | 'renew' | 'any',
  locks: readonly ScriptedLock[],
  operations: readonly string[],
  { channelPrefix, instance = '', terms = '', life = '', number = '', traces }: CallTerms,
): Promise<unknown[]> {
  const keys = locks.map(({ holder }) => holder);
  keys.push((locks[0] as ScriptedLock).fence, ...(traces === undefined ? [] : [traces]));
  const header = [kind, instance, channelPrefix, life, number, terms];
  const reply = (await client.eval(LOCK_SCRIPT, keys.length, ...keys, ...header, ...operations)) as string;
  const lines = reply.split('\n');
  const all = lines.length === 1 ? operations.map(() => reply) : lines;
  return all.map((line) => (line.includes('\t') ? line.split('\t').map(asNumber) : asNumber(line)));
}

function asNumber(text: string): string | number {
  return /^-?\d+$/.test(text) ? Number(text) : text;
}

/** The server's time in µs. */
export async function microseconds(client: Redis): Promise<number> {
  const [seconds, us] = await client.time();
  return Number(seconds) * 1_000_000 + Number(us);
}

/** Hears what is said to one instance. */
export class Ear {
  readonly instance = unique('instance');
  readonly #messages: string[] = [];

  private constructor(
    readonly client: Redis,
    readonly channel: (instance: string) => string,
    readonly subscriber: Redis,
  ) {
    subscriber.on('message', (_, message: string) => this.#messages.push(message));
  }

  static async on(client: Redis, channelPrefix: string): Promise<Ear> {
    const ear = new Ear(client, (instance) => channelPrefix + instance, client.duplicate());
    await ear.subscriber.subscribe(ear.channel(ear.instance));
    return ear;
  }

  owner(seq: number): string {
    return `${this.instance}#${seq}`;
  }

  /** All messages up to now. */
  async messages(): Promise<string[]> {
    const mark = unique('mark');
    await this.client.publish(this.channel(this.instance), mark);
    await until(() => this.#messages.includes(mark), { describe: 'the mark behind all messages' });
    return this.#messages.filter((message) => !message.startsWith('mark-'));
  }

  close(): void {
    this.subscriber.disconnect();
  }
}
