import type { ModulesContainer } from '@nestjs/core';
import { LockOptionsError } from '../core/errors.js';
import { getLockServiceToken, LOCK_OPTIONS } from './lock.constants.js';

type Module = ReturnType<ModulesContainer['values']> extends Iterable<infer M> ? M : never;

/**
 * The module of the registration of that name, of which an application has one. Two would not know of each other: a call
 * chain that holds a lock of one would wait for itself at the other.
 */
export function onlyRegistration(modules: ModulesContainer, name: string | undefined): Module | undefined {
  const token = getLockServiceToken(name);
  const found = [...modules.values()].filter(({ providers }) => providers.has(token) && providers.has(LOCK_OPTIONS));
  if (found.length < 2) return found[0];
  const under = name === undefined ? 'without a name' : `under the name "${name}"`;
  throw new LockOptionsError(
    `LockModule is registered ${found.length} times ${under} in this application: import it once (it is global; the ` +
      'object that forRoot() returns may be imported by several modules), or give each further registration a `name` of its own.',
  );
}

/**
 * Lets Nest call the hooks of this module after those of all others, in whatever order they are imported, so that what
 * works under locks until its own hook (a queue, a cron) has them until then. Nest goes by the distance from the root:
 * up to version 10 from the farthest to the nearest at the start and at the end; from version 11 on the other way round
 * at the end, and global modules are the farthest.
 */
export function closeLast(modules: ModulesContainer, own: Module): void {
  const endsWithFarthest = [...modules.values()].some(({ distance }) => distance === Number.MAX_VALUE);
  own.distance = endsWithFarthest ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
}
