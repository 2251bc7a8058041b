import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 5;
const PATIENCE_MS = 10_000;

/** Asks until there is an answer; the patience only ends a test that fails. */
export async function until<T>(what: string, look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (const deadline = performance.now() + PATIENCE_MS; performance.now() < deadline; await sleep(POLL_MS)) {
    const answer = await look();
    if (answer !== undefined) return answer;
  }
  throw new Error(`Waited ${PATIENCE_MS} ms in vain for ${what}`);
}
