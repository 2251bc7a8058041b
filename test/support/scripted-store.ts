import type {
  Busy,
  Claim,
  Completion,
  Granted,
  LockStore,
  Owned,
  Owner,
  PushedGrant,
  ReleaseAnswer,
  StoreListener,
  StoreState,
} from '../../lib/index.js';
import { type Deferred, deferred } from './event.js';

interface Asked {
  acquire: Claim;
  renew: Owned & { ttl: number };
  release: Owned & { retain: number };
  withdraw: Owned;
  inspect: { name: string };
  force: { name: string; expected: number | null };
  complete: Completion;
  doneAt: { name: string };
}

interface Answers {
  acquire: Granted | Busy;
  renew: boolean;
  release: ReleaseAnswer;
  withdraw: undefined;
  inspect: StoreState;
  force: boolean;
  complete: boolean;
  doneAt: number | null;
}

export type ScriptedOperation = keyof Asked;

/** One call of the code under test, until the test answers it. */
export class ScriptedCall<K extends ScriptedOperation = ScriptedOperation> {
  /** When it came, by the time of the test. */
  readonly at = performance.now();
  answered = false;
  readonly #outcome: Deferred<Answers[K]> = deferred();

  constructor(
    readonly operation: K,
    readonly asked: Asked[K],
  ) {}

  get promise(): Promise<Answers[K]> {
    return this.#outcome.promise;
  }

  answer(value: Answers[K]): void {
    this.answered = true;
    this.#outcome.resolve(value);
  }

  fail(error: unknown = new Error('scripted: no answer')): void {
    this.answered = true;
    this.#outcome.reject(error);
  }
}

/** A store without a will of its own: it records each call, and the test says what becomes of it, and when. */
export class ScriptedStore implements LockStore {
  readonly calls: ScriptedCall[] = [];
  readonly listeners = new Map<string, StoreListener>();
  /** What came along with the latest claim. */
  isWanted: (() => boolean) | undefined;
  /** Answers that are given at once. */
  readonly automatic: { [K in ScriptedOperation]?: (asked: Asked[K]) => Answers[K] } = {};

  acquire(claim: Claim, isWanted?: () => boolean): Promise<Granted | Busy> {
    this.isWanted = isWanted;
    return this.#call('acquire', claim);
  }

  renew(asked: Asked['renew']): Promise<boolean> {
    return this.#call('renew', asked);
  }

  release(asked: Asked['release']): Promise<ReleaseAnswer> {
    return this.#call('release', asked);
  }

  withdraw(asked: Owned): Promise<void> {
    return this.#call('withdraw', asked);
  }

  inspect(name: string): Promise<StoreState> {
    return this.#call('inspect', { name });
  }

  force(name: string, expected: number | null): Promise<boolean> {
    return this.#call('force', { name, expected });
  }

  complete(asked: Completion): Promise<boolean> {
    return this.#call('complete', asked);
  }

  doneAt(name: string): Promise<number | null> {
    return this.#call('doneAt', { name });
  }

  subscribe(instance: string, listener: StoreListener): () => void {
    this.listeners.set(instance, listener);
    return () => this.listeners.delete(instance);
  }

  /** All calls of the operation so far. */
  all<K extends ScriptedOperation>(operation: K): ScriptedCall<K>[] {
    return this.calls.filter((call) => call.operation === operation) as unknown as ScriptedCall<K>[];
  }

  /** The oldest call of the operation that has no answer yet. */
  next<K extends ScriptedOperation>(operation: K): ScriptedCall<K> {
    const call = this.all(operation).find(({ answered }) => !answered);
    if (!call) throw new Error(`No ${operation} waits for an answer; calls: ${this.log().join(', ') || 'none'}`);
    return call;
  }

  /** How many calls of the operation have no answer yet. */
  open(operation: ScriptedOperation): number {
    return this.all(operation).filter(({ answered }) => !answered).length;
  }

  /** The operations in the order in which they came. */
  log(): ScriptedOperation[] {
    return this.calls.map(({ operation }) => operation);
  }

  /** Forgets the calls so far, so that `log` shows what comes after. */
  forget(): void {
    this.calls.length = 0;
  }

  /** Releases and withdrawals succeed at once. */
  letGo(): this {
    this.automatic.release = () => true;
    this.automatic.withdraw = () => undefined;
    return this;
  }

  /** Pushes a grant, of the latest attempt unless told. */
  push(owner: Owner, grant: Partial<PushedGrant> = {}): void {
    const attempts = this.all('acquire').filter(({ asked }) => asked.owner === owner);
    const attempt = attempts.at(-1)?.asked.attempt ?? 0;
    this.#listener.granted(owner, { ...granted(), attempt, provisional: false, ...grant });
  }

  /** `token`: undefined means whichever. */
  revoke(owner: Owner, token?: number): void {
    this.#listener.revoked(owner, token);
  }

  nudge(owner: Owner): void {
    this.#listener.nudged(owner);
  }

  reconnect(): void {
    this.#listener.reconnected();
  }

  get #listener(): StoreListener {
    const [listener] = this.listeners.values();
    if (!listener) throw new Error('Nobody has subscribed');
    return listener;
  }

  #call<K extends ScriptedOperation>(operation: K, asked: Asked[K]): Promise<Answers[K]> {
    const call = new ScriptedCall(operation, asked);
    this.calls.push(call as unknown as ScriptedCall);
    const answer = this.automatic[operation];
    if (answer) call.answer(answer(asked));
    return call.promise;
  }
}

export function granted({ token = 100, block = 1 } = {}): Granted {
  return { granted: true, token, block };
}

export function busy(busy: Partial<Omit<Busy, 'granted'>> = {}): Busy {
  return { granted: false, retryAfter: 30_000, ticket: 1, rank: 0, holder: undefined, ...busy };
}
