import { inspect } from 'node:util';
import { LockOptionsError } from '../core/errors.js';
import { LockService } from '../service/lock-service.js';

export const LOCK_OPTIONS = Symbol.for('nestjs-lock:options');

/** The injection token of a registration: `LockService` for the one without a name. */
export function getLockServiceToken(name?: string): typeof LockService | symbol {
  return name === undefined ? LockService : Symbol.for(`nestjs-lock:service:${name}`);
}

/** An empty name would be mistaken for none. */
export function checkRegistrationName(name: unknown, what: string): void {
  if (name === undefined || (typeof name === 'string' && name !== '')) return;
  throw new LockOptionsError(`${what} is ${inspect(name)}: give the name of a registration, or leave it out.`);
}
