/** What the sample asserts about its evidence: each claim by name, with what speaks against it (nothing: it holds). */
export type Claims<Evidence> = Record<string, (evidence: Evidence) => string[]>;

export interface Verdict {
  readonly claim: string;
  readonly against: readonly string[];
}

/** Rows of cells; the first row is the head. */
export type Table = string[][];

/** What a scene shows, and what it proves. */
export interface Result {
  readonly tables: Table[];
  readonly verdicts: Verdict[];
}

export function judge<Evidence>(claims: Claims<Evidence>, evidence: Evidence): Verdict[] {
  return Object.entries(claims).map(([claim, against]) => ({ claim, against: against(evidence) }));
}

/** The values that are there more than once. */
export function repeated(values: string[]): string[] {
  return [...new Set(values.filter((value, index) => values.indexOf(value) !== index))];
}

/** The texts whose condition is true. */
export function when(condition: boolean, text: string): string[] {
  return condition ? [text] : [];
}
