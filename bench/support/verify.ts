import { setTimeout as sleep } from 'node:timers/promises';
import type { Contestant } from '../contestants/contestant.js';

const STAYS_OUT = 30;

/** Throws unless the contestant locks out another client of its own kind, and lets it in after the release. */
export async function verify(contestant: Contestant, url: string): Promise<void> {
  const name = `verify:${contestant.name}`;
  const [first, second] = await Promise.all([contestant.open(url), contestant.open(url)]);
  try {
    const held = await first.acquire(name);
    let entered = false;
    const waiting = second.acquire(name).then((other) => {
      entered = true;
      return other;
    });
    await sleep(STAYS_OUT);
    if (entered) throw new Error(`${contestant.name} let two in at once`);
    await first.release(held);
    await second.release(await waiting);
    await first.release(await first.acquire(name));
  } finally {
    await Promise.all([first.close(), second.close()]);
  }
}
