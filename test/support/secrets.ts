import { inspect } from 'node:util';
import { vi } from 'vitest';
import type { LockLogger, LockService } from '../../lib/index.js';
import { everyCall, recordingLogger } from './redis-observe.js';

export const USER = 'app-user';
/** With what a URL must escape. */
export const PASSWORD = 'p@ss/w%rd#7';

/** All that became of a failure and can end in a log. */
export class Evidence implements Disposable {
  readonly logger: LockLogger & { readonly lines: string[] } = recordingLogger();
  readonly errors: Error[] = [];
  readonly #texts: string[] = [];
  readonly #spies = (['log', 'info', 'warn', 'error'] as const).map((method) =>
    vi.spyOn(console, method).mockImplementation((...args: unknown[]) => {
      this.#texts.push(...args.map(deeply));
    }),
  );
  readonly #warned = (warning: Error): void => {
    this.#texts.push(deeply(warning));
  };

  constructor() {
    process.on('warning', this.#warned);
  }

  /** The call must reject; its error is kept. */
  async reject(call: Promise<unknown>): Promise<Error> {
    const outcome = await call.then(
      (value) => new Error(`It did not fail: ${inspect(value)}`, { cause: 'success' }),
      (error: unknown) => error as Error,
    );
    if (outcome.cause === 'success') throw outcome;
    this.errors.push(outcome);
    return outcome;
  }

  /** Whatever is asked of a service must fail. */
  async rejectAll(service: LockService): Promise<void> {
    await Promise.all(everyCall(service, () => {}).map(({ call }) => this.reject(call())));
  }

  /** The secrets that can be read anywhere. */
  leaks(): string[] {
    const texts = [...this.#texts, ...this.logger.lines, ...this.errors.flatMap(readings)];
    const secrets = [PASSWORD, encodeURIComponent(PASSWORD), `${USER}:`, Buffer.from(PASSWORD).toString('base64')];
    return texts.filter((text) => secrets.some((secret) => text.includes(secret)));
  }

  [Symbol.dispose](): void {
    for (const spy of this.#spies) spy.mockRestore();
    process.off('warning', this.#warned);
  }
}

function deeply(value: unknown): string {
  return typeof value === 'string' ? value : inspect(value, { depth: 10, showHidden: true, getters: true });
}

/** Every way in which loggers write an error down, and all that hangs on it. */
function readings(error: unknown): string[] {
  const texts = [deeply(error), String(error), JSON.stringify(error) ?? ''];
  if (!(error instanceof Error)) return texts;
  const own = Object.getOwnPropertyNames(error).map((name) => deeply(Reflect.get(error, name)));
  return [...texts, error.message, error.stack ?? '', ...own, ...readings(error.cause)];
}
