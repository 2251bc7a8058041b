import { after } from '../../core/timer.js';

/** The answer to what nobody waits for in earnest: it keeps no process alive, and rejects after `ms`. */
export function answerWithin<T>(ms: number, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = after(ms, () => reject(new Error(`no answer within ${ms} ms`)));
    answer.then(resolve, reject).finally(cancel);
  });
}
