/* Three job servers, one list of invoices, and kills at random: `npm run sample:jobs` (README.md has the variations). */
import { randomInt } from 'node:crypto';
import { constants } from 'node:os';
import { printConclusion, printResult } from '../src/conductor/print.js';
import { Fleet, type Life } from './conductor/fleet.js';
import { LockHost } from './conductor/lock-host.js';
import { inMemory, onRedis } from './conductor/meeting-place.js';
import { Misfortune, type Traps } from './conductor/misfortune.js';
import { Outside } from './conductor/outside.js';
import { Random } from './conductor/random.js';
import { conclude } from './conductor/verdict.js';
import { type Invoice, type Request, WAYS, type Way, type World } from './protocol.js';

const SERVERS = 3;
const INVOICES = 45;
/** Only bounds a run that hangs. */
const PATIENCE_MS = 120_000;

const chance = new Random(Number(process.env.SEED ?? randomInt(1_000_000)));
const place = process.env.REDIS_URL ? await onRedis(process.env.REDIS_URL) : inMemory;

const invoices = Array.from({ length: INVOICES }, (_, index): Invoice => ({ id: index + 1, way: WAYS[index % 3]! }));
const some = (way: Way, from: number, to: number) =>
  chance.pick(invoices.filter((invoice) => invoice.way === way && invoice.id > from && invoice.id <= to))!;
const traps: Traps = {
  afterTheIssue: { plain: some('plain', 0, 45), fenced: some('fenced', 0, 20), keyed: some('keyed', 0, 45) },
  late: some('fenced', 20, 45),
};

const host = new LockHost();
const misfortune = new Misfortune(() => fleet, traps, chance);
const outside = new Outside(SERVERS, invoices, (life) => fleet.killed.has(life), misfortune.befall);
const fleet: Fleet = new Fleet(
  SERVERS,
  { ...process.env, ...place.environment },
  {
    asked: async (life, request) => host.carryOut(life, request) ?? ask(life, request),
    ended: (life) => {
      host.ended(life);
      outside.gone(life.name);
      misfortune.over(life);
    },
  },
);

let struck: Promise<void> | undefined;

async function ask(life: Life, { method, args }: Request): Promise<unknown> {
  if (method === 'finished') misfortune.over(life);
  else if (method !== 'list') misfortune.step(life);
  const answer = outside.for(life)[method as keyof World] as (...args: unknown[]) => unknown;
  return answer(...args);
}

/** Leaves nothing behind: no process, no key. The end and a signal may both ask for it. */
function strike(): Promise<void> {
  struck ??= fleet.close().then(() => place.clear());
  return struck;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    console.log(`\n${signal}: cleaning up; what is said from now on was cut off`);
    void strike().finally(() => process.exit(128 + constants.signals[signal]));
  });
}

console.log(`${SERVERS} job servers, ${INVOICES} invoices, ${place.description}; SEED=${chance.seed}`);
const startedAt = performance.now();
const patience = setTimeout(() => void fleet.close(), PATIENCE_MS);
try {
  await fleet.finished();
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  const title = `After ${seconds} s and ${fleet.killed.size} kills, ${misfortune.random} of them at random`;
  const result = conclude({ invoices, traps, fleet, misfortune, outside });
  printResult({ title, ...result });
  process.exitCode = printConclusion(result.verdicts);
} finally {
  clearTimeout(patience);
  await strike();
}
