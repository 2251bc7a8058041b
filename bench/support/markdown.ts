import { CONTESTANTS, ours, PEERS } from '../contestants/index.js';
import type { Machine } from './machine.js';
import { figure, type RowResult } from './row.js';
import { median } from './statistics.js';
import { table } from './table.js';

/** Ours first. */
const COLUMNS = [ours, ...CONTESTANTS.filter((each) => each !== ours)].map(({ name }) => name);

/** What `npm run bench` keeps of a run. */
export interface Run {
  readonly quick: boolean;
  readonly machine: Machine;
  readonly results: readonly RowResult[];
}

/** When and where: the first line of what goes into a document. */
export function provenance(runs: readonly Run[]): string {
  const { cores, cpu, node, redis, libraries } = (runs.at(-1) as Run).machine;
  const dates = [...new Set(runs.map(({ machine }) => machine.date.slice(0, 10)))].join(' and ');
  const loads = runs.map(({ machine }) => machine.load).join(', ');
  const quick = runs.some((run) => run.quick) ? ' **A quick run: its figures say nothing.**' : '';
  return `Measured on ${dates}: ${cores} cores of ${cpu}, Node ${node.replace(/^v/, '')}, Redis ${redis}, ioredis ${libraries.ioredis}; load before: ${loads}.${quick}`;
}

/** Every row that has a goal, run by run; empty when there is none. */
export function goalsTable(runs: readonly Run[]): string {
  const lines = [...byTitle(runs).values()]
    .filter(([first]) => first?.bound !== '')
    .map((results) => {
      const { title, bound } = results.at(-1) as RowResult;
      return [title, signs(bound), results.map(({ measured }) => measured).join('<br>'), reached(results)];
    });
  const header = ['what', 'goal', runs.length === 1 ? 'measured' : 'run by run', 'reached'];
  return lines.length > 0 ? table([header, ...lines], []) : '';
}

/** Every row in which the peers take part: the medians of all runs, the best one bold; empty when there is none. */
export function contestantsTable(runs: readonly Run[]): string {
  const lines = [...byTitle(runs).values()]
    .filter(([first]) => PEERS.every(({ name }) => name in (first as RowResult).values))
    .map(contestantsLine);
  return lines.length > 0 ? table([['', ...COLUMNS], ...lines]) : '';
}

function contestantsLine(results: readonly RowResult[]): string[] {
  const { title, unit } = results.at(-1) as RowResult;
  const medians = new Map<string, number>();
  for (const name of COLUMNS) {
    const found = results.flatMap(({ values }) => values[name]?.median ?? []);
    if (found.length > 0) medians.set(name, median(found));
  }
  const winner = unit.endsWith('/s') ? Math.max(...medians.values()) : Math.min(...medians.values());
  const cells = COLUMNS.map((name) => {
    const value = medians.get(name);
    if (value === undefined) return '–';
    return value === winner ? `**${figure(value)}**` : figure(value);
  });
  return [`${title} (${unit.replace(/^us\b/, 'µs')})`, ...cells];
}

/** A row may be in some of the runs only. */
function byTitle(runs: readonly Run[]): Map<string, RowResult[]> {
  const found = new Map<string, RowResult[]>();
  for (const result of runs.flatMap(({ results }) => results))
    found.set(result.title, [...(found.get(result.title) ?? []), result]);
  return found;
}

function reached(results: readonly RowResult[]): string {
  const tried = results.filter(({ met }) => met !== null);
  const met = tried.filter((result) => result.met).length;
  if (tried.length === 0) return '–';
  if (met === 0) return 'no';
  return met === tried.length ? 'yes' : `in ${met} of ${tried.length}`;
}

function signs(bound: string): string {
  return bound.replaceAll('<=', '≤').replaceAll('>=', '≥');
}
