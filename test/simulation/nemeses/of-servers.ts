import type { Random } from '../../faults/random.js';
import { NAMES } from '../../faults/worker/orders.js';
import type { SimServer } from '../redis/server.js';
import { NAMESPACE, type World } from '../world.js';
import type { Nemesis, Strike } from './nemesis.js';

const HOUR_MS = 3_600_000;
const TAKEN_MS = 3_000;
/** Longer than any lease. */
const LEASES_OVER_MS = 3_200;
const REFUSALS = [
  'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
  'LOADING Redis is loading the dataset in memory',
  "OOM command not allowed when used memory > 'maxmemory'.",
  "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
  'CLUSTERDOWN The cluster is down',
];

function onPrimary(
  nemesis: Pick<Nemesis, 'name' | 'weight' | 'alone' | 'harms' | 'possible'>,
  draw: (server: SimServer, world: World, random: Random) => Omit<Strike, 'victim'>,
): Nemesis {
  return {
    ...nemesis,
    on: 'servers',
    draw({ world, random }) {
      const server = random.pick(world.primaries);
      if (!server?.up) return undefined;
      return { server: placeOf(server), ...draw(server, world, random) };
    },
  };
}

function placeOf({ id }: SimServer): number {
  return Number(id.slice(1));
}

const pause = onPrimary({ name: 'server-pause', weight: 2 }, (server, world, random) => {
  const ms = random.integer(100, 3_500);
  const act = async (): Promise<void> => {
    const over = world.servers.length === 1 ? world.cut(undefined) : undefined;
    server.stop();
    await world.sleep(ms);
    over?.();
    server.go();
  };
  return { note: `${ms} ms`, act };
});

const restart = onPrimary(
  { name: 'server-restart', weight: 2, harms: ({ topology }) => (topology.durable ? undefined : 'data') },
  (server, world, random) => {
    const ms = random.integer(0, 2_500);
    const { durable, quorum } = world.topology;
    const act = async (): Promise<void> => {
      server.kill({ keeps: durable });
      if (!durable) world.truth.forgot(server);
      await world.sleep(ms);
      server.start();
      // It empties its replicas too.
      if (world.topology.promotes) world.lead(server);
    };
    return { excuse: durable || quorum > 0 ? undefined : 'data loss', note: `${ms} ms`, act };
  },
);

const failOver: Nemesis = {
  name: 'fail-over',
  weight: 4,
  on: 'servers',
  possible: ({ topology }) => topology.promotes,
  harms: () => 'data',
  draw({ world, random }) {
    const old = world.primaries[0];
    if (!old?.up) return undefined;
    const next = random.pick(old.replicas);
    const stays = random.chance(0.4);
    const ms = random.integer(100, 2_000);
    // The last writes are not on it.
    const behind = random.chance(0.5) ? random.integer(50, 2_500) : 0;
    const act = async (): Promise<void> => {
      if (behind > 0) {
        next.replicationStopped = true;
        await world.sleep(behind);
      }
      next.replicationStopped = false;
      if (stays) {
        // The endpoint moves: connections to the old one stay, and it takes no writes any more.
        world.lead(next);
        await world.sleep(ms);
        if (random.chance(0.5)) old.hangUpAll();
        return;
      }
      old.kill({ keeps: true });
      await world.sleep(ms);
      old.start();
      world.lead(next);
    };
    const excuse = world.topology.replicas > 0 ? undefined : ('fail-over' as const);
    return {
      excuse,
      note: `${next.id}${behind > 0 ? `, ${behind} ms behind` : ''}${stays ? ', the old one stays' : ''}`,
      act,
    };
  },
};

/** Nothing of what is written arrives at a replica for a while. */
const replicaLag: Nemesis = {
  name: 'replica-lag',
  weight: 2,
  on: 'servers',
  possible: ({ topology }) => topology.promotes,
  draw({ world, random }) {
    const replica = random.pick(world.primaries[0]?.replicas ?? []);
    if (!replica) return undefined;
    const ms = random.integer(200, 4_000);
    const act = async (): Promise<void> => {
      replica.replicationStopped = true;
      await world.sleep(ms);
      replica.catchUp();
    };
    return { note: `${replica.id}, ${ms} ms`, act };
  },
};

const hangUp = onPrimary({ name: 'pubsub-kill', weight: 1 }, (server, world, random) => {
  const times = random.integer(1, 5);
  const act = async (): Promise<void> => {
    for (let count = 0; count < times; count += 1) {
      server.hangUpSubscribers();
      await world.sleep(50);
    }
  };
  return { note: `${times} times`, spares: ['calls', 'holds', 'waiters'], act };
});

const flushScripts = onPrimary({ name: 'script-flush', weight: 0.5 }, (server) => ({
  act: async () => server.flushScripts(),
}));

const refuses = onPrimary({ name: 'error-replies', weight: 1 }, (server, world, random) => {
  const refusal = random.pick(REFUSALS);
  const ms = random.integer(50, 2_500);
  const act = async (): Promise<void> => {
    server.refusal = refusal;
    await world.sleep(ms);
    server.refusal = undefined;
  };
  return { note: `${refusal.split(' ')[0]}, ${ms} ms`, act };
});

const flushAll = onPrimary({ name: 'flushall', weight: 0.5, harms: () => 'data' }, (server) => ({
  excuse: 'data loss',
  act: async () => void server.administer('FLUSHALL'),
}));

const deleteHeld = onPrimary({ name: 'delete-held', weight: 0.5 }, (server, _world, random) => {
  const act = async (): Promise<void> => {
    const held = server.keys.keys.filter((key) => /\}(:shared)?$/.test(key)).sort();
    if (held.length > 0) server.administer('DEL', random.pick(held));
  };
  return { excuse: 'deletion', act };
});

/** Another program takes the lock from its holder. */
const takeOver: Nemesis = {
  name: 'take-over',
  weight: 0.5,
  on: 'servers',
  draw({ world, random }) {
    const name = random.pick([...NAMES.exclusive, NAMES.fifo]);
    const key = `${NAMESPACE}:{${name}}`;
    const act = async (): Promise<void> => {
      for (const server of world.primaries) server.administer('SET', key, 'somebody 1', 'PX', String(TAKEN_MS), 'XX');
      await world.sleep(TAKEN_MS);
    };
    return { excuse: 'take-over', name, act };
  },
};

const clock = onPrimary(
  // When it is set back, what nobody can release any more would last an hour longer.
  { name: 'server-clock', weight: 0.7, harms: () => 'clock', alone: true },
  (server, world, random) => {
    const offset = random.chance(0.5) ? HOUR_MS : -HOUR_MS;
    const act = async (): Promise<void> => {
      server.clockOffset = offset;
      await world.sleep(LEASES_OVER_MS);
      server.clockOffset = 0;
      // Until whoever lives has renewed.
      await world.sleep(LEASES_OVER_MS);
    };
    return { excuse: 'server clock', note: `${offset} ms`, act };
  },
);

export const OF_SERVERS: readonly Nemesis[] = [
  pause,
  restart,
  failOver,
  replicaLag,
  hangUp,
  flushScripts,
  refuses,
  flushAll,
  deleteHeld,
  takeOver,
  clock,
];
