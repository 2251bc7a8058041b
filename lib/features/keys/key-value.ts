import { LockKeyError } from '../../core/errors.js';
import { kindOf } from '../../core/options.js';

/** Where a value of a template comes from, and how error messages call it. */
export interface ValueSource {
  /** The placeholder, without its brackets. */
  readonly text: string;
  readonly index: number;
  readonly path: readonly string[];
  readonly method: string;
  /** Its name, or its position where it has none. */
  readonly parameter: string;
}

/** The bytes that an object may print as its id. */
const MAX_ID_BYTES = 128;
/** One word: what an id looks like, in contrast to a document that prints its content. */
const ID = /^[^\s\p{Cc}{}'"`]+$/u;

/** What the arguments have at that place. Throws `LockKeyError` where they have nothing. */
export function valueAt(args: readonly unknown[], source: ValueSource): unknown {
  let value = args[source.index];
  for (const key of source.path) value = propertyOf(value, key, source);
  return value;
}

/** The text of a value that identifies something. Throws `LockKeyError` for all others. */
export function textOf(value: unknown, source: ValueSource): string {
  const text = typeof value === 'object' && value !== null ? textOfObject(value, source) : textOfPrimitive(value);
  if (text !== undefined && text !== '') return text;
  throw unusable(source, `it is ${value === '' ? 'an empty string' : kindOf(value)}`);
}

function propertyOf(object: unknown, key: string, source: ValueSource): unknown {
  if (typeof object === 'object' && object !== null) {
    try {
      if (isReadable(object, key)) return Reflect.get(object, key);
    } catch (cause) {
      throw unusable(source, `'${key}' cannot be read from ${kindOf(object)}, which throws`, cause);
    }
  }
  throw unusable(source, `there is no property '${key}' in ${kindOf(object)}`);
}

/** Own properties and the accessors of its classes are; methods, and what every object has, are not. */
function isReadable(object: object, key: string): boolean {
  if (Object.hasOwn(object, key)) return true;
  let owner: object | null = Object.getPrototypeOf(object);
  while (owner !== null && !isObjectPrototype(owner)) {
    const descriptor = Object.getOwnPropertyDescriptor(owner, key);
    if (descriptor) return descriptor.get !== undefined;
    owner = Object.getPrototypeOf(owner);
  }
  return false;
}

/** Also that of another realm, such as the sandbox of a test runner. */
function isObjectPrototype(object: object): boolean {
  return object === Object.prototype || Object.hasOwn(object, '__proto__');
}

function textOfPrimitive(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return /\p{Surrogate}/u.test(value) ? undefined : value;
    case 'number':
      return Number.isNaN(value) ? undefined : String(value);
    case 'bigint':
    case 'boolean':
      return String(value);
    default:
      return undefined;
  }
}

/** What an object prints that has no id yet. */
const NOTHING = ['', '[object Object]', 'undefined', 'null', 'NaN'];

function textOfObject(value: object, source: ValueSource): string | undefined {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.toISOString();
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return undefined;
  const text = printed(value, source);
  if (typeof text !== 'string' || NOTHING.includes(text)) return undefined;
  if (ID.test(text) && Buffer.byteLength(text) <= MAX_ID_BYTES) return textOfPrimitive(text);
  // Not what it prints, which may be personal data.
  throw unusable(
    source,
    `it is an object that prints as no id (one word of at most ${MAX_ID_BYTES} bytes, without braces and quotes); name a ` +
      `property that identifies it, such as <${source.text}.id>`,
  );
}

function printed(value: object, source: ValueSource): unknown {
  try {
    if (typeof value.toString !== 'function' || value.toString === Object.prototype.toString) return undefined;
    return value.toString();
  } catch (cause) {
    throw unusable(source, 'it is an object that throws when it is printed', cause);
  }
}

function unusable({ text, method, parameter }: ValueSource, problem: string, cause?: unknown): LockKeyError {
  return new LockKeyError(
    `No lock name can be made for ${method}: <${text}> (parameter ${parameter}): ${problem}. Pass a string, number, ` +
      'bigint, boolean, Date or an id with its own toString(), or give a function as the key.',
    cause === undefined ? undefined : { cause },
  );
}
