#!/usr/bin/env node
import { createInterface } from 'node:readline/promises';
import { run } from './run.js';

const { stdin, stdout, stderr, env } = process;

const terminal = {
  out: (text: string): void => void stdout.write(text),
  err: (text: string): void => void stderr.write(text),
  isTerminal: stdout.isTTY === true,
  isColored: stdout.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb',
  columns: (): number => stdout.columns ?? 80,
  async confirm(question: string): Promise<boolean | undefined> {
    if (!stdin.isTTY) return undefined;
    const lines = createInterface({ input: stdin, output: stderr });
    const answer = await lines.question(`${question} [y/N] `);
    lines.close();
    return /^y(es)?$/i.test(answer.trim());
  },
  untilInterrupted: new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve());
    // A reader that has seen enough, such as `head`, closes the pipe.
    stdout.on('error', () => resolve());
  }),
};

void run(process.argv.slice(2), env, terminal).then((code) => {
  process.exitCode = code;
});
