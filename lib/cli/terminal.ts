/** Where a command writes, and whom it asks. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** A person reads what is written. */
  readonly isTerminal: boolean;
  readonly isColored: boolean;
  columns(): number;
  /** Undefined: nobody is there who could answer. */
  confirm(question: string): Promise<boolean | undefined>;
  /** Resolves when the person presses Ctrl-C. */
  readonly untilInterrupted: Promise<void>;
}

/** What ends a command. */
export const EXIT = { ok: 0, notFound: 1, usage: 2, unavailable: 3 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Names are data of users: what would move the cursor, or colour the screen, is shown as a code. */
export function printable(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

/** `90 ms`, `4.2 s`, `3 min`, `5 h`, `2 d`. */
export function durationOf(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  return ms < 172_800_000 ? `${Math.round(ms / 3_600_000)} h` : `${Math.round(ms / 86_400_000)} d`;
}

/**
 * Rows under a head, in columns that are as wide as their widest cell. Where a person reads and the terminal is narrower,
 * the widest columns are cut, with an ellipsis; what is read by a program is whole.
 */
export function tableOf(head: readonly string[], rows: readonly (readonly string[])[], terminal: Terminal): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  if (terminal.isTerminal) shrink(widths, terminal.columns() - 2 * (head.length - 1));
  const lines = [head, ...rows].map((row) =>
    row
      .map((cell, column) => inWidth(cell, widths[column] as number))
      .join('  ')
      .trimEnd(),
  );
  const [first = '', ...others] = lines;
  return [terminal.isColored ? `\u001b[1m${first}\u001b[0m` : first, ...others].map((line) => `${line}\n`).join('');
}

/** No column becomes narrower than this to make room. */
const NARROWEST = 6;

function shrink(widths: number[], room: number): void {
  const excess = (): number => widths.reduce((sum, width) => sum + width, 0) - room;
  while (excess() > 0) {
    const widest = widths.indexOf(Math.max(...widths));
    if ((widths[widest] as number) <= NARROWEST) return;
    widths[widest] = (widths[widest] as number) - 1;
  }
}

function inWidth(cell: string, width: number): string {
  return cell.length > width ? `${cell.slice(0, width - 1)}…` : cell.padEnd(width);
}
