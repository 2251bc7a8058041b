/** A table of Markdown. All columns but the first are right-aligned, unless `right` names them. */
export function table([header = [], ...rows]: readonly string[][], right?: readonly number[]): string {
  const isRight = (column: number): boolean => right?.includes(column) ?? column > 0;
  const rule = header.map((_, column) => (isRight(column) ? '---:' : '---'));
  const lines = [header, rule, ...rows];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const pad = (cell: string, column: number): string =>
    isRight(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0);
  return lines.map((line) => `| ${line.map(pad).join(' | ')} |`).join('\n');
}
