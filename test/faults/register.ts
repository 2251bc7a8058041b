import { now } from './history/event.js';
import type { Recorder } from './history/history.js';

export interface GuardedWrite {
  readonly request: string;
  readonly name: string;
  readonly token: number;
}

/** The resource that the locks guard: it refuses a token that is lower than the highest of the name. */
export class GuardedRegister {
  readonly #highest = new Map<string, number>();
  readonly #recorder: Recorder;

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  write({ request, name, token }: GuardedWrite): boolean {
    const accepted = token >= (this.#highest.get(name) ?? 0);
    if (accepted) this.#highest.set(name, token);
    this.#recorder.record({ at: now(), kind: 'written', request, name, token, accepted });
    return accepted;
  }
}
