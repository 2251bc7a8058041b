import { within } from '../../core/timer.js';
import type { Message } from './lock-script.js';

/** A question that waits for answers. */
interface Open {
  readonly missing: Set<string>;
  readonly answers: Map<string, string>;
  readonly done: () => void;
}

/** Questions of one process to others, by messages, and its answers to theirs. */
export class Questions {
  readonly #instance: string;
  readonly #say: (instance: string, words: readonly string[]) => Promise<number>;
  readonly #open = new Map<string, Open>();
  #asked = 0;

  constructor(instance: string, say: (instance: string, words: readonly string[]) => Promise<number>) {
    this.#instance = instance;
    this.#say = say;
  }

  /** Resolves when all have answered, or `ms` are over. Rejects when the store does not answer. */
  async ask(instances: readonly string[], question: string, ms: number): Promise<ReadonlyMap<string, string>> {
    this.#asked += 1;
    const nonce = String(this.#asked);
    const answers = new Map<string, string>();
    const missing = new Set(instances);
    if (missing.size === 0) return answers;
    const answered = new Promise<void>((done) => this.#open.set(nonce, { missing, answers, done }));
    try {
      const words = ['q', this.#instance, nonce, encodeURIComponent(question)];
      await Promise.all([...missing].map((each) => this.#say(each, words)));
      await within(ms, answered);
    } finally {
      this.#open.delete(nonce);
    }
    return answers;
  }

  /** Another process has put a question. */
  answer({ from, nonce, text }: Message, answerTo: (question: string) => string | undefined): void {
    const answer = answerTo(text as string);
    if (answer === undefined) return;
    const words = ['a', this.#instance, nonce as string, encodeURIComponent(answer)];
    // Who asks does without it when it does not come.
    this.#say(from as string, words).catch(() => {});
  }

  /** An answer to a question of ours. */
  answered({ from, nonce, text }: Message): void {
    const open = this.#open.get(nonce as string);
    if (!open?.missing.delete(from as string)) return;
    open.answers.set(from as string, text as string);
    if (open.missing.size === 0) open.done();
  }
}
