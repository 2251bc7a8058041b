// What processes tell each other when an operator asks: who works where, and which call chains wait for which locks.

/** A lock that a process holds, and for whom. */
export interface HeldFact {
  readonly name: string;
  /** The decorated method, where there is one. */
  readonly method: string | null;
}

/** A caller that waits. */
export interface WaitingFact extends HeldFact {
  /** What the bodies of its call chain hold meanwhile. */
  readonly holds: readonly string[];
}

/** All that one process knows of some names. */
export interface ProcessFacts {
  readonly held: readonly HeldFact[];
  /** Those who wait for one of the names, and those who wait for anything else while they hold one. */
  readonly waiting: readonly WaitingFact[];
}

/** A process that lives answers within a round trip or two. */
export const ANSWER_MS = 250;

export function questionOf(names: readonly string[]): string {
  return JSON.stringify({ names });
}

/** The names that a question is about; none for what is no question of ours. */
export function namesOf(question: string): ReadonlySet<string> {
  const { names } = parsed(question) as { names?: unknown };
  return new Set(Array.isArray(names) ? names.filter((name) => typeof name === 'string') : []);
}

/** The facts of an answer; none of what is no answer of ours. */
export function factsOf(answer: string): ProcessFacts {
  const { held, waiting } = parsed(answer) as Partial<Record<keyof ProcessFacts, unknown>>;
  return { held: listOf<HeldFact>(held), waiting: listOf<WaitingFact>(waiting) };
}

function parsed(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

function listOf<T extends HeldFact>(value: unknown): T[] {
  const isFact = (each: unknown): each is T => typeof (each as Partial<HeldFact> | null)?.name === 'string';
  return Array.isArray(value) ? value.filter(isFact) : [];
}
