import type { Random } from '../../faults/random.js';
import { slotOf } from '../../faults/slot.js';
import { NAMES } from '../../faults/worker/orders.js';
import type { Conditions, Role } from '../redis/network.js';
import type { SimServer } from '../redis/server.js';
import type { World } from '../world.js';
import type { Nemesis, Strike } from './nemesis.js';

/** When a connection swallows everything, whoever uses it has found out by then. */
const NOTICED_WITHIN_MS = 15_000;
const ROLES: readonly Role[] = ['commands', 'messages', 'replicas'];

/** Some links of one process: to one server or to all, and of some kinds. */
interface Links {
  readonly slot: string;
  readonly servers: readonly SimServer[];
  readonly roles: readonly Role[];
}

function drawLinks(world: World, random: Random, slot: string): Links {
  const servers = random.chance(0.5) ? world.servers : [random.pick(world.servers)];
  const roles = random.weighted<readonly Role[]>([
    [4, ROLES],
    [3, ['commands']],
    [3, ['messages']],
    [2, ['replicas']],
    [1, ['commands', 'replicas']],
  ]);
  return { slot, servers, roles };
}

function each(links: Links, act: (server: SimServer, role: Role) => void): void {
  for (const server of links.servers) for (const role of links.roles) act(server, role);
}

function change(world: World, links: Links, conditions: Partial<Conditions>): void {
  each(links, (server, role) => Object.assign(world.network.conditions(links.slot, server, role), conditions));
}

/** What was held back comes through, or is lost with its connections (`resets`). */
function heal(world: World, links: Links, { resets = false } = {}): void {
  change(world, links, { up: true, down: true, connects: 'yes', delay: 0 });
  each(links, (server, role) => {
    if (resets) for (const wire of world.network.wires(links.slot, server, role)) wire.reset();
    else world.network.healed(links.slot, server, role);
  });
}

function noteOf({ servers, roles }: Links, more: string): string {
  return `${roles.join('+')} to ${servers.map(({ id }) => id).join('+')}, ${more}`;
}

function ofLinks(
  name: string,
  weight: number,
  draw: (links: Links, world: World, random: Random) => Omit<Strike, 'victim'>,
): Nemesis {
  return {
    name,
    weight,
    on: 'network',
    draw({ world, random, victim }) {
      const worker = victim();
      if (!worker) return undefined;
      return { victim: worker, ...draw(drawLinks(world, random, slotOf(worker.name)), world, random) };
    },
  };
}

/** They are bad for a while. What was held back then comes through, or is lost with the connection. */
function bad(name: string, weight: number, draw: (random: Random) => Partial<Conditions>): Nemesis {
  return ofLinks(name, weight, (links, world, random) => {
    const conditions = draw(random);
    const ms = random.integer(100, 6_000);
    const resets = random.chance(0.5);
    const isCut = conditions.up === false || conditions.down === false;
    // With replicas, what acquires has a connection of its own, by which the store may answer still.
    const asking: readonly Role[] = world.topology.replicas > 0 ? ['commands', 'replicas'] : ['commands'];
    const cuts = isCut && asking.every((role) => links.roles.includes(role)) && links.servers === world.servers;
    const act = async (): Promise<void> => {
      const over = cuts ? world.cut(links.slot) : undefined;
      change(world, links, conditions);
      await world.sleep(ms);
      over?.();
      heal(world, links, { resets });
    };
    return { note: noteOf(links, `${JSON.stringify(conditions)}, ${ms} ms${resets ? ', then reset' : ''}`), act };
  });
}

const reset = ofLinks('connection-reset', 4, (links, world, random) => {
  const times = random.integer(1, 3);
  const apart = random.pick([200, 1_500]);
  const requestsArrive = random.chance(0.6);
  const act = async (): Promise<void> => {
    for (let count = 0; count < times; count += 1) {
      each(links, (server, role) => {
        for (const wire of world.network.wires(links.slot, server, role)) wire.reset({ requestsArrive });
      });
      await world.sleep(random.integer(1, apart));
    }
  };
  return { note: noteOf(links, `${times} times${requestsArrive ? ', requests arrive' : ''}`), act };
});

/** Connections that swallow everything and never heal, whether the server notices or not. New ones are as ever. */
const swallow: Nemesis = {
  name: 'half-open',
  weight: 3,
  on: 'network',
  draw({ world, random, victim }) {
    const worker = victim();
    if (!worker) return undefined;
    const slot = slotOf(worker.name);
    const roles = random.weighted<readonly Role[]>([
      [4, ['messages']],
      [2, ['commands']],
      [1, ROLES],
    ]);
    const noticedAfter = random.pick([undefined, 0, 500, 3_000]);
    const act = async (): Promise<void> => {
      const wires = roles.flatMap((role) => world.network.wires(slot, undefined, role));
      for (const wire of wires) wire.swallow(noticedAfter);
      // Own connections are replaced once somebody needs them; of those that were handed in, their owner has to know.
      for (let ms = 0; ms < NOTICED_WITHIN_MS && wires.some(({ openHere }) => openHere); ms += 100)
        await world.sleep(100);
      if (world.handsIn) for (const wire of wires) wire.reset();
    };
    const note = `${roles.join('+')}, noticed after ${noticedAfter ?? 'ever'}`;
    const touches = roles.includes('commands') ? (['waiters'] as const) : (['calls', 'holds', 'waiters'] as const);
    return { victim: worker, note, spares: touches, act };
  },
};

/** Operators force, and what somebody is told of it comes late. */
const lateForce: Nemesis = {
  name: 'late-force',
  weight: 1,
  on: 'network',
  draw({ world, random, victim }) {
    const worker = victim();
    if (!worker) return undefined;
    const links: Links = { slot: slotOf(worker.name), servers: world.servers, roles: ['messages'] };
    const ms = random.integer(1_000, 6_000);
    const act = async (): Promise<void> => {
      change(world, links, { down: false });
      const end = world.scheduler.now + ms;
      while (world.scheduler.now < end) {
        await world.sleep(random.integer(50, 1_500));
        const operators = [...world.workers.values()].filter(({ process }) => process.alive && !process.paused);
        if (operators.length > 0) void random.pick(operators).force(random.pick([...NAMES.exclusive]));
      }
      heal(world, links);
    };
    return { victim: worker, note: `${ms} ms`, spares: ['calls'], act };
  },
};

export const OF_NETWORK: readonly Nemesis[] = [
  bad('partition', 3, () => ({ up: false, down: false, connects: 'never' })),
  bad('one-way-cut', 3, (random) => (random.chance(0.5) ? { up: false } : { down: false })),
  bad('latency', 2, (random) => ({ delay: random.integer(5, 400) })),
  bad('refused', 1, () => ({ connects: 'refused' })),
  reset,
  swallow,
  lateForce,
];
