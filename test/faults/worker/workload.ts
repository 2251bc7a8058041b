import { setTimeout as sleep } from 'node:timers/promises';
import type { Lock, LockedBody, LockService } from '../../../lib/index.js';
import { now } from '../history/event.js';
import type { Random } from '../random.js';
import { hold } from './body.js';
import { drawMode } from './draw-mode.js';
import { NestedCalls } from './nested-calls.js';
import { ALL_NAMES, NAMES } from './orders.js';
import type { Requests, Wish } from './requests.js';
import type { WitnessedLock } from './witnessed-lock.js';

export interface WorkloadOptions {
  readonly requests: Requests;
  /** Hands over inside the process as by default, and never. */
  readonly services: { readonly usual: LockService; readonly fifo: LockService };
  readonly retains: boolean;
}

const LONG_WAIT_MS = 20_000;
/** Longer than any process may be starved. */
const PATIENT_WAIT_MS = 60_000;
const FORCE_TRAVELS_MS = 5_000;

/** What one worker does with its locks: drawn at random, and all of it recorded. */
export class Workload {
  readonly #options: WorkloadOptions;
  readonly #requests: Requests;
  readonly #nested: NestedCalls;

  constructor(options: WorkloadOptions) {
    this.#options = options;
    this.#requests = options.requests;
    this.#nested = new NestedCalls(options.requests, options.services.usual);
  }

  /** One operation after the other until `ended`. */
  async loop(random: Random, ended: () => boolean, fifo = false): Promise<void> {
    while (!ended()) {
      if (fifo) await this.#acquire(random, wishForFifo(random));
      else await this.#operate(random);
      await sleep(random.integer(0, fifo ? 120 : 40));
    }
  }

  /** Comes again at once, for a moment each time. */
  async loopHot(random: Random, ended: () => boolean): Promise<void> {
    while (!ended()) {
      const wish = { name: NAMES.hot, options: { wait: PATIENT_WAIT_MS, ttl: random.integer(1_000, 2_000) } };
      await this.#run(wish, async (lock) => {
        await lock.write();
        await sleep(random.integer(15, 40));
      });
      await sleep(0);
    }
  }

  /** Until what was started under a lock, and not awaited, is over. */
  idle(): Promise<void> {
    return this.#nested.idle();
  }

  /** Asks for each name once more; all have to be served within so many ms. */
  async probe(within: number): Promise<void> {
    await Promise.all(ALL_NAMES.map((name) => this.#probe(name, now() + within)));
  }

  /** While connections come back, the store may be unavailable still: then again. */
  async #probe(name: string, until: number): Promise<void> {
    for (let wait = until - now(); wait > 0; wait = until - now()) {
      const options = { wait, ttl: 1_000 };
      const request = this.#requests.asked({ name, options }, { probe: true });
      const lock = await this.#granted(request, this.#serviceFor(name).acquire(name, options));
      await lock?.release();
      if (lock) return;
      await sleep(100);
    }
  }

  #operate(random: Random): Promise<void> {
    const wish = drawWish(random, this.#options.retains);
    return random.weighted<() => Promise<void>>([
      [40, () => this.#run(wish, (lock) => this.#holdAndCall(random, lock, wish))],
      [30, () => this.#acquire(random, wish)],
      [15, () => this.#try(random, wish)],
      [12, () => this.#abort(random, wish)],
      [1, () => this.#force(wish.name)],
    ])();
  }

  async #holdAndCall(random: Random, lock: WitnessedLock, wish: Wish): Promise<void> {
    await this.#nested.within(random, { lock, wish });
    await hold(random, lock);
  }

  #run(wish: Wish, body: (lock: WitnessedLock) => Promise<void>): Promise<void> {
    const { name, options } = wish;
    const call = (locked: LockedBody<void>) =>
      this.#serviceFor(name)
        .run(name, options, locked)
        .then(() => true);
    return this.#requests.run(wish, call, body);
  }

  async #acquire(random: Random, wish: Wish): Promise<void> {
    const request = this.#requests.asked(wish);
    await this.#use(random, request, this.#serviceFor(wish.name).acquire(wish.name, wish.options));
  }

  async #try(random: Random, { name, options }: Wish): Promise<void> {
    const { wait: _, ...rest } = options;
    const request = this.#requests.asked({ name, options: { ...options, wait: 0 } });
    const lock = await this.#serviceFor(name)
      .tryAcquire(name, rest)
      .catch((error: unknown) => this.#requests.refused(request, error));
    if (lock) await this.#use(random, request, Promise.resolve(lock));
    else if (lock === null) this.#requests.refused(request, { code: 'LOCK_BUSY' });
  }

  /** Gives up a wait after a while, if it is a wait by then. */
  async #abort(random: Random, { name, options }: Wish): Promise<void> {
    const request = this.#requests.asked({ name, options });
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), random.integer(0, 400));
    const { signal } = abort;
    await this.#use(random, request, this.#serviceFor(name).acquire(name, { ...options, signal }));
    clearTimeout(timer);
  }

  async #force(name: string): Promise<void> {
    const { worker, recorder } = this.#requests;
    recorder.record({ at: now(), kind: 'forcing', worker, name });
    const forced = (): void => recorder.record({ at: now(), kind: 'forced', worker, name });
    await this.#serviceFor(name)
      .forceRelease(name)
      // It may be on its way still.
      .then(forced, () => void setTimeout(forced, FORCE_TRAVELS_MS).unref());
  }

  async #use(random: Random, request: string, acquired: Promise<Lock>): Promise<void> {
    const lock = await this.#granted(request, acquired);
    if (!lock) return;
    await hold(random, lock);
    await lock.release();
    if (random.chance(0.2)) await lock.release();
  }

  async #granted(request: string, acquired: Promise<Lock>): Promise<WitnessedLock | undefined> {
    try {
      return this.#requests.witnessed(await acquired, request);
    } catch (error) {
      this.#requests.refused(request, error);
      return undefined;
    }
  }

  #serviceFor(name: string): LockService {
    const { usual, fifo } = this.#options.services;
    return name === NAMES.fifo ? fifo : usual;
  }
}

function drawWish(random: Random, retains: boolean): Wish {
  const name = random.pick([...NAMES.exclusive, NAMES.readers, NAMES.pool]);
  const wait = random.weighted([
    [2, 100],
    [3, 2_000],
    [5, LONG_WAIT_MS],
  ]);
  const options: Wish['options'] = { wait, ttl: random.integer(1_000, 2_000) };
  if (random.chance(0.05)) options.maxHold = random.integer(100, 2_000);
  if (random.chance(0.05)) options.renew = false;
  if (retains && random.chance(0.05)) options.holdAtLeast = random.integer(50, 400);
  Object.assign(options, drawMode(random, name));
  return { name, options };
}

function wishForFifo(random: Random): Wish {
  return { name: NAMES.fifo, options: { wait: PATIENT_WAIT_MS, ttl: random.integer(1_000, 2_000) } };
}
