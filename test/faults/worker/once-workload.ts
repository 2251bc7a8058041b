import { setTimeout as sleep } from 'node:timers/promises';
import type { LockedBody, LockService } from '../../../lib/index.js';
import { type Moment, now, type Outcome } from '../history/event.js';
import type { Random } from '../random.js';
import { hold } from './body.js';
import { elementName } from './orders.js';
import { type CallKind, codeOf, type Requests, type Wish } from './requests.js';
import type { WitnessedLock } from './witnessed-lock.js';

export interface OnceWorkloadOptions {
  readonly requests: Requests;
  readonly service: LockService;
  readonly epoch: Moment;
  readonly retains: boolean;
}

/** A new element comes up so often; all workers know of it at once. */
const EVERY_MS = 500;
/** A mark ends before the history only when it is lost: no clock is set so far. */
const REMEMBER = '24h';
const LATELY = 8;

/** Elements that have to be processed once, for which all workers compete, and which come again later. */
export class OnceWorkload {
  readonly #options: OnceWorkloadOptions;

  constructor(options: OnceWorkloadOptions) {
    this.#options = options;
  }

  async loop(random: Random, ended: () => boolean): Promise<void> {
    while (!ended()) {
      const [index, wait] = [this.#draw(random), drawWait(random)];
      await (random.chance(0.08) ? this.#processTogether(random, index, wait) : this.#process(random, index, wait));
      await sleep(random.integer(0, 60));
    }
  }

  /** All that have come up, once more: what was marked has to be known still. */
  async sweep(random: Random, within: number): Promise<void> {
    const [until, count] = [now() + within, this.#newest + 1];
    const first = random.integer(0, count - 1);
    for (let index = 0; index < count && now() < until; index += 1) {
      await this.#process(random, (first + index) % count, 0);
    }
  }

  get #newest(): number {
    return Math.floor((now() - this.#options.epoch) / EVERY_MS);
  }

  #draw(random: Random): number {
    const newest = this.#newest;
    return random.weighted<() => number>([
      [6, () => newest],
      [3, () => Math.max(0, newest - random.integer(0, LATELY))],
      [1, () => random.integer(0, newest)],
    ])();
  }

  async #process(random: Random, index: number, wait: number): Promise<void> {
    const options = { wait, ttl: random.integer(1_000, 2_000), ...drawTerms(random, this.#options.retains) };
    await this.#once(random, { name: elementName(index), options }, { once: true });
  }

  /** Twice side by side, inside a lock of that name, which both may share. */
  async #processTogether(random: Random, index: number, wait: number): Promise<void> {
    const { requests, service } = this.#options;
    const name = elementName(index);
    const outer = { name, options: { wait, ttl: random.integer(1_000, 2_000) } };
    const call = (body: LockedBody<void>) => service.run(name, outer.options, body).then(() => true);
    const inner = { name, options: { wait: 3_000, reentrant: true } };
    await requests.run(outer, call, async ({ request: parent }) => {
      const both = ['a', 'b'].map((label) => this.#once(random.fork(label), inner, { once: true, parent }));
      await Promise.all(both);
    });
  }

  async #once(random: Random, wish: Wish, kind: CallKind): Promise<void> {
    const { requests, service } = this.#options;
    const { name, options } = wish;
    const request = requests.asked(wish, kind);
    let witnessed: WitnessedLock | undefined;
    try {
      const { status } = await service.once(name, { ...options, remember: REMEMBER }, async (lock) => {
        witnessed = requests.witnessed(lock, request);
        await this.#body(random, request, witnessed);
      });
      this.#answered(request, witnessed, { status });
    } catch (error) {
      const { why, problem } = error as { why?: string; problem?: string };
      this.#answered(request, witnessed, { status: 'failed', code: codeOf(error), ...(why && { why }) }, problem);
    }
  }

  async #body(random: Random, request: string, lock: WitnessedLock): Promise<void> {
    await hold(random, lock);
    const throws = random.chance(0.15);
    lock.releasing();
    this.#options.requests.recorder.record({ at: now(), kind: throws ? 'threw' : 'ended', request });
    if (throws) throw Object.assign(new Error('thrown on purpose'), { code: 'THROWN' });
  }

  #answered(
    request: string,
    lock: WitnessedLock | undefined,
    outcome: Pick<Outcome, 'status' | 'code' | 'why'>,
    problem?: string,
  ): void {
    const { requests } = this.#options;
    requests.recorder.record({ at: now(), kind: 'outcome', request, ...outcome });
    const { status, code = status } = outcome;
    if (!lock) requests.refused(request, { code, problem });
    else if (status === 'ran') lock.released(true);
    else if (code === 'LOCK_LOST') lock.released(false);
  }
}

function drawWait(random: Random): number {
  return random.weighted([
    [4, 0],
    [3, 500],
    [3, 3_000],
  ]);
}

function drawTerms(random: Random, retains: boolean): { maxHold?: number; renew?: false; holdAtLeast?: number } {
  const drawn = random.next();
  if (drawn < 0.05) return { maxHold: random.integer(100, 2_000) };
  if (drawn < 0.1) return { renew: false };
  return retains && drawn < 0.15 ? { holdAtLeast: random.integer(50, 400) } : {};
}
