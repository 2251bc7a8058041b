// One process of a distributed system: it takes and loses locks on command. `child.ts` starts it and talks to it.
import 'reflect-metadata';
import { Redis } from 'ioredis';
import Database from 'libsql';
import { createLockService, type Lock, type LockModuleOptions, type LockOptions } from '../../lib/index.js';
import { JobLocks, type JobOptions, JobSemaphore } from '../../lib/jobs.js';
import { deferred } from './event.js';
import { redisRegister } from './guarded-register.js';

/** What the worker reports unasked. `id` is that of the request. */
export interface WorkerEvents {
  granted: Granted;
  lost: { id: string; code: string; why: string };
  busy: { id: string; code: string };
  error: { id: string; code: string; message: string };
}

export interface Granted {
  id: string;
  name: string;
  fencingToken: number;
}

interface Request {
  name: string;
  /** What later commands call this lock; default: its name. */
  id?: string;
  options?: LockOptions;
}

interface Contest extends Request {
  /** Of a `redisRegister`. */
  register: string;
  rounds: number;
}

interface JobElement {
  job: string;
  element: number;
}

export type WorkerCommands = typeof commands;

type Service = Awaited<ReturnType<typeof createLockService>>;

let service: Service;
let jobs: JobLocks;
let semaphore: JobSemaphore;
let redisUrl: string;
let client: Redis | undefined;
const locks = new Map<string, Lock>();
const waits = new Map<string, AbortController>();
const bodies = new Map<string, () => void>();

const commands = {
  async start({
    jobs: jobOptions,
    ...options
  }: LockModuleOptions & { redis: string; jobs?: JobOptions | undefined }): Promise<void> {
    redisUrl = options.redis;
    service = await createLockService(options);
    jobs = new JobLocks(service, jobOptions);
    semaphore = new JobSemaphore(service, jobOptions);
  },

  /** Keeps the lock until `release`. Emits `granted`, `busy` or `error`, and `lost` when it is lost. */
  acquire({ name, id = name, options }: Request): Promise<Granted> {
    return reporting(id, async (signal) => granted(id, await service.acquire(name, { signal, ...options })));
  },

  /** The body stays until `finish`, or for `body` ms. Resolves with the lock after the body; emits like `acquire`. */
  run({ name, id = name, options, body }: Request & { body?: number }): Promise<Granted> {
    return reporting(id, (signal) =>
      service.run(name, { signal, ...options }, async (lock) => {
        const result = granted(id, lock);
        await stay(id, body);
        return result;
      }),
    );
  },

  async finish({ id }: { id: string }): Promise<void> {
    bodies.get(id)?.();
  },

  /** Gives up a wait. */
  async abort({ id }: { id: string }): Promise<void> {
    waits.get(id)?.abort();
  },

  async release({ id }: { id: string }): Promise<boolean> {
    return lockOf(id).release();
  },

  async extend({ id, ttl }: { id: string; ttl?: number }): Promise<void> {
    await lockOf(id).extend(ttl);
  },

  async state({ id }: { id: string }) {
    const { held, signal } = lockOf(id);
    const reason = signal.aborted ? signal.reason : undefined;
    return {
      held,
      remaining: lockOf(id).remaining(),
      aborted: signal.aborted,
      code: reason?.code as string | undefined,
      why: reason?.why as string | undefined,
    };
  },

  async lockElement({ job, element }: JobElement): Promise<boolean> {
    return jobs.lock(job, element);
  },

  async successfullyProcessed({ job, element }: JobElement): Promise<void> {
    await jobs.successfullyProcessed(job, element);
  },

  async unlockElement({ job, element }: JobElement): Promise<boolean> {
    return jobs.unlock(job, element);
  },

  async tryPlace({ job }: { job: string }): Promise<boolean> {
    return semaphore.tryAcquire(job);
  },

  async leavePlace({ job }: { job: string }): Promise<boolean> {
    return semaphore.release(job);
  },

  async inspect({ name }: { name: string }) {
    return service.inspect(name);
  },

  async forceRelease({ name }: { name: string }): Promise<boolean> {
    return service.forceRelease(name);
  },

  /** So many bodies, one after the other, each of which enters the register and leaves it. */
  async contend({ name, options, register, rounds }: Contest): Promise<{ refused: number }> {
    const resource = redisRegister(ownClient(), register);
    let refused = 0;
    for (let round = 0; round < rounds; round += 1) {
      await service.run(name, { ...options }, async ({ fencingToken }) => {
        if (await resource.enter(fencingToken)) await resource.leave(fencingToken);
        else refused += 1;
      });
    }
    return { refused };
  },

  /** A write under a lock that may be lost by now; false: the register refused its token. */
  async guardedWrite({ register, token }: { register: string; token: number }): Promise<boolean> {
    return redisRegister(ownClient(), register).write(token);
  },

  /** The update of docs/guarantees.md, with its condition or without; how many rows it changed. */
  async debit({ file, amount, token, fenced }: { file: string; amount: number; token: number; fenced: boolean }) {
    const database = new Database(file);
    const update = 'UPDATE accounts SET balance = balance - ?, fence = ? WHERE id = 1';
    const { changes } = fenced
      ? database.prepare(`${update} AND fence <= ?`).run(amount, token, token)
      : database.prepare(update).run(amount, token);
    database.close();
    return changes;
  },

  /** Blocks the event loop. */
  async stall({ ms }: { ms: number }): Promise<void> {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  },

  async close(): Promise<void> {
    await service.close();
  },

  /** Lets go of the test: now the process ends by itself, unless something is armed or open. */
  async detach(): Promise<void> {
    client?.disconnect();
    setImmediate(() => process.disconnect());
  },

  async exit({ code }: { code: number }): Promise<void> {
    process.exit(code);
  },
};

process.on('message', async ({ call, command, args }: { call: number; command: keyof WorkerCommands; args: never }) => {
  try {
    process.send?.({ call, result: await commands[command](args) });
  } catch (error) {
    process.send?.({ call, error: describe(error) });
  }
});

function emit<E extends keyof WorkerEvents>(event: E, data: WorkerEvents[E]): void {
  process.send?.({ event, data });
}

async function reporting<T>(id: string, request: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const wait = new AbortController();
  waits.set(id, wait);
  try {
    return await request(wait.signal);
  } catch (error) {
    const { code, message } = describe(error);
    if (code === 'LOCK_BUSY') emit('busy', { id, code });
    else emit('error', { id, code, message });
    throw error;
  } finally {
    waits.delete(id);
  }
}

function granted(id: string, lock: Lock): Granted {
  locks.set(id, lock);
  const { name, fencingToken, signal } = lock;
  signal.addEventListener('abort', () => emit('lost', { id, code: signal.reason.code, why: signal.reason.why }));
  emit('granted', { id, name, fencingToken });
  return { id, name, fencingToken };
}

async function stay(id: string, ms?: number): Promise<void> {
  const { promise, resolve } = deferred();
  bodies.set(id, resolve);
  const timer = ms === undefined ? undefined : setTimeout(resolve, ms);
  await promise;
  clearTimeout(timer);
  bodies.delete(id);
}

function lockOf(id: string): Lock {
  const lock = locks.get(id);
  if (!lock) throw new Error(`The worker has no lock "${id}"`);
  return lock;
}

/** Separate from the connections of the service, which tests cut. */
function ownClient(): Redis {
  client ??= new Redis(redisUrl);
  return client;
}

function describe(error: unknown): { name: string; code: string; why: string | undefined; message: string } {
  const { name, code = '', why, message } = error as Error & { code?: string; why?: string };
  return { name, code, why, message };
}
