import { type Duration, toMilliseconds } from '../core/duration.js';
import { LockError } from '../core/errors.js';
import type { Locker } from '../core/locker.js';
import { assertKnown, assertObject } from '../core/options.js';
import { runtime } from '../core/runtime.js';
import { pause } from '../core/timer.js';

export interface LockHealthOptions {
  /** How long the store may take to answer. Default `'1s'`. */
  timeout?: Duration | undefined;
}

/** Whether locks can be had, as one process sees it. A lock that is busy is no matter of health. */
export interface LockHealth {
  /**
   * `'down'`: the store does not answer, or refuses. `'degraded'`: locks can be had, but a server of the quorum is away, or
   * messages do not arrive and waiters ask every few seconds.
   */
  readonly status: 'up' | 'degraded' | 'down';
  /** The kind of store: `redis`, `quorum`, `memory`, or `custom`. */
  readonly store: string;
  /** How long the store took to answer, in ms; null: it did not. */
  readonly latency: number | null;
  /** How many locks this process holds, and how many of its callers wait. */
  readonly held: number;
  readonly waiting: number;
  /** `'idle'`: nobody waits for any, so nobody has looked. */
  readonly messages: 'proven' | 'unproven' | 'idle';
  /** Of a quorum. */
  readonly servers?: { readonly reachable: number; readonly of: number };
  /** What is wrong. */
  readonly problem?: string;
}

/** Is asked for, and exists no more than any other that nobody has. */
const NAME = 'health';
const TIMEOUT_MS = 1_000;

/** @throws LockOptionsError for wrong options. */
export async function healthOf(locker: Locker, options: LockHealthOptions = {}): Promise<LockHealth> {
  assertObject(options, 'the options of health()');
  assertKnown(options, ['timeout'], 'the options of health()');
  const timeout = toMilliseconds(options.timeout ?? TIMEOUT_MS, 'timeout', { min: 1 });
  const since = runtime.monotonic();
  const asked = locker.calls.look(NAME).then(
    () => undefined,
    (error: Error) => (error instanceof LockError ? error.message : String(error)),
  );
  const unanswered = pause(timeout, { awaited: false }).then(() => `The store has not answered for ${timeout} ms.`);
  const down = await Promise.race([asked, unanswered]);
  const { kind: store, messagesProven, servers } = locker.storeStatus;
  const { held, waiting } = locker.counts;
  const messages = messagesProven === undefined ? 'idle' : messagesProven ? 'proven' : 'unproven';
  const degraded = problemsOf(messages, servers);
  const problem = down ?? degraded;
  return {
    status: down ? 'down' : degraded ? 'degraded' : 'up',
    store,
    latency: down ? null : Math.round((runtime.monotonic() - since) * 1_000) / 1_000,
    held,
    waiting,
    messages,
    ...(servers && { servers }),
    ...(problem && { problem }),
  };
}

function problemsOf(messages: LockHealth['messages'], servers: LockHealth['servers']): string | undefined {
  if (servers && servers.reachable < servers.of) {
    return `${servers.of - servers.reachable} of the ${servers.of} servers of the quorum cannot be reached.`;
  }
  return messages === 'unproven' ? 'Messages do not arrive: waiters ask again every few seconds.' : undefined;
}
