import type { LockObserver } from '../../lib/index.js';
import { OBSERVER_METHODS } from '../../lib/observe/lock-observer.js';

export type Told = [what: string, event: Record<string, unknown>];

/** An observer that notes all that it is told, but for the calls to the store. */
export class Recorder {
  readonly told: Told[] = [];

  constructor() {
    for (const method of OBSERVER_METHODS) {
      if (method === 'start' || method === 'run' || method === 'called') continue;
      Object.assign(this, { [method]: (event: Record<string, unknown>) => void this.told.push([method, event]) });
    }
  }

  get observer(): LockObserver {
    return this as LockObserver;
  }

  /** What happened, in order; `of`: to these names only. */
  happened(...of: string[]): string[] {
    return this.told.filter(([, { name }]) => of.length === 0 || of.includes(name as string)).map(([what]) => what);
  }

  /** The last event of a kind. */
  last(what: string): Record<string, unknown> {
    const found = [...this.told].reverse().find(([each]) => each === what);
    if (!found) throw new Error(`Nothing was told of ${what}: ${this.happened().join(', ')}`);
    return found[1];
  }

  forget(): void {
    this.told.length = 0;
  }
}
