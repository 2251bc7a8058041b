import { type Moment, now } from './history/event.js';

const EVERY_MS = 50;
/** A delay that leases and waits may feel. */
const FELT_MS = 250;

/** Tells each time in which this process did not come to its turn, until the returned function is called. */
export function watchLag(tell: (from: Moment, until: Moment) => void): () => void {
  let last = now();
  const look = (): void => {
    const at = now();
    if (at - last > EVERY_MS + FELT_MS) tell(last, at);
    last = at;
  };
  const timer = setInterval(look, EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** The same for a question to a server. */
export async function watchAnswer<T>(ask: () => Promise<T>, tell: (from: Moment, until: Moment) => void): Promise<T> {
  const from = now();
  const answer = await ask();
  if (now() - from > FELT_MS) tell(from, now());
  return answer;
}
