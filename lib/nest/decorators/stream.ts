import { LockOptionsError } from '../../core/errors.js';

type Members = Record<PropertyKey, unknown>;

/**
 * Throws `LockOptionsError` when what a method returned is read after the method has ended: a stream, an Observable, an
 * async iterable, a generator. It is destroyed, since nobody else knows it.
 */
export function refuseStream<T>(value: T, method: string): T {
  if (typeof value !== 'object' || value === null) return value;
  const kind = kindOf(value as Members);
  if (kind === undefined) return value;
  discard(value as Members);
  throw new LockOptionsError(
    `${method} returned ${kind}, which is read when the method has ended and its lock is released; it has been destroyed. ` +
      'Read it in the method and return what was read, or take the lock with LockService.acquire() and release it when the stream has ended.',
  );
}

/** What throws when it is looked at is none: that is for its readers to find out. */
function kindOf(value: Members): string | undefined {
  try {
    return kindOfStream(value);
  } catch {
    return undefined;
  }
}

function kindOfStream(value: Members): string | undefined {
  const has = (...keys: PropertyKey[]): boolean => keys.every((key) => typeof value[key] === 'function');
  // Writable streams have `pipe` too.
  if (has('pipe', 'on') && (has('read') || value.readable === true)) return 'a stream';
  if (has('getReader', 'cancel')) return 'a ReadableStream';
  if (has('getStream', 'getHeaders')) return 'a StreamableFile';
  if (has('subscribe', 'pipe')) return 'an Observable';
  if (has(Symbol.asyncIterator)) return 'an async iterable';
  return Object.prototype.toString.call(value) === '[object Generator]' ? 'a generator' : undefined;
}

/** Ends what is open behind it. Whatever that causes concerns nobody any more. */
function discard(value: Members): void {
  try {
    const inner = typeof value.getStream === 'function' ? value.getStream() : value;
    call(inner, 'on', 'error', ignore);
    const ended = ['destroy', 'cancel', 'return', 'close'].find((method) => typeof inner[method] === 'function');
    if (ended) Promise.resolve(call(inner, ended)).catch(ignore);
  } catch {}
}

function call(object: Members, method: string, ...args: unknown[]): unknown {
  const found = object[method];
  return typeof found === 'function' ? found.apply(object, args) : undefined;
}

function ignore(): void {}
