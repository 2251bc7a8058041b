import type { Chapter } from './harness.js';

export function namesChapter({ promise, expect }: Chapter): void {
  promise('the names that are held or waited for are listed, with their prefix', async ({ here, there, name }) => {
    const names = ['a', 'b', 'c{}', 'd%7B?*[x]\\', 'e\n', 'f\u{1F512}'].map((end) => `${name}[*?]:${end}`);
    for (const each of names) await here.exclusive(each).take();
    await there.exclusive(names[0] as string).queue();
    await there.shared(`${name}[*?]:shared`).take();
    await there.exclusive(`${name}x?]:`).take();
    expect(await there.extras.names(`${name}[*?]:`)).toEqual([...names, `${name}[*?]:shared`].sort());
  });

  promise('what is neither held nor waited for is not listed', async ({ here, name }) => {
    const [holder, other] = [here.exclusive(name), here.exclusive(`${name}:other`)];
    await holder.take();
    await other.take();
    await holder.release();
    expect(await here.extras.names(name)).toEqual([`${name}:other`]);
    expect(await here.extras.names(`${name}:others`)).toEqual([]);
  });
}
