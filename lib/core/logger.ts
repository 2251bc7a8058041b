/** Where warnings go. Nest's `Logger` and `console` fit. */
export interface LockLogger {
  /** What works again. Default: `warn`. */
  log?(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** A logger whose own errors hurt nobody. */
export function harmless(logger: LockLogger): LockLogger {
  const attempt = (log: () => void): void => {
    try {
      log();
    } catch {
      // What cannot be logged is not worth more than the work that it is about.
    }
  };
  return {
    log: (message) => attempt(() => (logger.log ? logger.log(message) : logger.warn(message))),
    warn: (message) => attempt(() => logger.warn(message)),
    error: (message) => attempt(() => logger.error(message)),
  };
}
