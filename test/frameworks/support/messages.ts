/** What the programs in ../apps tell the test. */
export interface AppMessages {
  /** It listens on this port. */
  ready: number;
  /** It has logged this as an error or a warning. */
  logged: string;
  /** Its hooks for the shutdown have begun. */
  closing: string;
}

export function tell<M extends keyof AppMessages>(message: M, data: AppMessages[M]): void {
  process.send?.({ message, data });
}

function write(...data: unknown[]): void {
  const line = data.map((part) => (part instanceof Error ? part.stack : String(part))).join(' ');
  // Nest says that of its own modules on a machine that is slow.
  if (!/ is taking \S+ms to serialize/.test(line)) tell('logged', line);
}

/** Nest's logger in the programs. */
export const logger = { log: () => {}, warn: write, error: write, fatal: write };
