export { createLockManager, type LockManager, type WebLockOptions } from './features/web-locks/lock-manager.js';
export type { LockManagerSnapshot, WebLockInfo } from './features/web-locks/snapshot.js';
export type { WebLock } from './features/web-locks/web-lock.js';
