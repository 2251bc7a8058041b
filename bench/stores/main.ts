import { CONTESTANT_NAMES, CONTESTANTS, type ContestantName, type LockClient } from './contestant.js';
import { afterCrash } from './crash.js';
import { ensureStores } from './ensure-stores.js';
import { handOver } from './hand-over.js';
import { type CrowdSize, hotKey } from './hot-key.js';
import { endOwned } from './owned.js';
import { packageVersions, Report } from './report.js';
import { type Addresses, startStores } from './servers.js';
import { pairsPerSecond } from './uncontended.js';
import { within } from './within.js';

interface Plan {
  readonly rounds: number;
  readonly ms: number;
  readonly crowd: CrowdSize;
  readonly handOvers: number;
  /** How long the holder holds before it is killed, once for each. */
  readonly crashes: readonly number[];
}

const FORTY: CrowdSize = { processes: 4, waiters: 10 };
// The times before a death lie at different points between two renewals.
const FULL: Plan = { rounds: 3, ms: 1_000, crowd: FORTY, handOvers: 15, crashes: [1_000, 2_300, 3_600] };
const QUICK: Plan = { rounds: 1, ms: 150, crowd: { processes: 2, waiters: 3 }, handOvers: 2, crashes: [300] };
const WARM_UP: Plan = { rounds: 1, ms: 500, crowd: FORTY, handOvers: 3, crashes: [] };
/** Far above all that was ever seen: reached, something hangs. */
const STAGE_MS = 60_000;

async function round(name: ContestantName, address: string, plan: Plan, report: Report): Promise<void> {
  const { title, open } = CONTESTANTS[name];
  const clients: [LockClient, LockClient] = [await open(address), await open(address)];
  const [client] = clients;
  try {
    // Creates what is created once per name, and warms the client up.
    await within(pairsPerSecond(client, 64, 50), STAGE_MS, title);
    report.add(name, 'pairs-64', await within(pairsPerSecond(client, 64, plan.ms), STAGE_MS, title));
    report.add(name, 'pairs-1', await within(pairsPerSecond(client, 1, plan.ms), STAGE_MS, title));
    report.add(name, 'hand-over', await within(handOver(clients, plan.handOvers), STAGE_MS, title));
  } finally {
    for (const each of clients) await each.close();
  }
  const { empty, working } = await within(
    hotKey(name, address, plan.crowd, plan.ms * 2),
    STAGE_MS,
    `${title}, hot key`,
  );
  report.add(name, 'hot-bodies', empty.bodiesPerSecond);
  report.add(name, 'hot-wait', empty.longestWait);
  report.add(name, 'hot-1ms-bodies', working.bodiesPerSecond);
  report.add(name, 'hot-1ms-wait', working.longestWait);
}

/** All contestants side by side: they mostly wait for a lease to end. */
async function crashes(addresses: Addresses, heldMs: number, report: Report): Promise<void> {
  const each = async (name: ContestantName): Promise<void> => {
    const { store, open, title } = CONTESTANTS[name];
    const client = await open(addresses[store]);
    try {
      const waited = await within(afterCrash(name, addresses[store], client, heldMs), STAGE_MS, `${title}, crash`);
      report.add(name, 'crash', waited);
    } finally {
      await client.close();
    }
  };
  await Promise.all(CONTESTANT_NAMES.map(each));
}

async function measure(addresses: Addresses, plan: Plan, report: Report): Promise<void> {
  for (let count = 1; count <= plan.rounds; count += 1) {
    for (const name of CONTESTANT_NAMES) {
      console.log(`round ${count} of ${plan.rounds}: ${CONTESTANTS[name].title}`);
      await round(name, addresses[CONTESTANTS[name].store], plan, report);
    }
  }
  for (const heldMs of plan.crashes) {
    console.log(`the holder dies after ${heldMs} ms`);
    await crashes(addresses, heldMs, report);
  }
}

async function main(): Promise<void> {
  const quick = process.argv.includes('--quick');
  const found = await ensureStores();
  const report = new Report();
  const addresses = await startStores(found);
  if (!quick) {
    const unreported = new Report();
    // Java compiles what it runs often; without this the first round would be another program.
    for (const name of CONTESTANT_NAMES) {
      console.log(`warm-up: ${CONTESTANTS[name].title}`);
      await round(name, addresses[CONTESTANTS[name].store], WARM_UP, unreported);
    }
  }
  await measure(addresses, quick ? QUICK : FULL, report);
  report.print({ ...found.versions, ...packageVersions() }, quick);
}

let failed = false;
try {
  await main();
} catch (error) {
  console.error(error);
  failed = true;
}
await endOwned();
// At once: a client of a contestant that failed may keep the process alive.
process.exit(failed ? 1 : 0);
