import type { FaultStarted } from '../../faults/history/event.js';
import type { Random } from '../../faults/random.js';
import type { Worker } from '../workload/worker.js';
import type { World } from '../world.js';

export interface Field {
  readonly world: World;
  readonly random: Random;
  /** A process that lives, and that no other fault has at the moment. */
  victim(): Worker | undefined;
}

/** One fault, drawn but not begun. */
export interface Strike extends Partial<Pick<FaultStarted, 'excuse' | 'name' | 'server' | 'note' | 'spares'>> {
  /** Whom it touches; undefined: the store, and so all. */
  readonly victim?: Worker;
  /** Begins, lasts, and ends. */
  act(): Promise<void>;
}

export interface Nemesis {
  readonly name: string;
  readonly on: 'workers' | 'network' | 'servers';
  readonly weight: number;
  /** No other fault beside it. */
  readonly alone?: boolean;
  /** Tokens cannot grow when data is lost and the clock is set back: never both in one run. */
  harms?(world: World): 'data' | 'clock' | undefined;
  /** Default: anywhere. */
  possible?(world: World): boolean;
  /** Undefined: not now. */
  draw(field: Field): Strike | undefined;
}
