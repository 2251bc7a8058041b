import type { LockOptions } from '../../../lib/index.js';
import type { Random } from '../random.js';
import { NAMES } from './orders.js';

/** What the names are there for, in most cases. */
export function drawMode(random: Random, name: string): Pick<LockOptions, 'mode' | 'permits'> {
  if (name === NAMES.readers && random.chance(0.75)) return { mode: 'shared' };
  if (name !== NAMES.pool || random.chance(0.1)) return {};
  const permits = random.weighted([
    [8, 2],
    [1, 1],
    [1, 3],
  ]);
  return { mode: 'shared', permits };
}
