import { setTimeout } from 'node:timers/promises';

/** Asks until the answer is good: the database tells nobody that a row is there. */
export async function eventually<Answer>(
  ask: () => Promise<Answer>,
  good: (answer: Answer) => boolean,
  patienceMs = 20_000,
): Promise<Answer> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const answer = await ask();
    if (good(answer)) return answer;
    if (performance.now() > deadline) throw new Error(`nothing came within ${patienceMs / 1_000} s`);
    await setTimeout(50);
  }
}
