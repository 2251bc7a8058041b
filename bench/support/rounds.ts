interface Rounds<C, R> {
  readonly rounds: number;
  /** Unmeasured, once for each contestant. */
  readonly warmUp: (contestant: C) => Promise<unknown>;
  readonly measure: (contestant: C, round: number) => Promise<R>;
}

/**
 * Each contestant has its turn in every round, and the one that begins changes from round to round: what else the
 * machine does meets all of them alike. The results by name, in the order of the rounds.
 */
export async function interleave<C extends { readonly name: string }, R>(
  contestants: readonly C[],
  { rounds, warmUp, measure }: Rounds<C, R>,
): Promise<Record<string, R[]>> {
  const results: Record<string, R[]> = {};
  for (const contestant of contestants) {
    results[contestant.name] = [];
    await warmUp(contestant);
  }
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < contestants.length; turn += 1) {
      const contestant = contestants[(turn + round) % contestants.length] as C;
      results[contestant.name]?.push(await measure(contestant, round));
    }
  }
  return results;
}

/** One field of the results of every contestant. */
export function column<R>(results: Readonly<Record<string, R[]>>, of: (result: R) => number): Record<string, number[]> {
  return Object.fromEntries(Object.entries(results).map(([name, rounds]) => [name, rounds.map(of)]));
}

/** The results of the named only. */
export function only<V>(
  results: Readonly<Record<string, V>>,
  names: readonly { readonly name: string }[],
): Record<string, V> {
  return Object.fromEntries(names.filter(({ name }) => name in results).map(({ name }) => [name, results[name] as V]));
}
