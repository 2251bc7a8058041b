import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { INTRODUCTION_SCRIPT, LOCK_SCRIPT, TOPOLOGY_SCRIPT } from '../../../../lib/stores/redis/scripts/lua.js';
import { useRedis } from '../../../support/redis.js';

const FOLDER = join(import.meta.dirname, '../../../../lib/stores/redis/scripts');
const FILES = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.lua'));

describe('The files of the scripts', () => {
  const redis = useRedis();
  const parse = (text: string) => redis.client.script('LOAD', text);

  it.each(FILES)('%s parses by itself', async (file) => {
    expect(await parse(readFileSync(join(FOLDER, file), 'utf8'))).toMatch(/^[0-9a-f]{40}$/);
  });

  it('a file that does not would be refused', async () => {
    await expect(parse('local function half()')).rejects.toThrow('compil');
  });

  it.each(Object.entries({ INTRODUCTION_SCRIPT, LOCK_SCRIPT, TOPOLOGY_SCRIPT }))(
    '%s is sent without comments and indentation',
    (_, text) => {
      expect(text.split('\n').filter((line) => line.startsWith(' ') || /^--/.test(line))).toEqual([]);
    },
  );
});
