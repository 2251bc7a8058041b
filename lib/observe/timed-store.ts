import type { LockStore, LockStoreExtras } from '../core/lock-store.js';
import { runtime } from '../core/runtime.js';
import type { StoreCalled } from './lock-observer.js';

type Method = keyof LockStoreExtras | 'acquire' | 'renew' | 'release' | 'withdraw' | 'inspect' | 'force';
type Ended = Pick<StoreCalled, 'operation' | 'outcome' | 'took'>;
type Call = (...args: unknown[]) => Promise<unknown>;

const METHODS: readonly Method[] = [
  'acquire',
  'renew',
  'release',
  'withdraw',
  'inspect',
  'force',
  'complete',
  'doneAt',
  'unmark',
  'requestRelease',
  'steal',
  'names',
  'ask',
  'note',
  'notes',
];

/** The same store, of which each call is told when it has ended. */
export function timedStore(store: LockStore, called: (call: Ended) => void): LockStore {
  const calls = METHODS.flatMap((operation): [Method, Call][] => {
    const call = store[operation]?.bind(store) as Call | undefined;
    return call ? [[operation, timed(operation, call, called)]] : [];
  });
  return {
    ...(Object.fromEntries(calls) as unknown as LockStore),
    subscribe: (instance, listener) => store.subscribe(instance, listener),
    ...(store.status && { status: () => store.status?.() }),
    ...(store.close && { close: () => store.close?.() }),
  } as LockStore;
}

function timed(operation: Method, call: Call, called: (call: Ended) => void): Call {
  return async (...args) => {
    const since = runtime.monotonic();
    let outcome: StoreCalled['outcome'] = 'unavailable';
    try {
      const answer = await call(...args);
      outcome = 'answered';
      return answer;
    } finally {
      called({ operation, outcome, took: runtime.monotonic() - since });
    }
  };
}
