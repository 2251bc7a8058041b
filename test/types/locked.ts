// What `@Locked` accepts and refuses; compiled by `npm run typecheck`, never run.
// biome-ignore-all lint/correctness/noUnusedFunctionParameters: the templates of the locks use them.
import { currentLock, InjectLocks, type Lock, Locked, LockParam, type LockService } from '../../lib/index.js';

interface Receipt {
  total: number;
}

interface Account {
  id: string;
}

declare const receipt: Receipt;

export class Methods {
  @Locked('orders', { wait: '2s' })
  async withOptions(): Promise<Receipt> {
    return receipt;
  }

  @Locked('order:<orderId>')
  async withTemplate(orderId: string): Promise<Receipt> {
    return receipt;
  }

  @Locked(['account:<from>', 'account:<to.id>'], { wait: '2s' })
  async withTemplates(from: string, @LockParam('to') account: Account): Promise<void> {}

  @Locked('order:<id>')
  async generic<T extends { id: string }>(id: string, value: T): Promise<T> {
    return value;
  }

  @Locked('order:<id>')
  private async hidden(id: string): Promise<void> {}

  @Locked('order:<id>')
  protected async inherited(id: string): Promise<void> {}

  promiseWithoutAsync(): Promise<void> {
    return Promise.all([this.hidden('7'), this.inherited('7')]).then(() => {});
  }

  // @ts-expect-error no key
  @Locked()
  async withoutKey(): Promise<void> {}

  // @ts-expect-error an undefined key
  @Locked(undefined, { wait: '2s' })
  async withUndefinedKey(): Promise<void> {}

  // @ts-expect-error a key that may be undefined
  @Locked(process.env.LOCK_KEY)
  async withOptionalKey(): Promise<void> {}

  // @ts-expect-error a static method
  @Locked('order:<id>')
  static async shared(id: string): Promise<void> {}

  // @ts-expect-error a method that returns no promise
  @Locked('order:<id>')
  sync(id: string): void {}

  // @ts-expect-error a method that returns no promise
  @Locked('order:<id>')
  syncWithValue(id: string): Receipt {
    return receipt;
  }

  // @ts-expect-error a method that returns a promise only sometimes
  @Locked('order:<id>')
  sometimes(id: string): Promise<void> | undefined {
    return undefined;
  }

  // @ts-expect-error a generator returns no promise
  @Locked('order:<id>')
  async *stream(id: string): AsyncGenerator<string> {
    yield id;
  }

  // @ts-expect-error an accessor
  @Locked('order')
  get accessor(): Promise<void> {
    return Promise.resolve();
  }

  // @ts-expect-error a property
  @Locked('order')
  property = async (): Promise<void> => {};
}

// @ts-expect-error a class
@Locked('order')
export class NoMethod {}

export class Skipping {
  @Locked('cron', { onBusy: 'skip' })
  async nothing(): Promise<void> {}

  @Locked('cron', { onBusy: 'skip', holdAtLeast: '50s' })
  async maybe(): Promise<Receipt | undefined> {
    return receipt;
  }

  @Locked('cron', { onBusy: 'skip' })
  async unknown(): Promise<unknown> {
    return receipt;
  }

  @Locked('order:<id>', { onBusy: 'throw' })
  async throwing(id: string): Promise<Receipt> {
    return receipt;
  }

  // @ts-expect-error a skipped call has no receipt to return
  @Locked('order:<id>', { onBusy: 'skip' })
  async something(id: string): Promise<Receipt> {
    return receipt;
  }

  // @ts-expect-error a skipped call resolves to undefined, not to null
  @Locked('order:<id>', { onBusy: 'skip' })
  async somethingOrNull(id: string): Promise<Receipt | null> {
    return receipt;
  }
}

export class FunctionKeys {
  @Locked((from: string, to: Account) => [`account:${from}`, `account:${to.id}`])
  async all(from: string, to: Account): Promise<void> {}

  @Locked((from: string) => `account:${from}`)
  async fewer(from: string, to: Account): Promise<void> {}

  @Locked(() => 'accounts')
  async none(from: string): Promise<void> {}

  @Locked((...ids: string[]) => ids)
  async rest(...ids: string[]): Promise<void> {}

  @Locked((from: string | number) => `account:${from}`, { onBusy: 'skip' })
  async wider(from: string): Promise<void> {}

  // @ts-expect-error a parameter of another type
  @Locked((from: number) => `account:${from}`)
  async otherType(from: string): Promise<void> {}

  // @ts-expect-error a parameter that the method does not have
  @Locked((from: string, to: Account) => [from, to.id])
  async more(from: string): Promise<void> {}

  // @ts-expect-error a narrower parameter
  @Locked((from: string) => `account:${from}`)
  async narrower(from: string | undefined): Promise<void> {}

  // @ts-expect-error a key that is no text
  @Locked((from: string) => from.length)
  async noText(from: string): Promise<void> {}

  // @ts-expect-error a key that is there only later
  @Locked(async (from: string) => from)
  async later(from: string): Promise<void> {}

  // @ts-expect-error a parameter of another type, with options
  @Locked((from: number) => `account:${from}`, { onBusy: 'skip' })
  async otherTypeSkipping(from: string): Promise<void> {}
}

export class Signals {
  @Locked('order:<id>', { signal: (_id: string, signal: AbortSignal | undefined) => signal })
  async all(id: string, signal?: AbortSignal): Promise<void> {}

  @Locked('order:<id>', { signal: (id) => (id === '' ? undefined : AbortSignal.timeout(1)), onBusy: 'skip' })
  async untyped(id: string): Promise<void> {}

  @Locked((id: string) => `order:${id}`, { signal: undefined })
  async none(id: string): Promise<void> {}

  // @ts-expect-error a parameter that the method does not have
  @Locked('order:<id>', { signal: (_id: string, signal: AbortSignal) => signal })
  async more(id: string): Promise<void> {}

  // @ts-expect-error a parameter that may be undefined
  @Locked('order:<id>', { signal: (_id: string, signal: AbortSignal) => signal })
  async narrower(id: string, signal?: AbortSignal): Promise<void> {}

  // @ts-expect-error what is no signal
  @Locked('order:<id>', { signal: (id: string) => id })
  async noSignal(id: string): Promise<void> {}

  // @ts-expect-error a signal that is there only later
  @Locked('order:<id>', { signal: async () => undefined })
  async later(id: string): Promise<void> {}
}

export class Options {
  @Locked('order', {
    ttl: 30_000,
    wait: Number.POSITIVE_INFINITY,
    mode: 'shared',
    permits: 3,
    renew: false,
    maxHold: '1h',
    holdAtLeast: '50s',
    signal: AbortSignal.timeout(1),
    reentrant: false,
    onLost: 'ignore',
    onBusy: 'throw',
    service: 'audit',
  })
  async all(): Promise<void> {}

  @Locked('order', { wait: undefined, service: undefined, onBusy: undefined })
  async undefinedIsNotGiven(): Promise<Receipt> {
    return receipt;
  }

  // @ts-expect-error a bad duration
  @Locked('order', { wait: 'abc' })
  async badDuration(): Promise<void> {}

  // @ts-expect-error an unknown option
  @Locked('order', { tll: '30s' })
  async unknownOption(): Promise<void> {}

  // @ts-expect-error an unknown mode
  @Locked('order', { mode: 'reader' })
  async unknownMode(): Promise<void> {}

  // @ts-expect-error an unknown onBusy
  @Locked('order', { onBusy: 'ignore' })
  async unknownOnBusy(): Promise<void> {}

  // @ts-expect-error options in the place of the key
  @Locked({ wait: '2s' })
  async noKey(): Promise<void> {}
}

export class Injected {
  @InjectLocks()
  readonly property!: LockService;

  constructor(@InjectLocks('audit') readonly audit: LockService) {}
}

export const maybeLock: Lock | undefined = currentLock('order');
// @ts-expect-error there may be none
export const certainLock: Lock = currentLock();
