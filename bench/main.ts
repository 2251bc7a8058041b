/* `npm run bench`: every row, on a Redis of its own. `-- --quick`, `-- --rows 1,2,burst`, `-- --json FILE`, `-- --plot`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { drawHotKey } from './plot.js';
import { burst } from './rows/burst.js';
import { code } from './rows/code.js';
import { decorator } from './rows/decorator.js';
import { growth } from './rows/growth.js';
import { handOver } from './rows/hand-over.js';
import { hotKey } from './rows/hot-key.js';
import { instructions } from './rows/instructions.js';
import { left } from './rows/left.js';
import { observed } from './rows/observed.js';
import { renewal } from './rows/renewal.js';
import { uncontended } from './rows/uncontended.js';
import { waiters } from './rows/waiters.js';
import { describeMachine } from './support/machine.js';
import { contestantsTable, goalsTable, provenance } from './support/markdown.js';
import { printMachine, printRow, printSettings, printSummary } from './support/print.js';
import type { RowResult } from './support/row.js';

const FAMILIES = [
  uncontended,
  instructions,
  hotKey,
  handOver,
  renewal,
  waiters,
  left,
  decorator,
  observed,
  burst,
  growth,
  code,
];
const ALL_ROWS = FAMILIES.flatMap(({ rows }) => rows);
/** From bench/dist/bench. */
const BENCH = fileURLToPath(new URL('../..', import.meta.url));

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rows: { type: 'string', default: ALL_ROWS.join(',') },
    json: { type: 'string', default: resolve(BENCH, 'results/latest.json') },
    plot: { type: 'boolean', default: false },
  },
});

const wanted = new Set(options.rows.split(',').map((row) => row.trim()));
for (const row of wanted)
  if (!ALL_ROWS.includes(row)) throw new Error(`There is no row ${row}: ${ALL_ROWS.join(', ')}`);

// Servers and child processes go with this one.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const setting = { quick: options.quick, wanted, log: (line: string) => console.log(`... ${line}`) };
const machine = await describeMachine();
printMachine(machine);

if (options.plot) {
  // A picture of a quick run is for looking at the drawing only.
  const file = options.quick ? resolve(BENCH, 'results/hot-key.svg') : resolve(BENCH, '../docs/hot-key.svg');
  mkdirSync(dirname(file), { recursive: true });
  const footnote = `Empty body. ${machine.cores} cores of ${machine.cpu}, node ${machine.node}, Redis ${machine.redis}, ${machine.date.slice(0, 10)}. Polling peers ask every 10 ms.`;
  await drawHotKey(file, setting, footnote);
} else {
  const results: RowResult[] = [];
  for (const family of FAMILIES.filter(({ rows }) => rows.some((row) => wanted.has(row)))) {
    const measured = await family.run(setting);
    for (const result of measured) printRow(result);
    results.push(...measured);
  }
  printSettings();
  printSummary(results);
  const run = { quick: options.quick, machine, results };
  const file = resolve(options.json);
  const tables = file.replace(/(\.json)?$/, '.md');
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(run, undefined, 2)}\n`);
  const parts = [provenance([run]), goalsTable([run]), contestantsTable([run])];
  writeFileSync(tables, `${parts.filter((part) => part !== '').join('\n\n')}\n`);
  console.log(
    `\n${options.quick ? 'quick: the figures say nothing. ' : ''}Written to ${file} and, as tables, to ${tables}`,
  );
}
