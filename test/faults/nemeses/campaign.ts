import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from '../fleet.js';
import { now } from '../history/event.js';
import type { Recorder } from '../history/history.js';
import type { Random } from '../random.js';
import { slotOf } from '../slot.js';
import type { Field, Nemesis, Strike } from './nemesis.js';
import { OF_CONNECTIONS } from './of-connections.js';
import { OF_NETWORK } from './of-network.js';
import { OF_SERVERS, settled } from './of-servers.js';
import { OF_WORKERS } from './of-workers.js';

export const NEMESES: readonly Nemesis[] = [...OF_WORKERS, ...OF_NETWORK, ...OF_CONNECTIONS, ...OF_SERVERS];

/** How often those that linger are drawn, and the others. */
const WEIGHTS = { lingering: 1, usual: 3 };
const PEACE_MS = { least: 200, most: 1_500 };

export interface CampaignOptions {
  readonly field: Field;
  readonly random: Random;
  readonly recorder: Recorder;
  /** Their names. */
  readonly wanted: readonly string[];
  /** Nothing touches it any more. */
  spared(victim: Worker): void;
}

/** The faults of one round: one or two at a time, with a little peace between them, and perhaps one that lingers. */
export class Campaign {
  readonly #options: CampaignOptions;
  readonly #nemeses: readonly Nemesis[];
  #faults = 0;
  #lingering: Promise<void> | undefined;

  constructor(options: CampaignOptions) {
    this.#options = options;
    this.#nemeses = chooseNemeses(options);
  }

  /** Whether the clocks of servers are set. */
  get setsClocks(): boolean {
    return this.#nemeses.some(({ harms }) => harms?.(this.#options.field.topology) === 'clock');
  }

  async run(until: number): Promise<void> {
    const { random } = this.#options;
    const over = new AbortController();
    while (now() < until) {
      const strikers = this.#draw();
      if (strikers[0]?.alone) await settled();
      await Promise.all(strikers.map((nemesis) => this.#strike(nemesis, over.signal)));
      await sleep(random.integer(PEACE_MS.least, PEACE_MS.most));
    }
    over.abort();
    await this.#lingering;
  }

  /** What touches the servers touches everybody, and so waits for what lingers. */
  #draw(): Nemesis[] {
    const { random } = this.#options;
    const possible = this.#lingering
      ? this.#nemeses.filter(({ on, lingers, alone }) => on !== 'servers' && !lingers && !alone)
      : this.#nemeses;
    if (possible.length === 0) return [];
    const first = pickOne(possible, random);
    const others = possible.filter(({ on, alone, lingers }) => on !== first.on && !alone && !lingers);
    return first.alone || first.lingers || others.length === 0 || random.chance(0.6)
      ? [first]
      : [first, pickOne(others, random)];
  }

  async #strike(nemesis: Nemesis, over: AbortSignal): Promise<void> {
    const { field, random, recorder } = this.#options;
    this.#faults += 1;
    const fault = `${nemesis.name}#${this.#faults}`;
    const strike = await nemesis.draw(field, random.fork(fault));
    const { victim, excuse, name, server, note, spares } = strike;
    const workers = victim && [slotOf(victim.name)];
    const touched = { workers, name, server, spares };
    recorder.record({ at: now(), kind: 'fault', fault, nemesis: nemesis.name, excuse, ...touched, note });
    await strike.act();
    const end = this.#linger(strike, over).then(() => {
      recorder.record({ at: now(), kind: 'healed', fault });
      if (victim) this.#options.spared(victim);
    });
    if (strike.lingers) this.#lingering = end.finally(() => (this.#lingering = undefined));
    else await end;
  }

  async #linger({ lingers }: Strike, signal: AbortSignal): Promise<void> {
    if (!lingers) return;
    await sleep(lingers.ms, undefined, { signal }).catch(() => {});
    lingers.end();
  }
}

function pickOne(nemeses: readonly Nemesis[], random: Random): Nemesis {
  return random.weighted(nemeses.map((each) => [each.lingers ? WEIGHTS.lingering : WEIGHTS.usual, each] as const));
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
