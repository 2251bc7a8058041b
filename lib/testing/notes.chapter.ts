import { randomUUID } from 'node:crypto';
import type { Chapter } from './harness.js';

export function notesChapter({ promise, expect }: Chapter): void {
  promise('notes of all processes are kept, the oldest first, as they were written', async ({ here, there }) => {
    const run = randomUUID();
    const texts = ['first', '{"a b":"#1\\n%"}', 'ключ 🔒\u0000'].map((text) => `${run} ${text}`);
    await here.extras.note([texts[0] as string], 1_000);
    await there.extras.note(texts.slice(1), 1_000);
    const found = (await here.extras.notes(0)).filter(({ text }) => text.startsWith(run));
    expect(found.map(({ text }) => text).sort()).toEqual([...texts].sort());
    expect(found[0]?.text).toBe(texts[0]);
    expect(found.every(({ at }) => Math.abs(at - Date.now()) < 3_600_000)).toBe(true);
  });

  promise('only the last ones are kept, and only those since a time are told', async ({ here, there }) => {
    const run = randomUUID();
    for (let count = 0; count < 5; count += 1) await here.extras.note([`${run} ${count}`], 3);
    const kept = await there.extras.notes(0);
    expect(kept.length).toBe(3);
    expect(kept.map(({ text }) => text)).toEqual([2, 3, 4].map((count) => `${run} ${count}`));
    const last = kept.at(-1)?.at as number;
    expect((await there.extras.notes(last + 1)).length).toBe(0);
    expect((await there.extras.notes(last)).at(-1)?.text).toBe(`${run} 4`);
  });
}
