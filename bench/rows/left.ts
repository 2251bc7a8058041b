import { setTimeout as sleep } from 'node:timers/promises';
import { ours } from '../contestants/ours.js';
import { RedisServer } from '../support/redis-server.js';
import { type Family, figure, type RowResult } from '../support/row.js';
import { summarize } from '../support/statistics.js';

const AT_ONCE = 64;

interface Use {
  keys: number;
  /** Keys of processes, not of names: the notes of their releases, gone two minutes after the last one. */
  notes: number;
  /** All that the server has allocated, tables of keys included. */
  memory: number;
  /** The part of it that is keys and values. */
  dataset: number;
}

/** What is left in Redis a minute after very many different names were locked and released. */
export const left: Family = {
  rows: ['left'],
  async run({ quick, log }) {
    const [names, ms] = quick ? [2_000, 2_000] : [100_000, 60_000];
    log(`${figure(names)} names, and then ${ms / 1e3} s of nothing`);
    await using server = await RedisServer.start();
    const locks = await ours.open(server.url);
    const use = async (name: string): Promise<unknown> => locks.release(await locks.acquire(name));
    try {
      await use('order:0');
      const before = await useOf(server);
      let next = 0;
      const loop = async (): Promise<void> => {
        while (next < names) {
          const name = `order:${next}`;
          next += 1;
          await use(name);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, loop));
      await sleep(ms);
      const after = await useOf(server);
      return rows(names, {
        keys: after.keys,
        notes: after.notes,
        memory: after.memory - before.memory,
        dataset: after.dataset - before.dataset,
      });
    } finally {
      await locks.close();
    }
  },
};

async function useOf({ client }: RedisServer): Promise<Use> {
  const info = await client.info('memory');
  const bytes = (field: string): number => Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(info)?.[1]);
  const notes = (await client.keys('lock:released:*')).length;
  return {
    keys: (await client.dbsize()) - notes,
    notes,
    memory: bytes('used_memory'),
    dataset: bytes('used_memory_dataset'),
  };
}

function rows(names: number, { keys, notes, memory, dataset }: Use): RowResult[] {
  const common = { row: 'left', ratios: {} };
  const title = `left in Redis a minute after ${figure(names)} names were locked`;
  return [
    {
      ...common,
      title: `${title}: keys`,
      unit: 'keys',
      values: { [ours.name]: summarize([keys]) },
      measured: `${figure(keys)}, and ${notes} for the notes of the process`,
      bound: '<= 1 (on a Cluster: 1 a slot)',
      met: keys <= 1,
    },
    {
      ...common,
      title: `${title}: memory`,
      unit: 'bytes',
      values: { used_memory: summarize([memory]), used_memory_dataset: summarize([dataset]) },
      measured: `${figure(memory / 1e6)} MB, ${figure(memory / names)} bytes a name`,
      bound: '< 2 MB',
      met: memory < 2e6,
    },
  ];
}
