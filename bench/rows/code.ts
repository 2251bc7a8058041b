import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ours } from '../contestants/ours.js';
import { RedisServer } from '../support/redis-server.js';
import { type Family, figure, type RowResult } from '../support/row.js';
import { summarize } from '../support/statistics.js';

/** From bench/dist/bench/rows. */
const SCRIPT = fileURLToPath(new URL('../../../../scripts/count-path.mjs', import.meta.url));
const BUILD = fileURLToPath(new URL('../../lib', import.meta.url));

/** What scripts/count-path.mjs counts. */
interface Counts {
  way: { functions: number; files: number };
  core: { files: number; floors: number; arrows: number };
  lines: { all: number; code: number };
}

/** How much code there is to run, and to read. In a process of its own, since it watches each function. */
export const code: Family = {
  rows: ['code'],
  async run({ log }) {
    log('functions, files and lines');
    await using server = await RedisServer.start();
    const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, '--json', '--build', BUILD], {
      env: { ...process.env, REDIS_URL: server.url },
    });
    const { way, core, lines } = JSON.parse(stdout) as Counts;
    return [
      row('a free @Locked call: functions', way.functions, 70),
      row('a free @Locked call: files', way.files, 16),
      row('lib/core: files', core.files, 20),
      row('lib/core: floors', core.floors, 10),
      row('lib/core: arrows', core.arrows, 70),
      row(
        'lib without testing, embedded text, features and observers: lines',
        lines.all,
        5_500,
        `, ${figure(lines.code)} of them neither empty nor comment`,
      ),
    ];
  },
};

function row(title: string, count: number, bound: number, note = ''): RowResult {
  return {
    row: 'code',
    title,
    unit: 'count',
    values: { [ours.name]: summarize([count]) },
    ratios: {},
    measured: `${figure(count)}${note}`,
    bound: `<= ${figure(bound)}`,
    met: count <= bound,
  };
}
