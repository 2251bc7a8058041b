import type { Contestant } from './contestant.js';
import { ours } from './ours.js';
import { plain } from './plain.js';
import { redisSemaphore } from './redis-semaphore.js';
import { redlock } from './redlock.js';
import { redlockUniversal } from './redlock-universal.js';
import { sesamecareRedlock } from './sesamecare-redlock.js';
import { verrou } from './verrou.js';

export const PEERS: readonly Contestant[] = [redisSemaphore, redlock, sesamecareRedlock, verrou, redlockUniversal];
export const CONTESTANTS: readonly Contestant[] = [plain, ours, ...PEERS];

export { ours, plain };
