// Rule 7: every key has a ttl, none is left at the end but fences and marks, and no process stays.
import type { HistoryEvent, KeySeen, WorkerEvent } from '../history/event.js';
import type { History, Violation } from './model.js';

const RULE = '7 nothing stays';

export function checkLeftovers({ events }: History): Violation[] {
  return events.flatMap((event) => {
    const text = textFor(event);
    return text === undefined ? [] : [{ rule: RULE, text, about: [] }];
  });
}

function textFor(event: HistoryEvent): string | undefined {
  switch (event.kind) {
    case 'key':
      return textForKey(event);
    case 'closed':
    case 'hung':
    case 'crashed':
      return textForWorker(event);
    default:
      return undefined;
  }
}

function textForKey({ key, ttl, phase }: KeySeen): string {
  return phase === 'use' ? `the key ${key} has no ttl` : `the key ${key} is left, for ${ttl} ms more`;
}

function textForWorker({ kind, worker, resources = [], note }: WorkerEvent): string | undefined {
  if (kind === 'hung') return `${worker} did not end after close()`;
  if (kind === 'crashed') return `${worker} ${note}`;
  return resources.length === 0 ? undefined : `${worker} has left after close(): ${resources.join(', ')}`;
}
