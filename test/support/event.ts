// Taken when the file loads: tests that fake the timers still poll in real time.
const { setTimeout } = globalThis;
const now = performance.now.bind(performance);

const POLL_MS = 5;

export interface Deferred<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

export function deferred<T = void>(): Deferred<T> {
  let settle!: Omit<Deferred<T>, 'promise'>;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, ...settle };
}

/** Asks until the answer is truthy, and returns it. `within` (ms) only bounds a failing test. */
export async function until<T>(
  predicate: () => T | Promise<T>,
  { describe = 'a condition', within = 10_000 } = {},
): Promise<NonNullable<T>> {
  for (const deadline = now() + within; now() < deadline; ) {
    const answer = await predicate();
    if (answer) return answer;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`Waited ${within} ms in vain for ${describe}`);
}
