import { inspect } from 'node:util';
import { LockOptionsError } from './errors.js';

type Unit = 'ms' | 's' | 'm' | 'h' | 'd';

/** A number of milliseconds, or a number with its unit: `'500ms'`, `'30s'`, `'5m'`, `'2h'`, `'1d'`. */
export type Duration = number | `${number}${Unit}`;

const MS: Record<Unit, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const FORMAT = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

export interface DurationBounds {
  /** The least that is allowed, in ms. */
  min: number;
  /** Whether `Infinity` is allowed. */
  infinite?: boolean;
}

/** The duration in milliseconds, whole ones; throws `LockOptionsError` that names `option`. */
export function toMilliseconds(value: unknown, option: string, { min, infinite = false }: DurationBounds): number {
  const ms = parse(value);
  if (ms === Number.POSITIVE_INFINITY ? infinite : ms >= min && ms <= Number.MAX_SAFE_INTEGER) return Math.ceil(ms);
  throw new LockOptionsError(
    `The option \`${option}\` is ${inspect(value)}: give a number of milliseconds of at least ${min}` +
      `${infinite ? ', Infinity,' : ''} or a text like '500ms', '30s', '5m', '2h', '1d'.`,
  );
}

function parse(value: unknown): number {
  if (typeof value === 'number') return value;
  const [, amount, unit] = (typeof value === 'string' && FORMAT.exec(value)) || [];
  return amount === undefined ? Number.NaN : Number(amount) * MS[unit as Unit];
}
