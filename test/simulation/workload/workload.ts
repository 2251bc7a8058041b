import type { Lock, LockService } from '../../../lib/index.js';
import type { Random } from '../../faults/random.js';
import { elementName, NAMES } from '../../faults/worker/orders.js';
import { Body } from './body.js';
import { type Calls, codeOf, sleep, type Wish, type Witness, type WitnessedLock } from './calls.js';
import { Candidate } from './candidate.js';
import { drawTerms, drawWish, LONG_WAIT_MS } from './draw.js';

export interface Scene {
  readonly calls: Calls;
  readonly witness: Witness;
  /** Hands over inside the process as by default, and never. */
  readonly services: { readonly usual: LockService; readonly fifo: LockService };
  readonly retains: boolean;
  /** When the run began: elements come up from then on. */
  readonly epoch: number;
}

/** Where a call is made from. */
export interface Frame {
  readonly lock: WitnessedLock;
  readonly depth: number;
}

const FORCE_TRAVELS_MS = 5_000;
/** A new element comes up so often. */
const EVERY_MS = 1_500;
const LATELY = 4;
const REMEMBER = '24h';

/** What one process does with its locks: drawn at random, and all of it recorded. */
export class Workload {
  readonly scene: Scene;
  readonly #body: Body;
  #candidate: Candidate | undefined;
  /** What runs on although nobody awaits it. */
  readonly #detached = new Set<Promise<unknown>>();

  constructor(scene: Scene) {
    this.scene = scene;
    this.#body = new Body(this);
  }

  operate(random: Random): Promise<void> {
    const { usual } = this.scene.services;
    const wish = drawWish(random, this.scene.retains);
    return random.weighted<() => Promise<void>>([
      [38, () => this.run(random, wish)],
      [22, () => this.#acquire(random, wish)],
      [10, () => this.#try(random, wish)],
      [8, () => this.#tryRun(random, wish)],
      [10, () => this.#abort(random, wish)],
      [5, () => this.#several(random, wish)],
      [2, () => this.force(wish.name)],
      [2, () => this.#aside(usual.requestRelease(wish.name))],
      [2, () => this.#aside(usual.inspect(wish.name))],
    ])();
  }

  async fifo(random: Random): Promise<void> {
    const wish = { name: NAMES.fifo, options: { wait: LONG_WAIT_MS, ttl: random.integer(1_000, 2_000) } };
    const request = this.scene.calls.asked(wish);
    await this.#use(random, request, wish.name, this.scene.services.fifo.acquire(wish.name, wish.options));
  }

  once(random: Random): Promise<void> {
    const newest = this.#newest;
    const index = random.weighted<() => number>([
      [6, () => newest],
      [3, () => Math.max(0, newest - random.integer(0, LATELY))],
      [1, () => random.integer(0, newest)],
    ])();
    const wait = random.weighted([
      [4, 0],
      [3, 500],
      [3, 3_000],
    ]);
    return this.process(random, elementName(index), wait);
  }

  /** Stands for election, leads for a while if it is elected, and resigns. */
  elect(random: Random): Promise<void> {
    this.#candidate = new Candidate(this.scene, random);
    return this.#candidate.stand();
  }

  /** The services have closed. */
  closed(): void {
    this.#candidate?.left();
  }

  async run(random: Random, { name, options }: Wish, frame?: Frame): Promise<void> {
    const { calls, services } = this.scene;
    const request = calls.asked({ name, options }, kindOf(frame, options.reentrant));
    let witnessed: WitnessedLock | undefined;
    try {
      await services.usual.run(name, options, async (lock) => {
        witnessed = calls.witnessed(lock, request, name);
        await this.#underLock(random, witnessed, frame);
        witnessed.releasing();
        if (random.chance(0.05)) throw thrown();
      });
      witnessed?.released(true);
    } catch (error) {
      this.#failed(request, witnessed, error);
    }
  }

  /** One element, by `once`; a `plain` body calls nothing. */
  async process(random: Random, name: string, wait: number, frame?: Frame, plain = false): Promise<void> {
    const { calls, witness, services, retains } = this.scene;
    const options = { wait, ttl: random.integer(1_000, 2_000), ...drawTerms(random, retains) };
    const request = calls.asked({ name, options }, { once: true, ...kindOf(frame) });
    let witnessed: WitnessedLock | undefined;
    let outcome: { status: 'ran' | 'done' | 'busy' | 'failed'; code?: string; why?: string };
    try {
      const { status } = await services.usual.once(name, { ...options, remember: REMEMBER }, async (lock) => {
        witnessed = calls.witnessed(lock, request, name);
        await this.#underLock(random, witnessed, plain ? { depth: Number.POSITIVE_INFINITY } : frame);
        const throws = random.chance(0.15);
        witnessed.releasing();
        witness.chronicle.record({ kind: throws ? 'threw' : 'ended', request });
        if (throws) throw thrown();
      });
      outcome = { status };
    } catch (error) {
      const { why } = error as { why?: string };
      outcome = { status: 'failed', code: codeOf(error), ...(why && { why }) };
    }
    witness.chronicle.record({ kind: 'outcome', request, ...outcome });
    const { status, code = status } = outcome;
    if (!witnessed) calls.refused(request, { code });
    else if (status === 'ran') witnessed.released(true);
    else if (code === 'LOCK_LOST') witnessed.released(false);
  }

  /** The name once more, within so many ms; while connections come back, the store may be unavailable still. */
  async probe(name: string, within: number): Promise<void> {
    const { calls, witness, services } = this.scene;
    const until = witness.chronicle.now + within;
    const service = name === NAMES.fifo ? services.fifo : services.usual;
    for (let wait = within; wait > 0; wait = Math.floor(until - witness.chronicle.now)) {
      const options = { wait, ttl: 1_000 };
      const request = calls.asked({ name, options }, { probe: true });
      const lock = await this.#granted(request, name, service.acquire(name, options));
      await lock?.release();
      if (lock) return;
      await sleep(witness.process, 100);
    }
  }

  /** All elements that have come up, once more: what was marked has to be known still. */
  async sweep(random: Random, within: number): Promise<void> {
    const { chronicle } = this.scene.witness;
    const until = chronicle.now + within;
    for (let index = 0; index <= this.#newest && chronicle.now < until; index += 1) {
      await this.process(random, elementName(index), 0, undefined, true);
    }
  }

  /** As an operator does. */
  async force(name: string): Promise<void> {
    const { process, chronicle } = this.scene.witness;
    const worker = process.name;
    chronicle.record({ kind: 'forcing', worker, name });
    const forced = (): void => chronicle.record({ kind: 'forced', worker, name });
    // It may be on its way still when it fails.
    const later = (): void => void process.scheduler.in(FORCE_TRAVELS_MS, forced);
    await this.scene.services.usual.forceRelease(name).then(forced, later);
  }

  detach(promise: Promise<unknown>): void {
    const settled = promise.finally(() => this.#detached.delete(settled));
    this.#detached.add(settled);
  }

  async settled(): Promise<void> {
    while (this.#detached.size > 0) await Promise.all(this.#detached);
  }

  get #newest(): number {
    return Math.floor((this.scene.witness.chronicle.now - this.scene.epoch) / EVERY_MS);
  }

  #underLock(random: Random, lock: WitnessedLock, frame: Pick<Frame, 'depth'> | undefined): Promise<void> {
    this.#body.begins(lock);
    return this.#body.run(random, lock, frame?.depth ?? 0);
  }

  #failed(request: string, witnessed: WitnessedLock | undefined, error: unknown): void {
    const code = codeOf(error);
    if (!witnessed) this.scene.calls.refused(request, error);
    else if (code === 'LOCK_LOST') witnessed.released(false);
    else if (code !== 'THROWN') this.scene.witness.process.crashed(error);
  }

  async #acquire(random: Random, wish: Wish): Promise<void> {
    const request = this.scene.calls.asked(wish);
    await this.#use(random, request, wish.name, this.scene.services.usual.acquire(wish.name, wish.options));
  }

  async #try(random: Random, { name, options: { wait: _, ...options } }: Wish): Promise<void> {
    const { calls, services } = this.scene;
    const request = calls.asked({ name, options: { ...options, wait: 0 } });
    try {
      const lock = await services.usual.tryAcquire(name, options);
      if (lock) await this.#use(random, request, name, Promise.resolve(lock));
      else calls.refused(request, { code: 'LOCK_BUSY' });
    } catch (error) {
      calls.refused(request, error);
    }
  }

  async #tryRun(random: Random, { name, options: { wait: _, ...options } }: Wish): Promise<void> {
    const { calls, services } = this.scene;
    const request = calls.asked({ name, options: { ...options, wait: 0 } });
    let witnessed: WitnessedLock | undefined;
    try {
      const { acquired } = await services.usual.tryRun(name, options, async (lock) => {
        witnessed = calls.witnessed(lock, request, name);
        await this.#underLock(random, witnessed, undefined);
        witnessed.releasing();
      });
      if (acquired) witnessed?.released(true);
      else calls.refused(request, { code: 'LOCK_BUSY' });
    } catch (error) {
      this.#failed(request, witnessed, error);
    }
  }

  /** Gives up a wait after a while, if it is a wait by then. */
  async #abort(random: Random, wish: Wish): Promise<void> {
    const { name, options } = wish;
    const { calls, services, witness } = this.scene;
    const request = calls.asked(wish);
    const abort = new AbortController();
    const timer = witness.process.setTimer(() => abort.abort(), random.integer(1, 400));
    const { signal } = abort;
    await this.#use(random, request, name, services.usual.acquire(name, { ...options, signal }));
    timer.cancel();
  }

  /** Two names in one call, each of which is a request of its own. */
  async #several(random: Random, { options: { wait } }: Wish): Promise<void> {
    const { calls, services, witness } = this.scene;
    const names = [...NAMES.exclusive];
    const options = { wait, ttl: random.integer(1_000, 2_000) };
    const requests = names.map((name) => calls.asked({ name, options }));
    try {
      const lock = await services.usual.acquire(names, options);
      const parts = names.map((name, i) => calls.witnessed(lock, requests[i] as string, name));
      await Promise.all(parts.map((part) => part.write()));
      await sleep(witness.process, random.integer(3, 200));
      await Promise.all(parts.map((part) => part.write()));
      for (const part of parts) part.releasing();
      const answer = await lock.release().catch(() => null);
      // It says whether all were held.
      if (answer === true) for (const part of parts) part.released(answer);
    } catch (error) {
      for (const request of requests) calls.refused(request, error);
    }
  }

  async #aside(call: Promise<unknown>): Promise<void> {
    await call.catch((error: unknown) => {
      if (!/^LOCK_/.test(codeOf(error))) this.scene.witness.process.crashed(error);
    });
  }

  async #use(random: Random, request: string, name: string, acquired: Promise<Lock>): Promise<void> {
    const lock = await this.#granted(request, name, acquired);
    if (!lock) return;
    await this.#body.run(random, lock, Number.POSITIVE_INFINITY);
    await lock.release();
    if (random.chance(0.2)) await lock.release();
  }

  async #granted(request: string, name: string, acquired: Promise<Lock>): Promise<WitnessedLock | undefined> {
    try {
      return this.scene.calls.witnessed(await acquired, request, name);
    } catch (error) {
      this.scene.calls.refused(request, error);
      return undefined;
    }
  }
}

function kindOf(frame: Frame | undefined, reentrant = false): { parent?: string; reentrant?: boolean } {
  return frame ? { parent: frame.lock.request, reentrant } : {};
}

function thrown(): Error {
  return Object.assign(new Error('thrown on purpose'), { code: 'THROWN' });
}
