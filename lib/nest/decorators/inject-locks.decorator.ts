import { Inject } from '@nestjs/common';
import { getLockServiceToken } from '../lock.constants.js';

/** Injects the `LockService` of the registration with this `name`; without one, of the one that has none. */
export const InjectLocks = (name?: string): ReturnType<typeof Inject> => Inject(getLockServiceToken(name));
