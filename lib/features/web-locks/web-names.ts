import { resolveNames } from '../../core/names.js';

/** What stands before the names of web locks among those of the service. */
export const WEB_PREFIX = 'web:';

const UNSAFE = /%|\p{Surrogate}/gu;
const ESCAPED = /%(?:25|u([0-9A-F]{4}))/g;

/**
 * The lock of the service that stands for a web name, which may be empty or no well-formed Unicode. Throws
 * `LockKeyError` for one that is too long.
 */
export function lockNameOf(webName: string): string {
  const lockName = WEB_PREFIX + webName.replace(UNSAFE, escapeUnit);
  return resolveNames(lockName)[0] as string;
}

/** The web name that a lock of the service stands for; undefined for a lock that no web name has. */
export function webNameOf(lockName: string): string | undefined {
  const webName = lockName.slice(WEB_PREFIX.length).replace(ESCAPED, unescapeUnit);
  return lockName === WEB_PREFIX + webName.replace(UNSAFE, escapeUnit) ? webName : undefined;
}

function escapeUnit(unit: string): string {
  return unit === '%' ? '%25' : `%u${unit.charCodeAt(0).toString(16).toUpperCase()}`;
}

function unescapeUnit(_: string, code: string | undefined): string {
  return code === undefined ? '%' : String.fromCharCode(Number.parseInt(code, 16));
}
