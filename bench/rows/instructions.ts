import type { Contestant } from '../contestants/contestant.js';
import { ours, plain } from '../contestants/index.js';
import { hasValgrind, instructionsOf } from '../support/instructions.js';
import { type Family, figure, type RowResult, type Setting } from '../support/row.js';
import { summarize } from '../support/statistics.js';

/** How many operations come in one tick, and with that in one call of ours. */
const TOGETHER = [
  { together: 16, title: 'instructions of Redis for a pair, 16 in a call', bound: 38_000 },
  { together: 1, title: 'instructions of Redis for a pair, one operation in a call', bound: null },
];

/** What a pair of acquire and release costs the server, in a unit that no neighbour of the machine disturbs. */
export const instructions: Family = {
  rows: ['instructions'],
  async run(setting) {
    const found = hasValgrind();
    const results: RowResult[] = [];
    for (const { together, title, bound } of TOGETHER) {
      const common = { row: 'instructions', title, unit: 'instructions', bound: bound ? `<= ${figure(bound)}` : '' };
      if (!found) {
        const measured = 'not measured: there is no valgrind on the PATH';
        results.push({ ...common, values: {}, ratios: {}, measured, met: null });
        continue;
      }
      setting.log(title);
      const [mine, base] = [await perPair(ours, together, setting), await perPair(plain, together, setting)];
      results.push({
        ...common,
        values: { [ours.name]: summarize([mine]), [plain.name]: summarize([base]) },
        ratios: { [`${ours.name} / ${plain.name}`]: mine / base },
        measured: `${figure(mine)} (plain: ${figure(base)})`,
        met: bound ? mine <= bound : null,
      });
    }
    return results;
  },
};

/** Twice as many pairs less as many: what the start and the end of the server cost does not count. */
async function perPair(contestant: Contestant, together: number, { quick }: Setting): Promise<number> {
  const pairs = quick ? 160 : 1_920;
  const ofSoMany = (count: number): Promise<number> =>
    instructionsOf((url) => acquireAndRelease(contestant, url, together, count));
  return ((await ofSoMany(2 * pairs)) - (await ofSoMany(pairs))) / pairs;
}

async function acquireAndRelease({ open }: Contestant, url: string, together: number, pairs: number): Promise<void> {
  const locks = await open(url);
  for (let count = 0; count < pairs; count += together) {
    const names = Array.from({ length: together }, (_, index) => `counted:${count + index}`);
    const held = await Promise.all(names.map((name) => locks.acquire(name)));
    await Promise.all(held.map((lock) => locks.release(lock)));
  }
  await locks.close();
}
