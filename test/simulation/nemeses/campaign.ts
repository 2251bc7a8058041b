import type { Random } from '../../faults/random.js';
import { slotOf } from '../../faults/slot.js';
import type { Worker } from '../workload/worker.js';
import type { World } from '../world.js';
import type { Nemesis } from './nemesis.js';
import { OF_NETWORK } from './of-network.js';
import { OF_SERVERS } from './of-servers.js';
import { OF_WORKERS } from './of-workers.js';

export const NEMESES: readonly Nemesis[] = [...OF_WORKERS, ...OF_NETWORK, ...OF_SERVERS];

/** The faults of one run: one or two at a time, with a little peace between them. */
export class Campaign {
  readonly #world: World;
  readonly #random: Random;
  readonly #nemeses: readonly Nemesis[];
  readonly #taken = new Set<string>();
  #faults = 0;

  constructor(world: World) {
    this.#world = world;
    this.#random = world.random.fork('faults');
    this.#nemeses = chooseNemeses(world, this.#random);
  }

  async run(): Promise<void> {
    const random = this.#random;
    await this.#world.sleep(random.integer(100, 2_000));
    while (this.#world.mayBegin()) {
      const first = this.#draw(() => true);
      const paired = random.chance(0.5) && !first?.alone;
      const second = paired ? this.#draw(({ on, alone }) => on !== first?.on && !alone) : undefined;
      const striking = [first, second].flatMap((nemesis) => (nemesis ? [this.#strike(nemesis)] : []));
      await Promise.all(striking);
      await this.#world.sleep(random.integer(100, 2_500));
    }
  }

  /** Undefined: all that this run has are of one kind, and that is taken. */
  #draw(isWanted: (nemesis: Nemesis) => boolean): Nemesis | undefined {
    const possible = this.#nemeses.filter(isWanted);
    if (possible.length === 0) return undefined;
    return this.#random.weighted(possible.map((nemesis) => [nemesis.weight, nemesis] as const));
  }

  async #strike(nemesis: Nemesis): Promise<void> {
    const world = this.#world;
    const random = this.#random.fork(`${nemesis.name} ${this.#faults}`);
    this.#faults += 1;
    const fault = `${nemesis.name}#${this.#faults}`;
    const victim = (): Worker | undefined => {
      const free = [...world.workers.values()].filter(({ name, process }) => process.alive && !this.#taken.has(name));
      return free.length === 0 ? undefined : random.pick(free);
    };
    const strike = nemesis.draw({ world, random, victim });
    if (!strike) return;
    const { excuse, name, server, note, spares } = strike;
    const struck = strike.victim?.name;
    if (struck) this.#taken.add(struck);
    const workers = struck === undefined ? undefined : [slotOf(struck)];
    world.chronicle.record({
      kind: 'fault',
      fault,
      nemesis: nemesis.name,
      excuse,
      workers,
      name,
      server,
      spares,
      note,
    });
    await strike.act();
    world.chronicle.record({ kind: 'healed', fault });
    if (struck) this.#taken.delete(struck);
  }
}

/** Those that are possible here, some of them: so that each run has a character of its own. */
function chooseNemeses(world: World, random: Random): readonly Nemesis[] {
  const possible = NEMESES.filter((nemesis) => nemesis.possible?.(world) ?? true);
  const wanted = possible.filter((nemesis) => {
    const harm = nemesis.harms?.(world);
    return (harm === undefined || harm === world.harm) && random.chance(0.5);
  });
  return wanted.length > 1 ? wanted : possible.filter((nemesis) => nemesis.harms?.(world) === undefined);
}
