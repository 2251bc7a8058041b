import { openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { HistoryEvent } from './event.js';

const SUFFIX = '.jsonl';

/** Writes one process's part of a history. What was recorded survives a SIGKILL that comes right after. */
export class Recorder {
  readonly #file: number;

  constructor(directory: string, process: string) {
    this.#file = openSync(join(directory, process + SUFFIX), 'a');
  }

  record(event: HistoryEvent): void {
    writeSync(this.#file, `${JSON.stringify(event)}\n`);
  }
}

/** What all processes recorded, in the order of time. */
export function readHistory(directory: string): HistoryEvent[] {
  const files = readdirSync(directory).filter((file) => file.endsWith(SUFFIX));
  const events = files.flatMap((file) => readFileSync(join(directory, file), 'utf8').split('\n').flatMap(readLine));
  return events.sort((a, b) => a.at - b.at);
}

/** A killed process may have left half a line. */
function readLine(line: string): HistoryEvent[] {
  try {
    return [JSON.parse(line) as HistoryEvent];
  } catch {
    return [];
  }
}
