/** What one direction does with what it carries: later (as a network that sends again), or never. */
export type Passage = 'pass' | 'hold' | 'drop';

/** How the network between one worker and one server is at the moment. */
export interface Conditions {
  /** Of each direction, in ms. */
  readonly latency: number;
  readonly requests: Passage;
  readonly replies: Passage;
  /** The script calls reach the server a second time, over another connection. */
  readonly duplicate: boolean;
  /** One script call in so many runs, but its answer is lost with the connection; `0`: none. */
  readonly loseReplyOfEvery: number;
  /** The error that script calls are answered with instead of being run. */
  readonly refusal: string | undefined;
}

export const CLEAR: Conditions = Object.freeze({
  latency: 0,
  requests: 'pass',
  replies: 'pass',
  duplicate: false,
  loseReplyOfEvery: 0,
  refusal: undefined,
});
