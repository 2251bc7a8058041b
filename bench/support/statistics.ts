export interface Summary {
  median: number;
  min: number;
  max: number;
  rounds: number[];
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

export function summarize(rounds: readonly number[]): Summary {
  return { median: median(rounds), min: Math.min(...rounds), max: Math.max(...rounds), rounds: [...rounds] };
}

/** The median of the ratios of each round: what disturbs a round disturbs both sides of it. */
export function ratio(of: readonly number[], to: readonly number[]): number {
  return median(of.map((value, round) => value / (to[round] ?? Number.NaN)));
}

/** The name with the highest, or lowest, median. */
export function best(values: Readonly<Record<string, readonly number[]>>, direction: 'highest' | 'lowest'): string {
  const sign = direction === 'highest' ? 1 : -1;
  const names = Object.keys(values);
  const rank = (name: string): number => sign * median(values[name] ?? []);
  return names.reduce((leader, name) => (rank(name) > rank(leader) ? name : leader));
}
