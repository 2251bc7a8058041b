import { setTimeout as sleep } from 'node:timers/promises';
import type { LockedBody, LockService } from '../../../lib/index.js';
import type { Random } from '../random.js';
import { drawMode } from './draw-mode.js';
import { NAMES } from './orders.js';
import type { CallKind, Requests, Wish } from './requests.js';
import type { WitnessedLock } from './witnessed-lock.js';

/** A body that runs, and the lock that it has. */
export interface Frame {
  readonly lock: WitnessedLock;
  readonly wish: Wish;
}

const DEEPEST = 3;

/** What a body calls while it has its lock: nested calls, several at once, and some that it does not await. */
export class NestedCalls {
  readonly #requests: Requests;
  readonly #service: LockService;
  readonly #detached = new Set<Promise<void>>();

  constructor(requests: Requests, service: LockService) {
    this.#requests = requests;
    this.#service = service;
  }

  /** In most cases nothing. */
  async within(random: Random, frame: Frame, depth = 0): Promise<void> {
    if (depth >= DEEPEST) return;
    const call = (label: string): Promise<void> => this.#call(random.fork(label), frame, depth);
    const several = ['a', 'b', 'c'].slice(0, random.integer(2, 3));
    await random.weighted<() => unknown>([
      [depth === 0 ? 45 : 10, () => {}],
      [5, () => call('nested')],
      [4, () => Promise.all(several.map(call))],
      [3, () => this.#detach(random, call)],
      [2, () => Promise.all([this.#detach(random, call), call('beside')])],
    ])();
  }

  async idle(): Promise<void> {
    while (this.#detached.size > 0) await Promise.all(this.#detached);
  }

  /** Begins at once, or when the body may have ended. */
  #detach(random: Random, call: (label: string) => Promise<void>): void {
    const ms = random.chance(0.5) ? 0 : random.integer(1, 150);
    const detached = (ms === 0 ? call('detached') : sleep(ms).then(() => call('detached'))).finally(() =>
      this.#detached.delete(detached),
    );
    this.#detached.add(detached);
  }

  #call(random: Random, frame: Frame, depth: number): Promise<void> {
    const wish = drawWish(random, frame);
    const kind = { parent: frame.lock.request };
    return random.weighted<() => Promise<void>>([
      [6, () => this.#run(random, wish, kind, depth)],
      [2, () => this.#tryRun(random, wish, kind, depth)],
      [1, () => this.#acquire(random, wish, kind)],
    ])();
  }

  #run(random: Random, wish: Wish, kind: CallKind, depth: number): Promise<void> {
    const call = (body: LockedBody<void>) => this.#service.run(wish.name, wish.options, body).then(() => true);
    return this.#requests.run(wish, call, (lock) => this.#body(random, { lock, wish }, depth), kind);
  }

  #tryRun(random: Random, { name, options }: Wish, kind: CallKind, depth: number): Promise<void> {
    const { wait: _, ...rest } = options;
    const wish = { name, options: { ...rest, wait: 0 } };
    const call = async (body: LockedBody<void>) => (await this.#service.tryRun(name, rest, body)).acquired;
    return this.#requests.run(wish, call, (lock) => this.#body(random, { lock, wish }, depth), kind);
  }

  /** Never shares what the chain holds. */
  async #acquire(random: Random, { name, options }: Wish, kind: CallKind): Promise<void> {
    const { reentrant: _, ...rest } = options;
    const request = this.#requests.asked({ name, options: rest }, kind);
    const acquired = await this.#service.acquire(name, rest).catch((error: unknown) => {
      this.#requests.refused(request, error);
    });
    if (!acquired) return;
    const lock = this.#requests.witnessed(acquired, request);
    await this.#use(random, lock);
    await lock.release();
  }

  async #body(random: Random, frame: Frame, depth: number): Promise<void> {
    await this.#use(random, frame.lock);
    await this.within(random, frame, depth + 1);
    await frame.lock.write();
  }

  async #use(random: Random, lock: WitnessedLock): Promise<void> {
    await lock.write();
    await sleep(random.integer(0, 30));
    await lock.write();
  }
}

/** Mostly for the same lock; with what the frame has, so that it may share it. */
function drawWish(random: Random, { wish }: Frame): Wish {
  // Not given it is false.
  const shares = random.chance(0.6) && { reentrant: true };
  const wait = shares ? 2_000 : random.integer(0, 400);
  if (random.chance(0.3)) {
    const name = random.pick([...NAMES.exclusive, NAMES.readers, NAMES.pool].filter((each) => each !== wish.name));
    // Further out it may be held with other permits, so that it cannot be shared.
    return { name, options: { wait: 400, ...drawMode(random, name) } };
  }
  const { mode, permits } = wish.options;
  const same = mode && { mode, ...(permits !== undefined && { permits }) };
  return { name: wish.name, options: { wait, ...shares, ...(random.chance(0.9) ? same : {}) } };
}
