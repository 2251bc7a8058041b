import type { Verdict } from './checker/check.js';
import type { History, Violation } from './checker/model.js';
import type { Moment } from './history/event.js';

const SHOWN_OF_RULE = 3;
const SHOWN_EVENTS = 40;

/** What a whole run came to, over all rounds. */
export class Report {
  violations = 0;
  #requests = 0;
  #grants = 0;
  #writes = { accepted: 0, refused: 0 };
  #pairs = { checked: 0, excluded: 0 };
  #keySamples = 0;
  readonly #once = new Map<string, number>();
  readonly #excused = new Map<string, number>();
  readonly #faults: Map<string, number>;
  readonly #overlaps = new Map<string, number>();
  readonly #lateness = { running: [] as number[], stopped: [] as number[] };

  /** Those that were wanted: one that never struck is told, too. */
  constructor(nemeses: readonly string[]) {
    this.#faults = new Map(nemeses.map((name) => [name, 0]));
  }

  add({ history, violations, overlaps, lateness, once, pairs }: Verdict, keySamples: number): void {
    this.violations += violations.length;
    this.#requests += history.requests.length;
    this.#grants += history.holds.length;
    for (const { accepted } of history.holds.flatMap(({ writes }) => writes)) {
      this.#writes[accepted ? 'accepted' : 'refused'] += 1;
    }
    this.#pairs.checked += pairs.checked;
    this.#pairs.excluded += pairs.excluded;
    this.#keySamples += keySamples;
    for (const [what, number] of Object.entries(once.counts)) count(this.#once, what, number);
    for (const [cause, number] of once.excused) count(this.#excused, cause, number);
    for (const { nemesis } of history.faults) count(this.#faults, nemesis, 1);
    for (const [cause, number] of overlaps) count(this.#overlaps, cause, number);
    this.#lateness.running.push(...lateness.running);
    this.#lateness.stopped.push(...lateness.stopped);
  }

  text(): string {
    const { checked, excluded } = this.#pairs;
    return [
      `operations          ${this.#requests}, of which granted: ${this.#grants}`,
      `guarded writes      ${this.#writes.accepted} accepted, ${this.#writes.refused} refused by the register`,
      `faults              ${listing(this.#faults)}`,
      `overlaps            ${listing(this.#overlaps)} (in real time; fencing is there for them)`,
      `signal after the deadline, ms`,
      `  running process   ${quantiles(this.#lateness.running)}`,
      `  stopped process   ${quantiles(this.#lateness.stopped)}`,
      `order               ${checked} pairs checked, ${excluded} left out because of a fault`,
      `once                ${listing(this.#once)}`,
      `  marks forgotten   ${listing(this.#excused)} (done again, excused)`,
      `keys                ${this.#keySamples} samples of a server's keys`,
      `violations          ${this.violations}`,
    ].join('\n');
  }
}

/** The violations of a round by their rule, each with the events that show it. */
export function describeViolations({ history, violations }: Verdict): string {
  const rules = [...new Set(violations.map(({ rule }) => rule))];
  return rules
    .map((rule) => {
      const broken = violations.filter((violation) => violation.rule === rule);
      const shown = broken.slice(0, SHOWN_OF_RULE).map((violation) => describeViolation(violation, history));
      return [`  rule ${rule}: ${broken.length} times`, ...shown].join('\n');
    })
    .join('\n');
}

function describeViolation({ text, about }: Violation, { events }: History): string {
  const start = events[0]?.at;
  const shown = events.filter((event) => 'request' in event && about.includes(event.request)).slice(0, SHOWN_EVENTS);
  const lines = shown.map((event) => `      ${time(event.at, start)} ${JSON.stringify(event)}`);
  return [`    ${text}`, ...lines].join('\n');
}

function time(at: Moment, start = 0): string {
  return `${((at - start) / 1_000).toFixed(3)} s`.padStart(11);
}

function count(counts: Map<string, number>, key: string, number: number): void {
  counts.set(key, (counts.get(key) ?? 0) + number);
}

function listing(counts: ReadonlyMap<string, number>): string {
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  return sorted.map(([key, number]) => `${key} ${number}`).join(', ') || 'none';
}

function quantiles(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  if (sorted.length === 0) return 'none';
  const at = (part: number): string => sorted[Math.ceil(part * sorted.length) - 1]!.toFixed(1);
  return `${sorted.length} losses: half ${at(0.5)}, 90 % ${at(0.9)}, 99 % ${at(0.99)}, most ${at(1)}`;
}
