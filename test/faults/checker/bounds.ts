/** The longest lease that the workload asks for, and how much longer it is kept from others at the most. */
export const LEASE_MS = 2_500;
/** The library's: how long the store takes a waiter to be alive that it does not hear from. */
const ALIVE_MS = 5_000;
/** Of a loaded machine. */
const SLACK_MS = 2_000;

/** When the lock is free and nothing is broken (any more), a waiter is served within this time. */
export const SERVED_WITHIN_MS = ALIVE_MS + 2 * LEASE_MS + SLACK_MS;

/** The library's: how long a waiter takes its messages to arrive without asking whether they do. */
const BELIEVES_MS = 10_000;

/** A process that is not served for so long, while others are, is starved, whatever became of its connections before. */
export const STARVED_AFTER_MS = BELIEVES_MS + 2 * LEASE_MS + SLACK_MS;

/** The same, once all is as it should be. */
export const OVERTAKEN_MS = LEASE_MS + 2 * SLACK_MS;

/**
 * So often others are served before it who asked later. The queue allows one turn of each other process, and one more
 * for each caller that gives up before it.
 */
export const STARVED_AFTER_TURNS = 5;

/** A holder whose lock was given to another finds out at its next renewal, a third of the lease later. */
export const NOTICED_WITHIN_MS = LEASE_MS / 3 + 1_200;

/** After the end of a fault, and after its start, a process may be without a connection for so long. */
export const CONNECTED_WITHIN_MS = 2_500;

/** Whoever asked so much earlier has certainly reached the store first. */
export const CLEARLY_EARLIER_MS = 250;
