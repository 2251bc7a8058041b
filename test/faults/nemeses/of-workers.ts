import { setTimeout as sleep } from 'node:timers/promises';
import type { Nemesis } from './nemesis.js';

const HOUR_MS = 3_600_000;

const kill: Nemesis = {
  name: 'worker-kill',
  on: 'workers',
  draw(field, random) {
    const victim = field.victim(random);
    const pause = random.integer(0, 1_500);
    const act = async (): Promise<void> => {
      await victim.kill();
      await sleep(pause);
      await field.replace(victim);
    };
    return { victim, act };
  },
};

const pause: Nemesis = {
  name: 'worker-pause',
  on: 'workers',
  draw(field, random) {
    const victim = field.victim(random);
    const ms = random.integer(300, 4_000);
    const act = async (): Promise<void> => {
      await victim.pause();
      await sleep(ms);
      victim.resume();
    };
    return { victim, note: `${ms} ms`, act };
  },
};

const stall: Nemesis = {
  name: 'worker-stall',
  on: 'workers',
  draw(field, random) {
    const victim = field.victim(random);
    const ms = random.integer(300, 4_000);
    const act = async (): Promise<void> => {
      victim.order({ do: 'stall', ms });
      await sleep(ms);
    };
    return { victim, note: `${ms} ms`, act };
  },
};

const clock: Nemesis = {
  name: 'worker-clock',
  on: 'workers',
  draw(field, random) {
    const victim = field.victim(random);
    const offset = random.chance(0.5) ? HOUR_MS : -HOUR_MS;
    const ms = random.integer(300, 3_000);
    const act = async (): Promise<void> => {
      victim.order({ do: 'clock', offset });
      await sleep(ms);
      victim.order({ do: 'clock', offset: 0 });
    };
    return { victim, note: `${offset} ms`, act };
  },
};

export const OF_WORKERS: readonly Nemesis[] = [kill, pause, stall, clock];
