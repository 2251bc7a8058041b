import { type HandOverBounds, LocalQueue, type LocalQueueKeeper } from './local-queue.js';
import type { Request } from './request.js';
import type { Session } from './session.js';

/** All the queues of one process; one exists only while somebody needs it. */
export class LocalQueues implements LocalQueueKeeper {
  readonly #session: Session;
  readonly #bounds: HandOverBounds;
  readonly #queues = new Map<string, LocalQueue>();
  readonly #requests = new Set<Request>();

  constructor(session: Session, bounds: HandOverBounds) {
    this.#session = session;
    this.#bounds = bounds;
  }

  /** Ends every wait with a fresh error. */
  failAll(error: (name: string) => Error): void {
    for (const request of this.#requests) request.fail(error(request.name));
  }

  settled(request: Request): void {
    this.#requests.delete(request);
  }

  /** Puts the request where it will be served. */
  enter(request: Request): void {
    const { name, options, wait } = request;
    this.#requests.add(request);
    request.book = this;
    const lease = this.#session.exclusiveLease(name);
    // Whoever was told just now that the lease is lost may have aborted this very request.
    if (request.settled) return;
    const queue = this.#queues.get(name);
    if (wait === 0 && (lease || (queue?.waiting && options.permits === 0))) {
      const holders = lease ? [this.#session.label] : [];
      request.refuse({ holders, retryAfter: lease?.remaining() ?? 0, trouble: undefined });
    } else if (options.permits === 0 && wait > 0 && this.#bounds.max > 0) (queue ?? this.#open(name)).join(request);
    else new LocalQueue(name, this.#session, this.#bounds).join(request);
  }

  emptied(queue: LocalQueue): void {
    if (this.#queues.get(queue.name) === queue) this.#queues.delete(queue.name);
  }

  #open(name: string): LocalQueue {
    const queue = new LocalQueue(name, this.#session, this.#bounds, this);
    this.#queues.set(name, queue);
    return queue;
  }
}
