/* `npm run test:faults`: breaks things under the locks, and checks what was promised against the whole history. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { check } from './checker/check.js';
import { readHistory } from './history/history.js';
import { NEMESES } from './nemeses/campaign.js';
import type { Field } from './nemeses/nemesis.js';
import { Random } from './random.js';
import { describeViolations, Report } from './report.js';
import { Round } from './round.js';
import { ServerClocks } from './stores/server-clocks.js';
import { TOPOLOGIES } from './stores/topologies.js';

/** Each round has a history of its own, and ends with looking for what is left. */
const ROUND_SECONDS = { least: 45, most: 120 };

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '2' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    topology: { type: 'string', default: Object.keys(TOPOLOGIES).join(',') },
    only: { type: 'string', default: NEMESES.map(({ name }) => name).join(',') },
    keep: { type: 'boolean', default: false },
    judge: { type: 'string' },
  },
});
const topologies = listed('topology', values.topology, Object.keys(TOPOLOGIES));
const nemeses = listed(
  'only',
  values.only,
  NEMESES.map(({ name }) => name),
);

// Servers and workers go with this one.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const report = new Report(nemeses);
const directory = values.judge ?? mkdtempSync(join(tmpdir(), 'nestjs-lock-faults-'));
if (values.judge === undefined) {
  print(`seed ${values.seed}, ${values.minutes} minutes over ${topologies.join(', ')}`);
  for (const name of topologies) await playTopology(name, (Number(values.minutes) * 60) / topologies.length);
} else {
  // Histories that were kept, once more.
  for (const round of readdirSync(directory).sort()) judge(round, join(directory, round), 0);
}

print(`\n${report.text()}`);
if (report.violations > 0 || values.keep || values.judge) print(`The histories are in ${directory}`);
else rmSync(directory, { recursive: true });
process.exit(report.violations > 0 ? 1 : 0);

async function playTopology(name: string, seconds: number): Promise<void> {
  const topology = TOPOLOGIES[name]!;
  const clocks = topology.clocks ? ServerClocks.install() : undefined;
  const store = await topology.start();
  tellUnavailable(name, { topology, store, clocks });
  const length = Math.min(ROUND_SECONDS.most, Math.max(ROUND_SECONDS.least, seconds / 10));
  const rounds = Math.max(1, Math.round(seconds / length));
  try {
    for (let round = 1; round <= rounds; round += 1) {
      const place = join(directory, `${name}-${round}`);
      const random = new Random(`${values.seed}/${name}/${round}`);
      const namespace = `faults-${round}`;
      const common = { topology, store, clocks, namespace, random, nemeses };
      const options = { ...common, directory: place, seconds: seconds / rounds };
      judge(`${name}-${round}`, place, await Round.run(options));
    }
  } finally {
    await store.stop();
    clocks?.uninstall();
  }
}

/** `title`: the topology, a dash, and the round. */
function judge(title: string, place: string, keySamples: number): void {
  const { quorum } = TOPOLOGIES[title.slice(0, title.lastIndexOf('-'))] ?? {};
  const verdict = check(readHistory(place), { quorum });
  report.add(verdict, keySamples);
  const { violations, history } = verdict;
  print(`${title}: ${history.holds.length} grants, ${history.faults.length} faults, ${violations.length} violations`);
  if (violations.length > 0) print(describeViolations(verdict));
}

/** What cannot be tried is said, not skipped in silence. */
function tellUnavailable(name: string, field: Pick<Field, 'topology' | 'store' | 'clocks'>): void {
  for (const nemesis of NEMESES.filter((each) => nemeses.includes(each.name))) {
    const reason = nemesis.unavailable?.(field);
    if (reason) print(`${name}: ${nemesis.name} is not available (${reason})`);
  }
}

function listed(option: string, value: string, known: readonly string[]): string[] {
  const names = value.split(',').map((each) => each.trim());
  const unknown = names.find((each) => !known.includes(each));
  if (unknown !== undefined) throw new Error(`There is no ${unknown} for --${option}: ${known.join(', ')}`);
  return names;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
