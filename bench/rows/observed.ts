import { createLockService, type Lock, type LockObserver, type LockService } from '../../lib/index.js';
import { connect, type Locks } from '../contestants/contestant.js';
import { runLoops } from '../support/loops.js';
import { RedisServer } from '../support/redis-server.js';
import { interleave } from '../support/rounds.js';
import { type Family, figure, type RowResult, type Setting, summaries } from '../support/row.js';
import { ratio } from '../support/statistics.js';

const nothing = (): void => {};

/** Is told of each event, and does nothing. */
const EVENTS: LockObserver = {
  waiting: nothing,
  acquired: nothing,
  busy: nothing,
  aborted: nothing,
  unavailable: nothing,
  released: nothing,
  lost: nothing,
};

/** The same, and of each call to the store, as metrics are. */
const CALLS: LockObserver = { ...EVENTS, called: nothing };

const NONE = 'nobody';
const GONE = 'an observer that is gone';
const TOLD = 'an observer of the locks';
const TIMED = 'an observer of the calls to the store, too';

interface Observed {
  readonly name: string;
  readonly service: LockService;
}

/** What observers cost, and that they cost nothing where there are none. */
export const observed: Family = {
  rows: ['observed'],
  async run({ quick, log }: Setting) {
    log('acquire and release, observed by nobody and by somebody');
    await using server = await RedisServer.start();
    const client = await connect(server.url);
    const open = async (name: string, observer?: LockObserver): Promise<Observed> => {
      const service = await createLockService({ redis: client });
      const end = observer && service.observe(observer);
      if (name === GONE) end?.();
      return { name, service };
    };
    const all = [await open(NONE), await open(GONE, CALLS), await open(TOLD, EVENTS), await open(TIMED, CALLS)];
    const [rounds, ms] = quick ? [2, 50] : [9, 1_000];
    const measure = async ({ service }: Observed): Promise<number> => {
      const before = process.cpuUsage();
      const locks: Locks<Lock> = {
        acquire: (name) => service.acquire(name),
        release: (lock) => lock.release(),
        close: async () => {},
      };
      const { pairs } = await runLoops(locks, { loops: 64, names: 1_000, ms });
      const { user, system } = process.cpuUsage(before);
      return (user + system) / pairs;
    };
    const times = await interleave(all, { rounds, warmUp: measure, measure });
    await Promise.all(all.map(({ service }) => service.close()));
    client.disconnect();
    const row = (name: string, bound: number | null): RowResult => {
      const more = (ratio(times[name] as number[], times[NONE] as number[]) - 1) * 100;
      return {
        row: 'observed',
        title: `CPU of the client for a pair, 64 at a time, with ${name}`,
        unit: 'us/pair',
        values: summaries({ [name]: times[name] as number[], [NONE]: times[NONE] as number[] }),
        ratios: { [`${name} / ${NONE}`]: more / 100 + 1 },
        measured: `${figure(more)} % more`,
        bound: bound === null ? '' : `<= ${bound} % more than with ${NONE}`,
        met: bound === null ? null : more <= bound,
      };
    };
    return [row(GONE, 1), row(TOLD, null), row(TIMED, null)];
  },
};
