import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisServer } from '../support/redis-server.js';
import { type Excuse, type Moment, now } from './history/event.js';
import type { Recorder } from './history/history.js';
import { ask } from './stores/ask.js';

const EVERY_MS = 100;
/** So many samples alike, and the fail-over is over. */
const STABLE_SAMPLES = 10;

/** Records when another server takes the lead: Sentinels also do that a while after the fault that made them. */
export class RoleMonitor {
  #running = true;
  readonly #done: Promise<void>;

  constructor(servers: readonly RedisServer[], recorder: Recorder, excuse: Excuse | undefined) {
    this.#done = this.#watch(servers, recorder, excuse);
  }

  stop(): Promise<void> {
    this.#running = false;
    return this.#done;
  }

  async #watch(servers: readonly RedisServer[], recorder: Recorder, excuse: Excuse | undefined): Promise<void> {
    const last = { leaders: await leadersOf(servers), at: now() };
    const count = last.leaders.split(',').length;
    let alike = STABLE_SAMPLES;
    for (let fault = 1; this.#running; await sleep(EVERY_MS)) {
      const at: Moment = now();
      const leaders = await leadersOf(servers);
      const settled = alike >= STABLE_SAMPLES;
      // As long as there are two leaders, both grant, and it is not over.
      alike = leaders === last.leaders && leaders.split(',').length === count ? alike + 1 : 0;
      const id = `role-change#${fault}`;
      if (settled && alike === 0) {
        recorder.record({ at: last.at, kind: 'fault', fault: id, nemesis: 'role-change', excuse });
      } else if (!settled && alike === STABLE_SAMPLES) {
        recorder.record({ at, kind: 'healed', fault: id });
        fault += 1;
      }
      Object.assign(last, { leaders, at });
    }
  }
}

async function leadersOf(servers: readonly RedisServer[]): Promise<string> {
  const roles = await Promise.all(servers.map((server) => ask(server, 'ROLE')));
  return servers
    .filter((_, index) => (roles[index] as string[] | undefined)?.[0] === 'master')
    .map(({ port }) => port)
    .join();
}
