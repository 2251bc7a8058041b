import { kindOf, type LockMode } from '../../core/options.js';
import { notSupported } from './exceptions.js';
import type { WebLock } from './web-lock.js';

/** The arguments of `request`, with nothing left open. */
export interface WebLockRequest {
  readonly name: string;
  readonly mode: LockMode;
  readonly ifAvailable: boolean;
  readonly steal: boolean;
  readonly signal: AbortSignal | undefined;
  readonly callback: (lock: WebLock | null) => unknown;
}

type Options = Pick<WebLockRequest, 'ifAvailable' | 'mode' | 'signal' | 'steal'>;

/** As Web IDL converts them: from left to right, the members of `options` by name, each read once. Throws `TypeError`. */
export function convertArguments(args: readonly unknown[]): WebLockRequest {
  if (args.length < 2) {
    throw new TypeError(
      `request() has ${args.length} of at least 2 arguments: call request(name, callback) or request(name, options, callback).`,
    );
  }
  const [name, options, callback] = args.length === 2 ? [args[0], undefined, args[1]] : args;
  return { name: `${name}`, ...convertOptions(options), callback: convertCallback(callback) };
}

/** Throws what the standard says of requests that contradict themselves, or came too late. */
export function assertPossible({ name, mode, ifAvailable, steal, signal }: WebLockRequest): void {
  if (name.startsWith('-')) throw notSupported('A name that starts with "-" is reserved: give another one.');
  if (steal && ifAvailable) throw notSupported('`steal` never waits: leave out `ifAvailable`.');
  if (steal && mode !== 'exclusive') throw notSupported('Only an exclusive lock can be stolen: leave out `mode`.');
  if (signal && (steal || ifAvailable)) {
    throw notSupported('There is no wait to abort with `steal` and `ifAvailable`: leave out `signal`.');
  }
  signal?.throwIfAborted();
}

function convertOptions(options: unknown): Options {
  if (options !== undefined && options !== null && typeof options !== 'object' && typeof options !== 'function') {
    throw new TypeError(`The options of request() are ${kindOf(options)}: give an object.`);
  }
  const given: Partial<Record<keyof Options, unknown>> = options ?? {};
  return {
    ifAvailable: Boolean(given.ifAvailable),
    mode: convertMode(given.mode),
    signal: convertSignal(given.signal),
    steal: Boolean(given.steal),
  };
}

function convertMode(mode: unknown): LockMode {
  if (mode === undefined) return 'exclusive';
  const text = `${mode}`;
  if (text === 'exclusive' || text === 'shared') return text;
  throw new TypeError(`The option \`mode\` is ${JSON.stringify(text)}: give 'exclusive' or 'shared'.`);
}

function convertSignal(signal: unknown): AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) return signal;
  throw new TypeError(`The option \`signal\` is ${kindOf(signal)}: give an AbortSignal.`);
}

function convertCallback(callback: unknown): WebLockRequest['callback'] {
  if (typeof callback === 'function') return callback as WebLockRequest['callback'];
  throw new TypeError(`The callback of request() is ${kindOf(callback)}: give a function.`);
}
