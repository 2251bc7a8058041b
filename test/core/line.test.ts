import { describe, expect, it } from 'vitest';
import { Line, type Linked } from '../../lib/core/line.js';

class Item implements Linked<Item> {
  before: Item | undefined;
  behind: Item | undefined;
  constructor(readonly name: string) {}
}

function lineOf(...names: string[]): { line: Line<Item>; items: Item[] } {
  const line = new Line<Item>();
  const items = names.map((name) => new Item(name));
  for (const item of items) line.add(item);
  return { line, items };
}

const namesIn = (line: Line<Item>): string[] => line.all().map(({ name }) => name);

describe('A line', () => {
  it('keeps the order in which its items came', () => {
    const { line } = lineOf('a', 'b', 'c');
    expect(namesIn(line)).toEqual(['a', 'b', 'c']);
    expect([line.first?.name, line.size]).toEqual(['a', 3]);
  });

  it.each([
    [0, ['b', 'c', 'd']],
    [1, ['a', 'c', 'd']],
    [2, ['a', 'b', 'd']],
  ])('lets item %i leave, and closes up', (index, left) => {
    const { line, items } = lineOf('a', 'b', 'c');
    line.remove(items[index] as Item);
    line.add(new Item('d'));
    expect(namesIn(line)).toEqual(left);
    expect([line.first?.name, line.size]).toEqual([left[0], 3]);
  });

  it('forgets nobody and counts right when an item leaves twice', () => {
    const { line, items } = lineOf('a', 'b');
    line.remove(items[1] as Item);
    line.remove(items[1] as Item);
    line.remove(new Item('stranger'));
    expect([namesIn(line), line.size]).toEqual([['a'], 1]);
  });

  it('is empty when all have left, and can be used again', () => {
    const { line, items } = lineOf('a', 'b');
    for (const item of items) line.remove(item);
    expect([line.first, line.size, line.all()]).toEqual([undefined, 0, []]);
    line.add(items[1] as Item);
    expect(namesIn(line)).toEqual(['b']);
  });
});
