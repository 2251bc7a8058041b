import { LockUnavailableError } from '../../../core/errors.js';

/** Who is asked. */
export interface Asked {
  /** Which server answers; undefined where that is not known. */
  readonly server?: string | undefined;
}

export interface Vote<V, T> {
  readonly voter: V;
  readonly answer: T;
  /** Which server gave it. */
  readonly server: string | undefined;
}

/** What has come of a poll so far. */
export interface Tally<V, T> {
  readonly votes: readonly Vote<V, T>[];
  readonly errors: readonly unknown[];
  /** How many have not answered yet. */
  readonly missing: number;
}

export interface Poll<V, T> extends Tally<V, T> {
  /** The answers that came after it was over. */
  readonly late: Promise<readonly Vote<V, T>[]>;
}

/**
 * Asks all voters at once. Over as soon as the answers that are missing cannot change the outcome. A server that is asked
 * under two addresses has one vote, the first.
 */
export function poll<V extends Asked, T>(
  voters: readonly V[],
  ask: (voter: V) => Promise<T>,
  isDecided: (tally: Tally<V, T>) => boolean,
): Promise<Poll<V, T>> {
  return new Promise((resolve) => {
    const votes: Vote<V, T>[] = [];
    const errors: unknown[] = [];
    let missing = voters.length;
    const asked = voters.map(async (voter) => {
      try {
        const answer = await ask(voter);
        const { server } = voter;
        if (server !== undefined && votes.some((vote) => vote.server === server)) throw sameAgain();
        votes.push({ voter, answer, server });
      } catch (error) {
        errors.push(error);
      }
      missing -= 1;
      const tally = { votes, errors, missing };
      if (missing === 0 || isDecided(tally)) resolve(over(tally));
    });
    const over = (tally: Tally<V, T>): Poll<V, T> => {
      const inTime = [...votes];
      const late = Promise.all(asked).then(() => votes.slice(inTime.length));
      return { votes: inTime, errors: [...tally.errors], missing: tally.missing, late };
    };
  });
}

/** For questions of yes or no: whether so many said yes, or so many will not any more. */
export function isSettled(needed: number): (tally: Tally<unknown, boolean>) => boolean {
  return ({ votes, missing }) => {
    const yes = yesIn(votes);
    return yes >= needed || yes + missing < needed;
  };
}

export function yesIn(votes: readonly Vote<unknown, boolean>[]): number {
  return votes.filter(({ answer }) => answer).length;
}

/** For a poll that waits for all. */
export const never = (): boolean => false;

/** What is over by itself with the end of a lease, and is not worth an error. */
export function quietly(promise: Promise<unknown>): void {
  promise.catch(() => {});
}

function sameAgain(): LockUnavailableError {
  return new LockUnavailableError(undefined, 'one is another one under a second address');
}
