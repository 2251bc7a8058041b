import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { INSTRUMENTS } from '../../lib/observe/instruments.js';
import { OBSERVER_METHODS } from '../../lib/observe/lock-observer.js';
import { prometheusNameOf } from '../../lib/observe/prometheus.js';

const read = (file: string): string => readFileSync(new URL(`../../docs/${file}`, import.meta.url), 'utf8');
const page = read('operating.md');

/** The rows of the table behind a comment, without its head. */
function tableOf(name: string): string[] {
  const [, table = ''] = new RegExp(`<!-- ${name} -->\n([\\s\\S]*?)<!-- end -->`).exec(page) ?? [];
  return table.trim().split('\n').slice(2);
}

const KINDS = { upDownCounter: 'up-down counter', histogram: 'histogram', counter: 'counter', gauge: 'gauge' };

describe('docs/operating.md', () => {
  it('has each instrument as it is, and no other', () => {
    const rows = Object.values(INSTRUMENTS).map((instrument) => {
      const attributes = instrument.attributes.map((each) => `\`${each}\``).join(', ');
      const names = `\`${instrument.name}\` | \`${prometheusNameOf(instrument)}\``;
      return `| ${names} | ${KINDS[instrument.kind]} | ${attributes} | ${instrument.description} |`;
    });
    expect(tableOf('instruments')).toEqual(rows);
  });

  it('has each event', () => {
    const documented = tableOf('events').flatMap((row) => [...(row.split('|')[1]?.matchAll(/`(\w+)`/g) ?? [])]);
    const events = OBSERVER_METHODS.filter((method) => method !== 'start' && method !== 'run');
    expect(documented.map(([, method]) => method).sort()).toEqual([...events].sort());
  });
});

describe('docs/alerts.yml', () => {
  it('asks for metrics that exist', () => {
    const known = Object.values(INSTRUMENTS).flatMap((instrument) => {
      const name = prometheusNameOf(instrument);
      return instrument.kind === 'histogram' ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name];
    });
    const asked = [...read('alerts.yml').matchAll(/expr: (.*)/g)].flatMap(([, expr = '']) => [
      ...expr.matchAll(/\bnestjs_lock_\w+/g),
    ]);
    expect(asked.length).toBeGreaterThan(4);
    expect(asked.map(([name]) => name).filter((name) => !known.includes(name))).toEqual([]);
  });
});
