import type { Chapter } from './harness.js';

/** For a process that lives, whatever the machine does meanwhile. */
const LONG_MS = 10_000;
/** For one that does not answer. */
const SHORT_MS = 100;

export function askChapter({ promise, expect }: Chapter): void {
  promise('a question reaches the processes that it is for, and has their answers', async ({ here, there }) => {
    there.answer = (question) => `${question}, says there`;
    here.answer = (question) => `${question}, says here`;
    expect([...(await here.extras.ask([there.instance], 'who?', LONG_MS))]).toEqual([
      [there.instance, 'who?, says there'],
    ]);
    const both = await here.extras.ask([there.instance, here.instance], 'who?', LONG_MS);
    expect(both.size).toBe(2);
    expect(both.get(here.instance)).toBe('who?, says here');
  });

  promise('a question and its answer may be any text', async ({ here, there }) => {
    const text = '{"names":["a b","#1","%20","ключ","\\n"]}\n\u0000🔒';
    there.answer = (question) => question + question;
    expect((await here.extras.ask([there.instance], text, LONG_MS)).get(there.instance)).toBe(text + text);
  });

  promise('a question to nobody, or to a process that does not answer, has no answer', async ({ here, there }) => {
    expect((await here.extras.ask([], 'who?', LONG_MS)).size).toBe(0);
    there.answer = undefined;
    expect((await here.extras.ask([there.instance, 'nobody'], 'who?', SHORT_MS)).size).toBe(0);
  });
}
