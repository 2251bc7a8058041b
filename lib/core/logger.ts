/** Where warnings go. Nest's `Logger` and `console` fit. */
export interface LockLogger {
  /** What works again. Default: `warn`. */
  log?(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** What a store cannot do for a while. */
export type TroubleOf = 'connection' | 'messages' | 'server';

/** A logger that is told of the troubles of a store also as such. */
export interface TroubleLogger extends LockLogger {
  degraded?(what: TroubleOf, message: string): void;
  restored?(what: TroubleOf, message: string, lasted: number): void;
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
