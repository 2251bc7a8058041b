import { setTimeout as sleep } from 'node:timers/promises';
import { now } from '../history/event.js';
import type { Recorder } from '../history/history.js';
import type { Random } from '../random.js';
import { slotOf } from '../slot.js';
import type { Field, Nemesis } from './nemesis.js';
import { OF_NETWORK } from './of-network.js';
import { OF_SERVERS, settled } from './of-servers.js';
import { OF_WORKERS } from './of-workers.js';

export const NEMESES: readonly Nemesis[] = [...OF_WORKERS, ...OF_NETWORK, ...OF_SERVERS];

export interface CampaignOptions {
  readonly field: Field;
  readonly random: Random;
  readonly recorder: Recorder;
  /** Their names. */
  readonly wanted: readonly string[];
  /** The victims of a strike are free again. */
  spared(strikers: readonly Nemesis[]): void;
}

/** The faults of one round: one or two at a time, with a little peace between them. */
export class Campaign {
  readonly #options: CampaignOptions;
  readonly #nemeses: readonly Nemesis[];
  #faults = 0;

  constructor(options: CampaignOptions) {
    this.#options = options;
    this.#nemeses = chooseNemeses(options);
  }

  /** Whether the clocks of servers are set. */
  get setsClocks(): boolean {
    return this.#nemeses.some(({ harms }) => harms?.(this.#options.field.topology) === 'clock');
  }

  async run(until: number): Promise<void> {
    const { random, spared } = this.#options;
    while (now() < until) {
      const strikers = this.#draw();
      if (strikers[0]?.alone) await settled();
      await Promise.all(strikers.map((nemesis) => this.#strike(nemesis)));
      spared(strikers);
      await sleep(random.integer(200, 1_500));
    }
  }

  #draw(): Nemesis[] {
    const { random } = this.#options;
    const first = random.pick(this.#nemeses);
    const others = this.#nemeses.filter(({ on, alone }) => on !== first.on && !alone);
    return first.alone || others.length === 0 || random.chance(0.6) ? [first] : [first, random.pick(others)];
  }

  async #strike(nemesis: Nemesis): Promise<void> {
    const { field, random, recorder } = this.#options;
    this.#faults += 1;
    const fault = `${nemesis.name}#${this.#faults}`;
    const { victim, excuse, name, server, note, act } = await nemesis.draw(field, random.fork(fault));
    const workers = victim && [slotOf(victim.name)];
    const touched = { workers, name, server };
    recorder.record({ at: now(), kind: 'fault', fault, nemesis: nemesis.name, excuse, ...touched, note });
    await act();
    recorder.record({ at: now(), kind: 'healed', fault });
  }
}

/** Those that are wanted and possible; never both a loss of data and a clock that is set. */
function chooseNemeses({ field, wanted, random }: CampaignOptions): readonly Nemesis[] {
  const possible = NEMESES.filter(({ name, unavailable }) => wanted.includes(name) && !unavailable?.(field));
  const harmOf = (nemesis: Nemesis): unknown => nemesis.harms?.(field.topology);
  const harms = new Set(possible.map(harmOf));
  if (!harms.has('clock') || !harms.has('data')) return possible;
  const spared = random.pick(['clock', 'data']);
  return possible.filter((nemesis) => harmOf(nemesis) !== spared);
}
