import { setTimeout as sleep } from 'node:timers/promises';
import { monotonic } from '../support/clock.js';
import { CONTESTANTS, type ContestantName, type LockClient } from './contestant.js';
import { ExclusionError } from './witness.js';
import { WorkerProcess } from './worker-process.js';

/** From SIGKILL of the holder's process, which has held for `heldMs`, to the grant to the next; in ms. */
export async function afterCrash(
  contestant: ContestantName,
  address: string,
  client: LockClient,
  heldMs: number,
): Promise<number> {
  const name = `crash-${heldMs}`;
  const holder = await WorkerProcess.start(contestant, address);
  let granted = false;
  try {
    await holder.call({ hold: name });
    const next = client.acquire(name).then((release) => {
      granted = true;
      return { release, at: monotonic() };
    });
    await sleep(heldMs);
    if (granted) throw new ExclusionError(`${CONTESTANTS[contestant].title}: granted while its holder was alive.`);
    const killed = monotonic();
    await holder.kill();
    const { release, at } = await next;
    await release();
    return at - killed;
  } finally {
    await holder.kill();
  }
}
