import { setTimeout as sleep } from 'node:timers/promises';
import type { PartnerHandlers } from '../children/partner.js';
import { ours, PEERS } from '../contestants/index.js';
import { Child } from '../support/child.js';
import { RedisServer } from '../support/redis-server.js';
import { type Family, figure, type RowResult, type Setting } from '../support/row.js';
import { median, summarize } from '../support/statistics.js';

type Partner = Child<PartnerHandlers>;
type Samples = Map<string, number[]>;

const BASE = 'PUBLISH to message';

/** Long enough for the other side to stand in the queue, and different each time, so that no poll is met on purpose. */
const LEAD_MS = 8;

/** Row 7: from the release in one process to the grant in another, beside a bare message between the two. */
export const handOver: Family = {
  rows: ['7'],
  async run(setting) {
    setting.log('hand-over between two processes');
    await using server = await RedisServer.start();
    await using first = await Child.start<PartnerHandlers>('partner');
    await using second = await Child.start<PartnerHandlers>('partner');
    const contestants = [ours, ...PEERS].map(({ name }) => name);
    await Promise.all([first, second].map((child) => child.call('open', { contestants, url: server.url })));
    return [summary(await measure(first, second, contestants, setting))];
  },
};

/** One hand-over of each contestant and one message, in turn; the peers, which only give the context, less often. */
async function measure(first: Partner, second: Partner, contestants: string[], { quick }: Setting): Promise<Samples> {
  const samples: Samples = new Map([BASE, ...contestants].map((name) => [name, []]));
  const [warmUp, rounds, peersEvery] = quick ? [2, 10, 5] : [50, 400, 5];
  for (let round = -warmUp; round < rounds; round += 1) {
    const names = round % peersEvery === 0 ? contestants : [ours.name];
    const measured = new Map([[BASE, await message(first, second)]]);
    for (const name of names) measured.set(name, await pass(first, second, name));
    if (round >= 0) for (const [name, ms] of measured) samples.get(name)?.push(ms);
  }
  return samples;
}

async function pass(first: Partner, second: Partner, contestant: string): Promise<number> {
  await first.call('acquire', contestant);
  const acquired = second.call('acquire', contestant);
  await sleep(LEAD_MS + Math.random() * LEAD_MS);
  const [begun, granted] = await Promise.all([first.call('release', contestant), acquired]);
  if (granted < begun) throw new Error(`${contestant} granted a lock before its release`);
  await second.call('release', contestant);
  return granted - begun;
}

async function message(first: Partner, second: Partner): Promise<number> {
  const heard = second.call('hear', undefined);
  await sleep(LEAD_MS + Math.random() * LEAD_MS);
  const begun = await first.call('publish', undefined);
  return (await heard) - begun;
}

function summary(samples: Samples): RowResult {
  const micro = [...samples].map(([name, times]) => [name, times.map((ms) => ms * 1e3)] as const);
  const medians = new Map(micro.map(([name, times]) => [name, median(times)]));
  // Single hand-overs are too short for a ratio of neighbours: the medians of all are compared.
  const toBase = (name: string): number => (medians.get(name) as number) / (medians.get(BASE) as number);
  const contestants = [...medians.keys()].filter((name) => name !== BASE);
  const mine = toBase(ours.name);
  return {
    row: '7',
    title: 'hand-over between two processes, median',
    unit: 'us',
    values: Object.fromEntries(micro.map(([name, times]) => [name, summarize(times)])),
    ratios: Object.fromEntries(contestants.map((name) => [`${name} / ${BASE}`, toBase(name)])),
    measured: `${figure(mine)} (${figure(medians.get(ours.name) as number)} us against ${figure(medians.get(BASE) as number)} us)`,
    bound: '<= 2 times a bare PUBLISH to message',
    met: mine <= 2,
  };
}
