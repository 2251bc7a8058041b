import type { Result, Table, Verdict } from './claims.js';

export function printResult({ title, tables, verdicts }: Result & { title: string }): void {
  console.log(`\n${title}\n${'-'.repeat(title.length)}`);
  for (const table of tables) console.log(`${aligned(table)}\n`);
  for (const verdict of verdicts) console.log(`  ${spelled(verdict)}`);
}

/** The exit code. */
export function printConclusion(verdicts: Verdict[]): 0 | 1 {
  const broken = verdicts.filter(({ against }) => against.length > 0);
  if (broken.length === 0) {
    console.log(`\nAll ${verdicts.length} claims hold.`);
    return 0;
  }
  console.log(`\n${broken.length} of ${verdicts.length} claims are broken.`);
  return 1;
}

function spelled({ claim, against }: Verdict): string {
  if (against.length === 0) return `ok      ${claim}`;
  const more = against.length > 3 ? `; and ${against.length - 3} more` : '';
  return `BROKEN  ${claim}: ${against.slice(0, 3).join('; ')}${more}`;
}

function aligned(table: Table): string {
  const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const line = (row: string[]) => `  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join('   ')}`.trimEnd();
  return table.map(line).join('\n');
}
