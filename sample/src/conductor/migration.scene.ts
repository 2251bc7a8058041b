import type { Database } from '../database/database.js';
import type { MigrationReport } from '../migrations/migration-guard.js';
import { MigrationRunner, migrationFiles } from '../migrations/migration-runner.js';
import { Settings, UNGUARDED } from '../settings.js';
import { type Claims, judge, repeated, type Table, when } from './claims.js';
import type { Scene } from './scene.js';

/** What a database looks like after the migrations. */
interface Outcome {
  log: { version: string; applied_by: string }[];
  /** Cents. */
  teaPrices: number[];
}

interface Evidence {
  failedBoots: string[];
  reports: Map<string, MigrationReport>;
  files: string[];
  guarded: Outcome;
  unguarded: Outcome;
}

const claims: Claims<Evidence> = {
  'every replica starts at the first attempt': ({ failedBoots }) => failedBoots,
  'one replica migrates, the others find nothing to do': ({ reports }) => {
    const busy = [...reports].filter(([, { applied }]) => applied.length > 0).map(([name]) => name);
    return when(busy.length !== 1, `busy: ${busy.join(', ') || 'nobody'}`);
  },
  'every migration is applied, and none twice': ({ files, guarded: { log } }) => {
    const applied = log.map(({ version }) => version);
    return [
      ...repeated(applied),
      ...files.filter((file) => !applied.includes(file)).map((file) => `${file} is missing`),
    ];
  },
  'a tea costs what it should': ({ guarded: { teaPrices } }) => when(teaPrices.join() !== '500', priced(teaPrices)),
  'without the lock, two replicas apply the same files': ({ unguarded: { log } }) =>
    when(repeated(log.map(({ version }) => version)).length === 0, 'no file was applied twice'),
};

/** The fleet has just started, and all of its replicas wanted to migrate. */
export const migrationScene: Scene = {
  title: 'Migration guard',
  async play({ fleet, database, scratch }) {
    await migrateWithoutLock(scratch);
    const evidence: Evidence = {
      failedBoots: fleet.failedBoots,
      reports: await fleet.ask('/migrations'),
      files: await migrationFiles(),
      guarded: await outcome(database),
      unguarded: await outcome(scratch),
    };
    return { tables: [replicaTable(evidence), fileTable(evidence)], verdicts: judge(claims, evidence) };
  },
};

/** The race in slow motion: two replicas look before either has written, and go on step by step. */
async function migrateWithoutLock(scratch: Database): Promise<void> {
  const one = new MigrationRunner(scratch, new Settings('first', 1, '', UNGUARDED));
  const two = new MigrationRunner(scratch, new Settings('first', 2, '', UNGUARDED));
  const [pending] = [await one.pending(), await two.pending()];
  for (const file of pending) {
    await one.apply([file]);
    await two.apply([file]);
  }
}

async function outcome(database: Database): Promise<Outcome> {
  const tea = await database.query<{ price: number }>`SELECT price FROM products WHERE name = 'tea' ORDER BY price`;
  return {
    log: await database.query`SELECT version, applied_by FROM schema_migrations ORDER BY version, applied_by`,
    teaPrices: tea.map(({ price }) => price),
  };
}

function replicaTable({ reports }: Evidence): Table {
  const rows = [...reports]
    .sort()
    .map(([name, { waited, applied }]) => [name, `${waited} ms`, `${applied.length} files`]);
  return [['replica', 'waited', 'applied'], ...rows];
}

function fileTable({ files, guarded, unguarded }: Evidence): Table {
  const outcomes = [guarded, unguarded];
  const appliedBy = ({ log }: Outcome, file: string) =>
    log.flatMap(({ version, applied_by }) => (version === file ? [applied_by] : [])).join(', ');
  return [
    ['applied by', 'the services', 'two replicas without a lock'],
    ...files.map((file) => [file, ...outcomes.map((outcome) => appliedBy(outcome, file))]),
    ['price of tea', ...outcomes.map(({ teaPrices }) => priced(teaPrices))],
  ];
}

function priced(cents: number[]): string {
  return cents.map((price) => (price / 100).toLocaleString('en', { style: 'currency', currency: 'EUR' })).join(', ');
}
