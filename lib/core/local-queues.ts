import { Line } from './line.js';
import { type HandOverBounds, LocalQueue, type LocalQueueKeeper } from './local-queue.js';
import { Registry } from './registry.js';
import type { Request } from './request.js';
import type { Session } from './session.js';

/** All the queues of one process; one exists only while somebody needs it. */
export class LocalQueues implements LocalQueueKeeper {
  readonly #session: Session;
  readonly #bounds: HandOverBounds;
  /** All of them. */
  readonly #line = new Line<LocalQueue>();
  /** Those that further callers may join. */
  readonly #open = new Registry<string, LocalQueue>();

  constructor(session: Session, bounds: HandOverBounds) {
    this.#session = session;
    this.#bounds = bounds;
  }

  /** Whether a caller waits in one of them. */
  get waiting(): boolean {
    return this.#line.all().some(({ waiting }) => waiting);
  }

  /** Ends every wait with a fresh error. */
  failAll(error: (name: string) => Error): void {
    for (const queue of this.#line.all()) queue.failAll(error);
  }

  /** Puts the request where it will be served. */
  enter(request: Request): void {
    const { name, options, wait, stealsAfter } = request;
    const lease = this.#session.exclusiveLease(name);
    // Whoever was told just now that the lease is lost may have aborted this very request.
    if (request.settled) return;
    const queue = this.#open.get(name);
    if (wait === 0 && stealsAfter === undefined && (lease || (queue?.knownBusy && options.permits === 0))) {
      const holders = lease ? [this.#session.label] : [];
      request.refuse({ holders, retryAfter: lease?.remaining() ?? 0, trouble: undefined });
      return;
    }
    const joins = options.permits === 0 && wait > 0 && this.#bounds.max > 0 && !options.standalone;
    const place = (joins && queue) || this.#add(name, joins);
    place.join(request, joins ? lease : undefined);
  }

  emptied(queue: LocalQueue): void {
    this.#line.remove(queue);
    this.#open.delete(queue.name, queue);
  }

  #add(name: string, open: boolean): LocalQueue {
    const queue = new LocalQueue(name, this.#session, this.#bounds, this);
    this.#line.add(queue);
    if (open) this.#open.set(name, queue);
    return queue;
  }
}
