import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../support/event.js';
import type { RedisServer } from '../../support/redis-server.js';
import type { Excuse } from '../history/event.js';
import { keysOf } from '../key-monitor.js';
import type { FaultProxy } from '../proxy/fault-proxy.js';
import type { Random } from '../random.js';
import { ask, askPatiently } from '../stores/ask.js';
import { losesByFailOver } from '../stores/topologies.js';
import { ALL_NAMES, elementName, NAMES } from '../worker/orders.js';
import { type Field, type Nemesis, type Strike } from './nemesis.js';

const BUSY_AFTER_MS = 100;
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

/** Nobody needs to notice. */
const spared = { spares: ['calls', 'holds', 'waiters'] } as const;

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
  return {
    ...spared,
    note: `${times} times`,
    act: () => repeat(times, () => ask(server, 'CLIENT', 'KILL', 'TYPE', 'pubsub')),
  };
});

const flushScripts = toPrimary({ name: 'script-flush' }, (server, _field, random) => {
  const times = random.integer(1, 20);
  return { ...spared, note: `${times} times`, act: () => repeat(times, () => ask(server, 'SCRIPT', 'FLUSH')) };
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
      // Until whoever lives has renewed.
      await sleep(LEASES_OVER_MS);
    };
    return { excuse: 'server clock', note: `${offset} s`, act };
  },
);

/** Another server takes the lead, and the address moves to it, for some workers a little later. */
const moveEndpoint: Nemesis = {
  name: 'endpoint-move',
  on: 'servers',
  unavailable: ({ store }) => (store.handOver ? undefined : 'there is no address that could move'),
  draw(field, random) {
    const planned = random.chance(0.6);
    const proxies = field.allProxies();
    const delays = proxies.map(() => random.integer(0, 1_500));
    const act = async (): Promise<void> => {
      const redirected: Promise<void>[] = [];
      const redirect = async (port: number, proxy: FaultProxy, delay = 0): Promise<void> => {
        await sleep(delay);
        proxy.moveTo(port);
      };
      await field.store.handOver?.(planned, (port) => {
        redirected.push(...proxies.map((proxy, index) => redirect(port, proxy, delays[index])));
      });
      await Promise.all(redirected);
    };
    const spares = ['patience', 'waiters'] as const;
    // Until the former primary knows that it is none, it takes writes that nobody else will know.
    return planned ? { spares, note: 'planned', act } : { excuse: 'fail-over', spares, note: 'unplanned', act };
  },
};

/** The user of the workers gets another password, the clients are told, and what was connected with the old one is ended. */
const changePassword: Nemesis = {
  name: 'password-change',
  on: 'servers',
  unavailable: ({ store }) => (store.changePassword ? undefined : 'nobody needs a password'),
  draw(field) {
    const act = async (): Promise<void> => {
      const password = await field.store.changePassword?.();
      if (password === undefined) return;
      await Promise.all(field.workers().map((worker) => worker.refresh(password)));
      await field.store.disconnectUser?.();
    };
    return { ...spared, act };
  },
};

/** A slow script of another program: the server says BUSY to everybody. */
const busyScript = toPrimary({ name: 'busy-script' }, (server, field, random) => {
  const ms = random.integer(300, 3_500);
  const act = async (): Promise<void> => {
    await ask(server, 'CONFIG', 'SET', 'busy-reply-threshold', BUSY_AFTER_MS);
    let isOver = false;
    const over = (): void => {
      isOver = true;
    };
    const ended = askPatiently(server, 'EVAL', 'while true do end', 0).then(over);
    await sleep(ms);
    // Killed is only what has begun; and a fail-over may have closed its connection before that.
    const isKilled = async (): Promise<boolean> => (await ask(server, 'SCRIPT', 'KILL')) === 'OK' || isOver;
    await until(isKilled, { describe: 'the slow script to end' });
    await ended;
    await field.store.whole();
  };
  return { excuse: whenAway(field), spares: ['patience'], note: `${ms} ms`, act };
});

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
  moveEndpoint,
  changePassword,
  busyScript,
];

/** Before a fault that has to be alone, what earlier ones left behind runs out. */
export function settled(): Promise<void> {
  return sleep(LEASES_OVER_MS);
}
