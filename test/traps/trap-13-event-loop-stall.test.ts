import { describe, expect, it } from 'vitest';
import { runProgram } from '../support/program.js';
import { unique, useRedis } from '../support/redis.js';
import type { StallReport } from './programs/stall.js';

describe('trap 13: the event loop of the holder stalls', () => {
  const redis = useRedis();

  async function stall(args: Record<string, string | number>): Promise<StallReport> {
    const end = await runProgram('stall', { namespace: unique('ns'), ...args });
    expect(end).toMatchObject({ code: 0, errors: '' });
    return end.lines[0] as StallReport;
  }

  describe.each([
    ['memory', () => ({})],
    ['Redis', () => ({ url: redis.url })],
  ])('in %s', (_, where) => {
    it('for most of the ttl: the lock is renewed first, and kept', async () => {
      const { order, held, sameToken } = await stall({ ...where(), ttl: 4_000, leave: 1_300 });
      expect(order).not.toContain('aborted');
      expect({ held, sameToken }).toEqual({ held: true, sameToken: true });
    });

    it('for longer than the ttl: the signal is aborted before anything else of ours happens', async () => {
      const { order, held } = await stall({ ...where(), ttl: 500, leave: -200 });
      expect(order).toEqual(['the stall is over', 'aborted', 'the next caller has it']);
      expect(held).toBe(false);
    });

    it('for longer than the ttl: whoever looks at the lock in the first callback sees it lost', async () => {
      const { order } = await stall({ ...where(), ttl: 500, leave: -200, look: 1 });
      expect(order.slice(0, 4)).toEqual(['the stall is over', 'aborted', 'held: false', 'aborted: true']);
      expect(order).toContain('the next caller has it');
    });
  });

  describe('with a renewal under way, whose answer comes meanwhile', () => {
    it('for most of the ttl: the lock is kept', async () => {
      const { order, held, sameToken } = await stall({ url: redis.url, ttl: 4_000, leave: 1_300, renewing: 1 });
      expect(order.slice(0, 2)).toEqual(['the stall is over', 'renewed']);
      expect(order).not.toContain('aborted');
      expect({ held, sameToken }).toEqual({ held: true, sameToken: true });
    });

    it('for longer than the ttl: the answer does not bring it back', async () => {
      const { order, held } = await stall({ url: redis.url, ttl: 500, leave: -200, renewing: 1 });
      expect(order.slice(0, 2)).toEqual(['the stall is over', 'aborted']);
      expect(order.slice(2).sort()).toEqual(['renewal refused', 'the next caller has it']);
      expect(held).toBe(false);
    });
  });
});
