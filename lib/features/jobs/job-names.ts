import { resolveNames } from '../../core/names.js';
import { compileTemplate } from '../keys/key-template.js';

/** What tells the elements of a job apart: as in the key templates of `@Locked`, and not empty. */
export type JobElement = string | number | bigint;

const element = compileTemplate('<job>:<element>', { method: 'JobLocks', parameters: ['job', 'element'] });
// With two separators, which no element's name has.
const permits = compileTemplate('job:<job>:permits', { method: 'JobSemaphore', parameters: ['job'] });

/** The lock's name of an element: that of `@Locked('<job>:<element>')`. Throws `LockKeyError`. */
export function nameOfElement(job: string, id: JobElement): string {
  return checked(element([job, id]));
}

/** The lock's name of the permits of a job. Throws `LockKeyError`. */
export function nameOfPermits(job: string): string {
  return checked(permits([job]));
}

function checked(name: string): string {
  return resolveNames([name])[0] as string;
}
