import type { Contestant } from './contestant.js';

/** One at a time: a process that needs only one should not spend its start on the others. */
const LOADERS: Readonly<Record<string, () => Promise<Contestant>>> = {
  'nestjs-lock': async () => (await import('./ours.js')).ours,
  'redis-semaphore': async () => (await import('./redis-semaphore.js')).redisSemaphore,
  redlock: async () => (await import('./redlock.js')).redlock,
  '@sesamecare-oss/redlock': async () => (await import('./sesamecare-redlock.js')).sesamecareRedlock,
  '@verrou/core': async () => (await import('./verrou.js')).verrou,
  'redlock-universal': async () => (await import('./redlock-universal.js')).redlockUniversal,
};

/** For child processes, which are told the name. */
export async function loadContestant(name: string): Promise<Contestant> {
  const variants = name.startsWith('nestjs-lock, ') ? (await import('./ours.js')).oursHandingOver : [];
  const contestant = variants.find((each) => each.name === name) ?? (await LOADERS[name]?.());
  if (contestant?.name !== name) throw new Error(`There is no contestant ${name}`);
  return contestant;
}
