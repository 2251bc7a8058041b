import { LockOptionsError } from '../core/errors.js';
import type { ProcessFacts } from '../core/facts.js';
import { instanceOf } from '../core/instance.js';
import type { StoreState } from '../core/lock-store.js';
import type { Locker } from '../core/locker.js';
import { assertKnown, assertObject } from '../core/options.js';
import { type LockHolder, type LockInspection, type LockWaiter, toInspection } from '../core/store-calls.js';

export interface LockListOptions {
  /** Names behind this one only: the `next` of the page before. */
  after?: string | undefined;
  /** How many names a page has at the most. Default 100; at most 1,000. */
  limit?: number | undefined;
}

/** Names that are held or waited for, in the order of their characters. */
export interface LockPage {
  readonly locks: readonly ListedLock[];
  /** For the option `after`; undefined: that was the last page. */
  readonly next: string | undefined;
}

export interface ListedLock extends LockInspection {
  readonly holders: readonly ListedHolder[];
  readonly waiting: readonly ListedWaiter[];
}

export interface ListedHolder extends LockHolder {
  /** The decorated method that has it, of those that its process serves at the moment; undefined: unknown. */
  readonly method: string | undefined;
  /** Whether its process has answered; one that has not is dead, stands still, or hears no messages. */
  readonly answers: boolean;
}

export interface ListedWaiter extends LockWaiter {
  /** The decorated methods of the callers that it stands for, as far as they are known. */
  readonly methods: readonly string[];
  /** What the call chains of these callers hold while they wait. */
  readonly holds: readonly string[];
  readonly answers: boolean;
}

const LIMIT = 100;
const LONGEST = 1_000;

/** @throws LockOptionsError for wrong options, and for a store that keeps no list of names. */
export async function pageOf(locker: Locker, prefix: string, options: LockListOptions = {}): Promise<LockPage> {
  assertObject(options, 'the options of list()');
  assertKnown(options, ['after', 'limit'], 'the options of list()');
  const { after, limit = LIMIT } = options;
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > LONGEST) {
    throw new LockOptionsError(`The option \`limit\` of list() is ${limit}: give a whole number from 1 to ${LONGEST}.`);
  }
  const all = [...(await locker.calls.names(prefix))].sort();
  const names = after === undefined ? all : all.filter((name) => name > after);
  const page = names.slice(0, limit);
  const states = await Promise.all(page.map((name) => locker.calls.look(name)));
  const facts = await locker.ask(states.flatMap(instancesIn), page);
  const locks = page.map((name, index) => listed(name, states[index] as StoreState, facts));
  return {
    // What was released meanwhile is not held any more.
    locks: locks.filter(({ holders, waiting }) => holders.length + waiting.length > 0),
    next: names.length > limit ? page.at(-1) : undefined,
  };
}

function instancesIn({ holders, waiting }: StoreState): string[] {
  return [...holders, ...waiting].map(({ owner }) => instanceOf(owner));
}

function listed(name: string, state: StoreState, facts: ReadonlyMap<string, ProcessFacts>): ListedLock {
  const { holders, waiting, ...rest } = toInspection(name, state);
  const of = (owner: string | undefined): ProcessFacts | undefined => facts.get(instanceOf(owner ?? ''));
  return {
    ...rest,
    holders: holders.map((holder, index) => {
      const known = of(state.holders[index]?.owner);
      const method = known?.held.find((each) => each.name === name)?.method;
      return { ...holder, method: method ?? undefined, answers: known !== undefined };
    }),
    waiting: waiting.map((waiter, index) => {
      const known = of(state.waiting[index]?.owner);
      const callers = known?.waiting.filter((each) => each.name === name) ?? [];
      const methods = callers.flatMap(({ method }) => method ?? []);
      const holds = callers.flatMap((each) => each.holds);
      return { ...waiter, methods: [...new Set(methods)], holds: [...new Set(holds)], answers: known !== undefined };
    }),
  };
}
