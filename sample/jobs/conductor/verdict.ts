import { type Claims, judge, type Result, type Table, when } from '../../src/conductor/claims.js';
import { type Invoice, WAYS, type Way } from '../protocol.js';
import type { Fleet } from './fleet.js';
import type { Misfortune, Traps } from './misfortune.js';
import type { Issue, Outside } from './outside.js';

/** All that has happened. */
export interface Evidence {
  readonly invoices: readonly Invoice[];
  readonly traps: Traps;
  readonly fleet: Fleet;
  readonly misfortune: Misfortune;
  readonly outside: Outside;
}

const claims: Claims<Evidence> = {
  'every invoice ends up issued': ({ invoices, outside }) =>
    invoices.filter(({ id }) => !outside.issues.some(({ invoice }) => invoice.id === id)).map(nameOf),
  'none is issued twice by servers that live': (evidence) =>
    WAYS.flatMap((way) => twice(evidence, way)).flatMap((issues) =>
      // All but the last one.
      issues
        .slice(0, -1)
        .flatMap((issue) => when(!diedInBetween(evidence, issue), `${nameOf(issue.invoice)} by ${issue.by}`)),
    ),
  'at most two servers at a time render': ({ outside: { mostRendering } }) =>
    when(mostRendering < 1 || mostRendering > 2, `${mostRendering} at a time`),
  'servers are killed at random, and where it hurts': ({ misfortune, traps }) => [
    ...when(misfortune.random === 0, 'none at random'),
    ...[...Object.values(traps.afterTheIssue), traps.late]
      .filter(({ id }) => !misfortune.sprung.has(id))
      .map((invoice) => `none at ${nameOf(invoice)}`),
  ],
  'plain: a kill between issue and mark is an invoice too many, which no lock prevents': (evidence) => {
    const { id } = evidence.traps.afterTheIssue.plain;
    return when(!twice(evidence, 'plain').some(([issue]) => issue?.invoice.id === id), `invoice ${id} was issued once`);
  },
  'fenced: the same kill, and the database has recorded the issue in one transaction with it': (evidence) => {
    const { id } = evidence.traps.afterTheIssue.fenced;
    const again = evidence.outside.recorded.filter(({ invoice }) => invoice.id === id).map(({ outcome }) => outcome);
    return [
      ...twice(evidence, 'fenced').map(([issue]) => `${nameOf(issue!.invoice)} twice`),
      ...when(!again.includes('was recorded before'), `invoice ${id}: ${again.join(', ')}`),
    ];
  },
  'fenced: a request of a killed server that arrives late is refused for its token': ({ traps, outside }) => {
    const outcomes = outside.recorded
      .filter(({ invoice }) => invoice.id === traps.late.id)
      .map(({ outcome }) => outcome);
    return when(!outcomes.includes('refused: an older fencing token'), outcomes.join(', '));
  },
  'keyed: the same kill, and the service knows the key': (evidence) =>
    twice(evidence, 'keyed').map(([issue]) => `${nameOf(issue!.invoice)} twice`),
};

export function conclude(evidence: Evidence): Result {
  return { tables: [table(evidence)], verdicts: judge(claims, evidence) };
}

/** The issues of the invoices that were issued more than once. */
function twice({ outside }: Evidence, way: Way): Issue[][] {
  return [...outside.issuesOf(way).values()].filter((issues) => issues.length > 1);
}

/** Its server was killed between the issue and its mark, or at least before it could say that it had marked. */
function diedInBetween({ fleet, outside }: Evidence, { invoice, by }: Issue): boolean {
  return fleet.killed.has(by) && !outside.processed.has(`${invoice.id} ${by}`);
}

function table(evidence: Evidence): Table {
  const row = (way: Way): string[] => {
    const issues = [...evidence.outside.issuesOf(way).values()];
    const died = issues.flat().filter((issue) => diedInBetween(evidence, issue));
    const counts = [
      issues.length,
      issues.filter((of) => of.length > 0).length,
      died.length,
      twice(evidence, way).length,
    ];
    return [way, ...counts.map(String)];
  };
  return [['', 'invoices', 'issued', 'killed between issue and mark', 'issued twice'], ...WAYS.map(row)];
}

function nameOf({ id, way }: Invoice): string {
  return `invoice ${id} (${way})`;
}
