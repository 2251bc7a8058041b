import type { Violation } from '../faults/checker/model.js';
import type { HistoryEvent } from '../faults/history/event.js';
import type { RunResult } from './run.js';

/** So many violations of a run are shown, and so many events of each. */
const SHOWN = 3;
const EVENTS = 60;

/** What a run broke, and the events that show it. */
export function describe({ seed, topology, events, violations, steps }: RunResult): string {
  const shown = violations.slice(0, SHOWN).map((violation) => describeViolation(violation, events));
  const more = violations.length > SHOWN ? [`  and ${violations.length - SHOWN} more`] : [];
  return [`seed ${seed} (${topology}, ${steps} steps): ${violations.length} violations`, ...shown, ...more].join('\n');
}

function describeViolation({ rule, text, about }: Violation, events: readonly HistoryEvent[]): string {
  const related = events.filter((event) => 'request' in event && about.includes(event.request));
  const [first, last] = [related[0]?.at ?? 0, related.at(-1)?.at ?? Number.POSITIVE_INFINITY];
  const around = events.filter((event) => isAround(event, about) && event.at >= first - 3_000 && event.at <= last);
  const lines = compact(about.length === 0 ? [] : around).slice(-EVENTS);
  return [`  ${rule}: ${text}`, ...lines.map((line) => `    ${line}`)].join('\n');
}

function isAround(event: HistoryEvent, about: readonly string[]): boolean {
  if ('request' in event) return about.includes(event.request);
  return event.kind !== 'key';
}

/** Looks of one request that saw the same are one line. */
function compact(events: readonly HistoryEvent[]): string[] {
  const lines: string[] = [];
  const last = new Map<string, boolean>();
  for (const event of events) {
    if (event.kind === 'checked' || event.kind === 'written') {
      const seen = event.kind === 'checked' ? event.held : event.accepted;
      const key = `${event.kind} ${event.request}`;
      if (last.get(key) === seen) continue;
      last.set(key, seen);
    }
    const { at, kind, ...rest } = event;
    lines.push(`${at.toFixed(1).padStart(9)} ${kind.padEnd(9)} ${JSON.stringify(rest)}`);
  }
  return lines;
}
