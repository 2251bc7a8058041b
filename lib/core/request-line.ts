import type { Request } from './request.js';

/** Requests in the order in which they came. Whoever leaves from the middle costs no more than the first. */
export class RequestLine {
  first: Request | undefined;
  #last: Request | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(request: Request): void {
    request.before = this.#last;
    if (this.#last) this.#last.behind = request;
    else this.first = request;
    this.#last = request;
    this.#size += 1;
  }

  /** `request` stands here. */
  remove(request: Request): void {
    const { before, behind } = request;
    if (before) before.behind = behind;
    else this.first = behind;
    if (behind) behind.before = before;
    else this.#last = before;
    request.before = undefined;
    request.behind = undefined;
    this.#size -= 1;
  }

  /** Everybody who stands here now, also when they leave meanwhile. */
  all(): Request[] {
    const requests: Request[] = [];
    for (let request = this.first; request; request = request.behind) requests.push(request);
    return requests;
  }
}
