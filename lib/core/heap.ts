/** Numbers, of which the least is at hand: a binary heap in an array. */
export class Heap {
  #numbers: number[] = [];

  get size(): number {
    return this.#numbers.length;
  }

  get least(): number | undefined {
    return this.#numbers[0];
  }

  add(number: number): void {
    const numbers = this.#numbers;
    let at = numbers.push(number) - 1;
    for (; at > 0; ) {
      const above = (at - 1) >> 1;
      if ((numbers[above] as number) <= number) break;
      numbers[at] = numbers[above] as number;
      at = above;
    }
    numbers[at] = number;
  }

  removeLeast(): void {
    const numbers = this.#numbers;
    const last = numbers.pop();
    if (last === undefined || numbers.length === 0) return;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= numbers.length) break;
      const right = left + 1;
      const below = right < numbers.length && (numbers[right] as number) < (numbers[left] as number) ? right : left;
      if ((numbers[below] as number) >= last) break;
      numbers[at] = numbers[below] as number;
      at = below;
    }
    numbers[at] = last;
  }

  /** Holds just these from now on. */
  reset(numbers: Iterable<number>): void {
    // An array in order is a heap.
    this.#numbers = [...numbers].sort((a, b) => a - b);
  }
}
