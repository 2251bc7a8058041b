import { LockOptionsError } from '../../core/errors.js';
import { kindOf, type LockOptions } from '../../core/options.js';
import type { CallSignal } from './locked-options.js';

/** Options whose signal may be that of each call. */
export type SignalPerCall<O extends LockOptions> = Omit<O, 'signal'> & { signal?: CallSignal | undefined };

/** The options without a signal that only a call has. */
export function withoutCallSignal<O extends LockOptions>(options: SignalPerCall<O>): O {
  const { signal } = options;
  return (typeof signal === 'function' ? { ...options, signal: undefined } : options) as O;
}

/** Makes the options of a call from its arguments. `at` says where they stand. */
export function optionsPerCall<O extends LockOptions>(
  options: SignalPerCall<O>,
  at: string,
): (args: readonly unknown[]) => O {
  const { signal: signalOf } = options;
  if (typeof signalOf !== 'function') return () => options as O;
  return (args) => ({ ...options, signal: checked(signalOf(...args), at) }) as O;
}

function checked(signal: unknown, at: string): AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) return signal;
  throw new LockOptionsError(
    `The function \`signal\` in ${at} returned ${kindOf(signal)}: return an AbortSignal, or undefined where there is none.`,
  );
}
