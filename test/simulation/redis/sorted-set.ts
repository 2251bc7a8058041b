/** Members by their scores, and those of one score by their names. */
export class SortedSet {
  readonly #scores = new Map<string, number>();
  #sorted: [member: string, score: number][] | undefined;

  constructor(entries: Iterable<readonly [string, number]> = []) {
    for (const [member, score] of entries) this.#scores.set(member, score);
  }

  get size(): number {
    return this.#scores.size;
  }

  score(member: string): number | undefined {
    return this.#scores.get(member);
  }

  set(member: string, score: number): void {
    this.#scores.set(member, score);
    this.#sorted = undefined;
  }

  delete(member: string): boolean {
    if (!this.#scores.delete(member)) return false;
    this.#sorted = undefined;
    return true;
  }

  /** In order. */
  get all(): readonly (readonly [member: string, score: number])[] {
    this.#sorted ??= [...this.#scores].sort(([a, one], [b, other]) => one - other || (a < b ? -1 : 1));
    return this.#sorted;
  }

  copy(): SortedSet {
    return new SortedSet(this.#scores);
  }
}
