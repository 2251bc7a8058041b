import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';

const DOCUMENT = new URL('../../docs/redis-rights.md', import.meta.url);
const NAMESPACE = 'shop';

/** The rule that docs/redis-rights.md gives, as arguments of ACL SETUSER without the user, for another namespace. */
export function documentedRule(namespace: string): string[] {
  const [, rule] = /^ACL SETUSER app (on >secret [^`]+)```$/m.exec(readFileSync(DOCUMENT, 'utf8')) ?? [];
  if (!rule) throw new Error('docs/redis-rights.md has no rule');
  return rule
    .trim()
    .split(/\s+/)
    .map((word) => word.replace(`~${NAMESPACE}:`, `~${namespace}:`).replace(`&${NAMESPACE}:`, `&${namespace}:`));
}

/** The rights that the document adds for a set-up, as its table of set-ups has them. */
export function documentedExtra(setUp: string): string[] {
  const row = readFileSync(DOCUMENT, 'utf8')
    .split('\n')
    .find((line) => line.startsWith(`| ${setUp} |`));
  const [, rights = ''] = /`(\+[^`]+)`/.exec(row ?? '') ?? [];
  return rights.replaceAll('\\|', '|').split(' ');
}

/** The commands that a rule allows. */
export function commandsOf(rule: readonly string[]): string[] {
  return rule.filter((word) => word.startsWith('+')).map((word) => word.slice(1));
}

/** Makes a user by a rule; its password is `secret`. */
export async function setUser(admin: Redis, user: string, rule: readonly string[]): Promise<void> {
  await admin.call('ACL', 'SETUSER', user, ...rule);
}

/** The commands that Redis refused to the user. */
export async function refused(admin: Redis, user: string): Promise<string[]> {
  const log = (await admin.call('ACL', 'LOG', '128')) as string[][];
  return log.filter((entry) => entry.includes(user)).map((entry) => String(entry[entry.indexOf('object') + 1]));
}
