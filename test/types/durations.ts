// What counts as a duration; compiled by `npm run typecheck`, never run.
import type { Duration } from '../../lib/index.js';

declare const seconds: number;
declare const text: string;

export const good: Duration[] = [
  0,
  500,
  Number.POSITIVE_INFINITY,
  '500ms',
  '30s',
  '1.5s',
  '5m',
  '2h',
  '1d',
  `${30}s`,
  seconds * 1_000,
];

// @ts-expect-error no number
export const word: Duration = 'abc';
// @ts-expect-error no unit
export const withoutUnit: Duration = '500';
// @ts-expect-error no amount
export const withoutAmount: Duration = 's';
// @ts-expect-error an unknown unit
export const weeks: Duration = '2w';
// @ts-expect-error a long unit
export const longUnit: Duration = '10 seconds';
// @ts-expect-error two amounts
export const twoAmounts: Duration = '1m30s';
// @ts-expect-error any text
export const anyText: Duration = text;
// @ts-expect-error any text with a unit
export const anyTextWithUnit: Duration = `${text}s`;
// @ts-expect-error no text and no number
export const flag: Duration = true;
// @ts-expect-error a bigint
export const bigint: Duration = 10n;
