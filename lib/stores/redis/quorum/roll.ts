import { LockOptionsError } from '../../../core/errors.js';
import type { LockLogger } from '../../../core/logger.js';
import { Trouble } from '../trouble.js';
import type { Voter } from './voter.js';

/** Sees to it that no server has two votes under two addresses. */
export class Roll {
  readonly #voters: readonly Voter[];
  readonly #patience: number;
  readonly #trouble: Trouble;
  /** Something was granted: from now on a server that turns out to be another one is reported, and votes once. */
  #isOpen = false;
  /** The voters that were seen to be one server. */
  #twins: readonly Voter[] = [];

  /** `patience`: how long it waits for a server to which no connection comes about, in ms. */
  constructor(voters: readonly Voter[], patience: number, logger: LockLogger | undefined) {
    this.#voters = voters;
    this.#patience = patience;
    this.#trouble = new Trouble(logger, 'server');
    for (const { store } of voters) store.onIdentified?.(() => this.#compare());
  }

  /**
   * Before anything has been granted: waits until the servers have told who they are, as far as they can be reached, and
   * throws `LockOptionsError` where two of them are one.
   */
  async call(): Promise<void> {
    if (this.#isOpen) return;
    await Promise.all(this.#voters.map(({ store }) => store.identify?.(this.#patience)));
    if (this.#twins.length === 0) return;
    throw new LockOptionsError(
      `The option \`quorum\` has one server under several addresses: in its order, ${listOf(this.#twins)} are the same, ` +
        'which would have several votes. Give each server once, and run as many, each on a machine of its own.',
    );
  }

  open(): void {
    this.#isOpen = true;
  }

  #compare(): void {
    const before = this.#twins;
    const now = twinsIn(this.#voters);
    const isNew = now.some((voter) => !before.includes(voter));
    // One that is not connected may still be the same.
    const isOver = before.length > 0 && now.length === 0 && before.every(({ server }) => server !== undefined);
    if (!isNew && !isOver) return;
    this.#twins = now;
    if (isOver)
      this.#trouble.isOver(`The servers ${listOf(before)} of \`quorum\` are different ones again, and each votes`);
    else
      this.#trouble.begins(
        `The servers ${listOf(now)} of \`quorum\` are one server under several addresses: it votes once, and one server ` +
          'less may be away. Let each address lead to a server of its own.',
      );
  }
}

/** The first voters that are one server. */
function twinsIn(voters: readonly Voter[]): readonly Voter[] {
  for (const { server } of voters) {
    const same = server === undefined ? [] : voters.filter((other) => other.server === server);
    if (same.length > 1) return same;
  }
  return [];
}

function listOf(voters: readonly Voter[]): string {
  const positions = voters.map(({ position }) => String(position));
  return `${positions.slice(0, -1).join(', ')} and ${positions.at(-1)}`;
}
