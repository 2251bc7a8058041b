import { Inject } from '@nestjs/common';
import { getLockServiceToken } from '../lock.constants.js';

/**
 * Has Nest inject the service into each instance, under a symbol: a missing module fails at boot, and the service is
 * that of the instance's own container.
 */
export function injectService(target: object, registration: string | undefined): symbol {
  const property = Symbol.for(`nestjs-lock:injected:${registration ?? ''}`);
  if (!(property in target)) {
    Object.defineProperty(target, property, { value: undefined, writable: true, configurable: true });
    Inject(getLockServiceToken(registration))(target, property);
  }
  return property;
}
