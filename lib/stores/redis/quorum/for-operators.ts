// What operators ask of a quorum, and what it tells them: no vote is needed for that.
import type { StoreNote, StoreStatus } from '../../../core/lock-store.js';
import { extraOf } from '../../../core/store-calls.js';
import type { VoterStore } from './voter.js';

/** The servers note the same thing at times that differ by less than this, in ms. */
const NOTED_MS = 5_000;

/** By the messages of all servers; each process answers on those that it hears. */
export async function ask(
  stores: readonly VoterStore[],
  ...question: [instances: readonly string[], question: string, ms: number]
): Promise<ReadonlyMap<string, string>> {
  const answers = await Promise.allSettled(stores.map((store) => store.ask?.(...question) ?? new Map()));
  return new Map(answers.flatMap((each) => (each.status === 'fulfilled' ? [...each.value] : [])));
}

/** On each server that takes it. */
export async function note(stores: readonly VoterStore[], texts: readonly string[], keep: number): Promise<void> {
  await Promise.any(stores.map((store) => extraOf(store, 'note', 'A journal')(texts, keep)));
}

/** What any of the servers has; each note once, with the earliest of its times. */
export async function notes(stores: readonly VoterStore[], since: number): Promise<readonly StoreNote[]> {
  const asked = stores.map((store) => extraOf(store, 'notes', 'A journal')(since - NOTED_MS));
  const answers = await Promise.allSettled(asked);
  const all = answers.flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
  if (all.length === 0) await Promise.any(asked);
  const once = new Map<string, StoreNote>();
  for (const each of all.sort((a, b) => a.at - b.at)) if (!once.has(each.text)) once.set(each.text, each);
  return [...once.values()].filter(({ at }) => at >= since);
}

export function status(stores: readonly VoterStore[]): StoreStatus {
  const proven = stores.map((store) => store.status?.().messagesProven).filter((each) => each !== undefined);
  return {
    kind: 'quorum',
    messagesProven: proven.length > 0 ? proven.every(Boolean) : undefined,
    servers: { reachable: stores.filter(({ reachable }) => reachable !== false).length, of: stores.length },
  };
}
