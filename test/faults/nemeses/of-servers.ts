import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisServer } from '../../support/redis-server.js';
import type { Excuse } from '../history/event.js';
import { keysOf } from '../key-monitor.js';
import type { Random } from '../random.js';
import { ask } from '../stores/ask.js';
import { losesByFailOver } from '../stores/topologies.js';
import { ALL_NAMES, elementName, NAMES } from '../worker/orders.js';
import type { Field, Nemesis, Strike } from './nemesis.js';

const HOUR_S = 3_600;
/** Some renewals long. */
const TAKEN_MS = 3_000;
/** Longer than any lease: what a dead process has held is over. */
const LEASES_OVER_MS = 3_200;
/** Elements that come up in the first half of a round: their marks should move along. */
const EARLY_ELEMENTS = 50;

/** Something happens to one of those that take writes. */
function toPrimary(
  nemesis: Pick<Nemesis, 'name' | 'harms' | 'alone' | 'unavailable'>,
  draw: (primary: RedisServer, field: Field, random: Random) => Strike,
): Nemesis {
  return {
    ...nemesis,
    on: 'servers',
    draw: async (field, random) => {
      const primary = random.pick(await field.store.primaries());
      return { server: primary.port, ...draw(primary, field, random) };
    },
  };
}

/** A primary that does not answer for a while may be replaced by one that knows less. */
function whenAway({ topology }: Field): Excuse | undefined {
  return losesByFailOver(topology) ? 'fail-over' : undefined;
}

const pause = toPrimary({ name: 'server-pause' }, (server, field, random) => {
  const ms = random.integer(200, 3_500);
  const act = async (): Promise<void> => {
    await server.pause();
    await sleep(ms);
    server.resume();
    await field.store.whole();
  };
  return { excuse: whenAway(field), note: `${ms} ms`, act };
});

const restart = toPrimary(
  { name: 'server-restart', harms: ({ durable }) => (durable ? undefined : 'data') },
  (server, field, random) => {
    const ms = random.integer(0, 2_500);
    const act = async (): Promise<void> => {
      await server.kill();
      await sleep(ms);
      await server.restart();
      await field.store.whole();
    };
    const { durable, quorum } = field.topology;
    // A primary that is back, and empty, before anybody takes over empties its replicas too.
    const forgets = !durable && !quorum;
    return { excuse: forgets ? 'data loss' : whenAway(field), note: `${ms} ms`, act };
  },
);

const failOver: Nemesis = {
  name: 'fail-over',
  on: 'servers',
  harms: () => 'data',
  unavailable: ({ store }) => (store.failOver ? undefined : 'nobody could take over'),
  draw: (field) => ({ excuse: whenAway(field), act: async () => field.store.failOver?.() }),
};

/** A slot of one of the names, or elements, goes to another primary, and back again later. */
const moveSlot: Nemesis = {
  name: 'slot-move',
  on: 'servers',
  alone: true,
  unavailable: ({ store }) => (store.moveSlot ? undefined : 'there are no slots'),
  draw({ store, namespace }, random) {
    const name = random.chance(0.6) ? random.pick(ALL_NAMES) : elementName(random.integer(0, EARLY_ELEMENTS));
    return { note: name, act: async () => store.moveSlot?.(`${namespace}:{${name}}`) };
  },
};

const killSubscribers = toPrimary({ name: 'pubsub-kill' }, (server, _field, random) => {
  const times = random.integer(1, 6);
  return { note: `${times} times`, act: () => repeat(times, () => ask(server, 'CLIENT', 'KILL', 'TYPE', 'pubsub')) };
});

const flushScripts = toPrimary({ name: 'script-flush' }, (server, _field, random) => {
  const times = random.integer(1, 20);
  return { note: `${times} times`, act: () => repeat(times, () => ask(server, 'SCRIPT', 'FLUSH')) };
});

const flushAll = toPrimary({ name: 'flushall', harms: () => 'data' }, (server) => ({
  excuse: 'data loss',
  act: async () => void (await ask(server, 'FLUSHALL')),
}));

const deleteHeld = toPrimary({ name: 'delete-held' }, (server, { namespace }, random) => {
  const act = async (): Promise<void> => {
    const keys = await keysOf(server, namespace);
    const held = [...(keys?.keys() ?? [])].filter((key) => /\}(:shared)?$/.test(key)).sort();
    // An element is held seldom, and its loss shows in the mark.
    const elements = held.filter((key) => key.includes('{once:'));
    const wanted = elements.length > 0 && random.chance(0.5) ? elements : held;
    if (wanted.length > 0) await ask(server, 'DEL', random.pick(wanted));
  };
  return { excuse: 'deletion', act };
});

/** Another program takes the lock from its holder: a renewal or release that looks only for a holder is deceived. */
const takeOver: Nemesis = {
  name: 'take-over',
  on: 'servers',
  draw({ store, namespace }, random) {
    const name = random.pick([...NAMES.exclusive, NAMES.fifo]);
    const act = async (): Promise<void> => {
      // On a Cluster only the one that has the slot does it.
      const primaries = await store.primaries();
      await Promise.all(
        primaries.map((each) => ask(each, 'SET', `${namespace}:{${name}}`, 'somebody 1', 'PX', TAKEN_MS, 'XX')),
      );
      await sleep(TAKEN_MS);
    };
    return { excuse: 'take-over', name, act };
  },
};

const pauseClients = toPrimary({ name: 'client-pause' }, (server, field, random) => {
  const ms = random.integer(200, 3_000);
  const mode = random.pick(['ALL', 'WRITE']);
  const act = async (): Promise<void> => {
    await ask(server, 'CLIENT', 'PAUSE', ms, mode);
    await sleep(ms + 50);
    await field.store.whole();
  };
  return { excuse: whenAway(field), note: `${mode}, ${ms} ms`, act };
});

const clock = toPrimary(
  {
    name: 'server-clock',
    harms: () => 'clock',
    // When it is set back, whatever a dead process holds would last an hour longer.
    alone: true,
    unavailable({ topology, clocks }) {
      if (!topology.clocks) return 'the servers of this topology watch their clocks';
      return clocks ? undefined : 'libfaketime is missing: install the package faketime';
    },
  },
  (server, { clocks }, random) => {
    const offset = random.chance(0.5) ? HOUR_S : -HOUR_S;
    const act = async (): Promise<void> => {
      await clocks?.set(server, offset);
      await sleep(LEASES_OVER_MS);
      await clocks?.set(server, 0);
    };
    return { excuse: 'server clock', note: `${offset} s`, act };
  },
);

async function repeat(times: number, step: () => Promise<unknown>): Promise<void> {
  for (let count = 0; count < times; count += 1) {
    await step();
    await sleep(50);
  }
}

export const OF_SERVERS: readonly Nemesis[] = [
  pause,
  restart,
  failOver,
  moveSlot,
  killSubscribers,
  flushScripts,
  flushAll,
  deleteHeld,
  takeOver,
  pauseClients,
  clock,
];

/** Before a fault that has to be alone, what earlier ones left behind runs out. */
export function settled(): Promise<void> {
  return sleep(LEASES_OVER_MS);
}
