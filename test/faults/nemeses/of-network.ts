import { setTimeout as sleep } from 'node:timers/promises';
import type { Conditions } from '../proxy/conditions.js';
import type { Random } from '../random.js';
import type { Nemesis } from './nemesis.js';

/** "Not now". */
const PUT_OFF = [
  'LOADING Redis is loading the dataset in memory',
  'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
  "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
  'TRYAGAIN Multiple keys request during rehashing of slot',
  'CLUSTERDOWN The cluster is down',
];
const REFUSALS = [
  ...PUT_OFF,
  "READONLY You can't write against a read only replica.",
  "OOM command not allowed when used memory > 'maxmemory'.",
  "NOPERM this user has no permissions to run the 'evalsha' command",
];

/** The network of one worker is bad for a while. */
function badNetwork(name: string, draw: (random: Random) => Partial<Conditions>): Nemesis {
  return {
    name,
    on: 'network',
    draw(field, random) {
      const victim = field.victim(random);
      const conditions = draw(random);
      const ms = random.integer(300, 4_000);
      const act = async (): Promise<void> => {
        const proxies = field.proxiesOf(victim);
        for (const proxy of proxies) proxy.set(conditions);
        await sleep(ms);
        for (const proxy of proxies) proxy.set({});
      };
      const note = `${JSON.stringify(conditions)}, ${ms} ms`;
      return { victim, note, spares: PUT_OFF.includes(conditions.refusal ?? '') ? ['patience'] : [], act };
    },
  };
}

/** What was answered late is all that the worker knows, when nothing is answered any more. */
const slowThenAway: Nemesis = {
  name: 'slow-then-away',
  on: 'network',
  draw(field, random) {
    const victim = field.victim(random);
    const latency = random.integer(100, 400);
    const act = async (): Promise<void> => {
      const proxies = field.proxiesOf(victim);
      for (const proxy of proxies) proxy.set({ latency });
      await sleep(random.integer(1_000, 2_000));
      for (const proxy of proxies) proxy.set({ requests: 'drop', replies: 'drop' });
      await sleep(random.integer(2_000, 3_500));
      for (const proxy of proxies) proxy.set({});
    };
    return { victim, note: `${latency} ms`, act };
  },
};

const reset: Nemesis = {
  name: 'connection-reset',
  on: 'network',
  draw(field, random) {
    const victim = field.victim(random);
    const times = random.integer(1, 5);
    const act = async (): Promise<void> => {
      for (let count = 0; count < times; count += 1) {
        for (const proxy of field.proxiesOf(victim)) proxy.resetAll();
        await sleep(100);
      }
    };
    return { victim, note: `${times} times`, act };
  },
};

export const OF_NETWORK: readonly Nemesis[] = [
  badNetwork('partition', (random) => {
    const passage = random.pick(['hold', 'drop'] as const);
    return { requests: passage, replies: passage };
  }),
  badNetwork('one-way-cut', (random) => {
    const passage = random.pick(['hold', 'drop'] as const);
    return random.chance(0.5) ? { requests: passage } : { replies: passage };
  }),
  badNetwork('latency', (random) => ({ latency: random.integer(5, 300) })),
  badNetwork('lost-replies', (random) => ({ loseReplyOfEvery: random.integer(1, 6) })),
  badNetwork('duplicates', () => ({ duplicate: true })),
  badNetwork('error-replies', (random) => ({ refusal: random.pick(REFUSALS) })),
  slowThenAway,
  reset,
];
