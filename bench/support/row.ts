import { best, ratio, type Summary, summarize } from './statistics.js';

/** One line of the final table. */
export interface RowResult {
  /** What `--rows` knows it by. */
  row: string;
  title: string;
  unit: string;
  /** By contestant. */
  values: Record<string, Summary>;
  ratios: Record<string, number>;
  /** What was reached, in the terms of the bound. */
  measured: string;
  bound: string;
  /** Null where there is no bound, and for what could not be measured here. */
  met: boolean | null;
}

/** What a family of rows runs with. */
export interface Setting {
  /** Every row, but only long enough to see that it works. */
  readonly quick: boolean;
  /** The names of the rows that are wanted. */
  readonly wanted: ReadonlySet<string>;
  readonly log: (line: string) => void;
}

export interface Family {
  readonly rows: readonly string[];
  run(setting: Setting): Promise<RowResult[]>;
}

type Rounds = Record<string, number[]>;

export function summaries(rounds: Rounds): Record<string, Summary> {
  return Object.fromEntries(Object.entries(rounds).map(([name, values]) => [name, summarize(values)]));
}

/** Every other contestant's ratio to `base`. */
export function ratiosTo(base: string, rounds: Rounds): Record<string, number> {
  const to = rounds[base] ?? [];
  return Object.fromEntries(
    Object.entries(rounds)
      .filter(([name]) => name !== base)
      .map(([name, values]) => [`${name} / ${base}`, ratio(values, to)]),
  );
}

/** Ours against whichever of the peers does best. */
export function againstBest(
  mine: readonly number[],
  peers: Rounds,
  direction: 'highest' | 'lowest',
): { name: string; ratio: number } {
  const name = best(peers, direction);
  return { name, ratio: ratio(mine, peers[name] ?? []) };
}

/** A count as it is, all else with three significant digits; thousands set apart. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const digits = Number.isInteger(value) || Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
