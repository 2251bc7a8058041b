/* `npm run bench:report -- FILE...`: writes one or more runs of `npm run bench` into README.md and docs/performance.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { contestantsTable, goalsTable, provenance, type Run } from './support/markdown.js';

/** From bench/dist/bench. */
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

const named = process.argv.slice(2);
const files = named.length > 0 ? named : [resolve(ROOT, 'bench/results/latest.json')];
const runs = files.map((file) => JSON.parse(readFileSync(file, 'utf8')) as Run);
if (runs.some(({ quick }) => quick)) throw new Error('The figures of a quick run say nothing: run it without --quick.');

replace('docs/performance.md', 'goals', goalsTable(runs));
replace('README.md', 'contestants', contestantsTable(runs));

/** What stands between `<!-- bench: block -->` and `<!-- bench: end -->`. */
function replace(document: string, block: string, content: string): void {
  if (content === '') {
    console.log(`${document} stays as it is: none of the rows that were run belongs there`);
    return;
  }
  const file = resolve(ROOT, document);
  const text = readFileSync(file, 'utf8');
  const place = new RegExp(`(<!-- bench: ${block} -->\n)[\\s\\S]*?(<!-- bench: end -->)`);
  if (!place.test(text)) throw new Error(`${document} has no place for the ${block}`);
  writeFileSync(
    file,
    text.replace(place, (_, start: string, end: string) => `${start}\n${provenance(runs)}\n\n${content}\n\n${end}`),
  );
  console.log(`Written to ${document}`);
}
