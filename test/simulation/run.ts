import { createHash } from 'node:crypto';
import { SERVED_WITHIN_MS } from '../faults/checker/bounds.js';
import { check, type Verdict } from '../faults/checker/check.js';
import type { Violation } from '../faults/checker/model.js';
import type { HistoryEvent } from '../faults/history/event.js';
import { mayStay } from '../faults/key-monitor.js';
import { checkTruth } from './checker/check-truth.js';
import { Campaign } from './nemeses/campaign.js';
import type { Wire } from './redis/network.js';
import { World, type WorldOptions } from './world.js';

/** Longer than any wait, so that a stuck one shows. */
const DRAIN_PATIENCE_MS = 40_000;
const RECONNECTED_MS = 2_000;
const CLOSES_WITHIN_MS = 9_000;
/** The store keeps what belongs to waiters for a multiple of the time that it takes them to be alive. */
const LEFTOVERS_GONE_MS = 130_000;

export interface RunResult {
  readonly seed: string;
  readonly topology: string;
  readonly events: readonly HistoryEvent[];
  readonly digest: string;
  readonly violations: readonly Violation[];
  /** How many operations and faults began. */
  readonly steps: number;
  readonly grants: number;
  readonly faults: number;
  readonly virtualMs: number;
  readonly turns: number;
  readonly verdict: Verdict;
}

/** One run: a world, its faults, the healing, and the verdict. */
export async function simulate(options: WorldOptions): Promise<RunResult> {
  const world = new World(options);
  const unheard = (reason: unknown): void => {
    const note = `a rejection that nobody hears: ${reason instanceof Error ? reason.stack : reason}`;
    world.chronicle.record({ kind: 'crashed', worker: 'somebody', note });
  };
  process.on('unhandledRejection', unheard);
  try {
    let over = false;
    const play = playOut(world).then(() => {
      over = true;
    });
    await world.scheduler.run(() => over);
    await play;
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off('unhandledRejection', unheard);
  }
  return judge(options, world);
}

async function playOut(world: World): Promise<void> {
  const random = world.random.fork('shape');
  await world.populate(random.integer(2, 4));
  const campaign = new Campaign(world).run();
  // Most are short: much is found in little time, and the rest needs a long life.
  const life = random.chance(0.2) ? random.integer(5_000, 20_000) : random.integer(1_000, 5_000);
  const end = world.scheduler.now + life;
  while (world.scheduler.now < end && !world.exhausted) await world.sleep(500);
  world.ending = true;
  await campaign;
  await heal(world);
}

/** All faults are over: whoever lives has to be served, and then to leave nothing behind. */
async function heal(world: World): Promise<void> {
  const swallowing = world.network.wires().filter(({ swallows }) => swallows);
  if (swallowing.length > 0) await reset(world, swallowing);
  world.chronicle.record({ kind: 'healing' });
  const workers = [...world.workers.values()];
  const drained = Promise.all(workers.map((worker) => worker.drain(SERVED_WITHIN_MS)));
  await Promise.race([drained, world.sleep(DRAIN_PATIENCE_MS)]);
  world.chronicle.record({ kind: 'over' });
  await Promise.all(workers.map((worker) => world.dismiss(worker, CLOSES_WITHIN_MS)));
  await world.sleep(LEFTOVERS_GONE_MS);
  // A clock that is set moves the ends of all keys.
  for (const server of world.harm === 'clock' ? [] : world.servers) {
    const left = server.keysLeft().filter(({ key, ttl }) => !mayStay(key, ttl, LEFTOVERS_GONE_MS));
    for (const key of left) world.chronicle.record({ kind: 'key', ...key, phase: 'end' });
  }
}

/** What would swallow everything for ever ends, so that all are as they should be. */
async function reset(world: World, wires: readonly Wire[]): Promise<void> {
  const fault = 'the end of all';
  world.chronicle.record({ kind: 'fault', fault, nemesis: 'connection-reset' });
  for (const wire of wires) wire.reset();
  await world.sleep(RECONNECTED_MS);
  world.chronicle.record({ kind: 'healed', fault });
}

function judge({ seed }: WorldOptions, world: World): RunResult {
  const { events } = world.chronicle;
  const { quorum } = world.topology;
  const verdict = check(events, { quorum });
  const { history } = verdict;
  world.truth.end(world.servers);
  const { explicit } = world.chronicle;
  const { truth, cuts } = world;
  const told = checkTruth({ history, held: truth.all, cuts, explicit, isQuorum: quorum > 0 });
  return {
    seed,
    topology: world.topology.name,
    events,
    digest: createHash('sha1').update(JSON.stringify(events)).digest('hex').slice(0, 16),
    violations: [...verdict.violations, ...told],
    steps: world.begun,
    grants: history.holds.length,
    faults: history.faults.length,
    virtualMs: world.scheduler.now,
    turns: world.scheduler.steps,
    verdict,
  };
}
