import { CONTESTANTS } from '../contestants/index.js';
import type { Machine } from './machine.js';
import { figure, type RowResult } from './row.js';

export function printMachine({ cpu, cores, memoryGiB, system, load, node, redis, libraries, date }: Machine): void {
  console.log(`${date}  ${cores} x ${cpu}, ${memoryGiB} GiB, ${system}, load ${load}`);
  console.log(`node ${node}, redis ${redis}, ${versions(libraries)}`);
}

function versions(libraries: Record<string, string>): string {
  return Object.entries(libraries)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ');
}

/** The medians of all contestants of one row, with the spread over the rounds. */
export function printRow({ row, title, unit, values, ratios }: RowResult): void {
  console.log(`\n${row}. ${title} (${unit})`);
  const lines = Object.entries(values).map(([name, { median, min, max, rounds }]) => [
    name,
    figure(median),
    rounds.length > 1 ? `${figure(min)} .. ${figure(max)}` : '',
  ]);
  printTable(lines, [false, true, true]);
  printTable(
    Object.entries(ratios).map(([name, value]) => [name, figure(value)]),
    [false, true],
  );
}

/** Every row: measured, bound, met or not. */
export function printSummary(results: readonly RowResult[]): void {
  console.log('\n');
  const verdict = ({ met }: RowResult): string => (met === null ? '' : met ? 'met' : 'NOT MET');
  const lines = results.map((result) => [result.row, result.title, result.measured, result.bound, verdict(result)]);
  printTable([['row', 'what', 'measured', 'bound', ''], ...lines], []);
}

/** How each contestant was set up; those that poll serve their waiters better here than with their defaults. */
export function printSettings(): void {
  console.log(
    '\nAll with a ttl of 30 s and, each, an ioredis client of its own with default settings. What else is set:',
  );
  printTable(
    CONTESTANTS.map(({ name, settings }) => [name, settings]),
    [],
  );
}

function printTable(lines: readonly string[][], alignRight: readonly boolean[]): void {
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  for (const line of lines) {
    const cells = line.map((cell, column) =>
      alignRight[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
    );
    console.log(`  ${cells.join('  ').trimEnd()}`);
  }
}
