import type { LockMode } from '../../core/options.js';

/** The `Lock` of the standard: what the callback of a request holds. Its fencing token is that of `currentLock()`. */
export interface WebLock {
  readonly name: string;
  readonly mode: LockMode;
}

export class GrantedWebLock implements WebLock {
  readonly #name: string;
  readonly #mode: LockMode;

  constructor(name: string, mode: LockMode) {
    this.#name = name;
    this.#mode = mode;
  }

  get name(): string {
    return this.#name;
  }

  get mode(): LockMode {
    return this.#mode;
  }

  get [Symbol.toStringTag](): string {
    return 'Lock';
  }
}
