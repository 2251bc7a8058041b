/** What can stand in a `Line`: it knows its neighbours. The line's own notes. */
export interface Linked<T> {
  before: T | undefined;
  behind: T | undefined;
}

/** A doubly linked list of items in the order in which they came. Whoever leaves from the middle costs no more than the first. */
export class Line<T extends Linked<T>> {
  first: T | undefined;
  #last: T | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(item: T): void {
    item.before = this.#last;
    if (this.#last) this.#last.behind = item;
    else this.first = item;
    this.#last = item;
    this.#size += 1;
  }

  /** Does nothing to an item that stands nowhere; one that stands in another line is not for this one to remove. */
  remove(item: T): void {
    const { before, behind } = item;
    if (!before && this.first !== item) return;
    if (before) before.behind = behind;
    else this.first = behind;
    if (behind) behind.before = before;
    else this.#last = before;
    item.before = undefined;
    item.behind = undefined;
    this.#size -= 1;
  }

  /** Everybody who stands here now, also when they leave meanwhile. */
  all(): T[] {
    const items: T[] = [];
    for (let item = this.first; item; item = item.behind) items.push(item);
    return items;
  }
}
