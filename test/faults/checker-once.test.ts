import { describe, expect, it } from 'vitest';
import { check } from './checker/check.js';
import { Story } from './checker/story.js';
import { mayStay } from './key-monitor.js';

const [A, B, C] = ['w1.1#1', 'w2.1#1', 'w3.1#1'] as const;

function rulesBrokenBy(story: Story, quorum = 0): string[] {
  return check(story.events, { quorum }).violations.map(({ rule }) => rule);
}

/** A does it, and C hears of it. */
function doneByA(): Story {
  return new Story()
    .once(A, { at: 100, token: 100, body: 'ended', status: 'ran' })
    .once(C, { at: 200, status: 'done' });
}

describe('rule 8: once', () => {
  it('has nothing against work that is done, and known to be done; and counts', () => {
    const story = doneByA().once(B, { at: 105, status: 'busy' });
    const { violations, once } = check(story.events);
    expect(violations).toEqual([]);
    expect(once.counts).toMatchObject({ calls: 3, ran: 1, done: 1, busy: 1, failed: 0 });
  });

  const againByB = (): Story => doneByA().once(B, { at: 1_000, token: 101, body: 'ended', status: 'ran' });

  it('finds work that begins again after it was marked', () => {
    expect(rulesBrokenBy(againByB())).toEqual(['8 once']);
  });

  it('finds it though it was asked for before the mark, by the order of the tokens', () => {
    const story = doneByA().once(B, { askedAt: 90, at: 130, token: 101, body: 'threw', status: 'failed' });
    expect(rulesBrokenBy(story)).toEqual(['8 once']);
  });

  it('finds work that is done twice by two that share one hold, one after the other', () => {
    const twice = (at: number): Story =>
      new Story()
        .granted('w1.1#9', { at: 50, token: 100 })
        .asked(A, 60, { wait: 0, once: true, parent: 'w1.1#9', reentrant: true })
        .asked(B, 61, { wait: 0, once: true, parent: 'w1.1#9', reentrant: true })
        .add({ at: 70, kind: 'granted', request: A, token: 100 }, { at: 75, kind: 'ended', request: A })
        .add({ at: 76, kind: 'releasing', request: A })
        .add({ at: 80, kind: 'outcome', request: A, status: 'ran' })
        .add({ at, kind: 'granted', request: B, token: 100 }, { at: at + 5, kind: 'threw', request: B });
    expect(rulesBrokenBy(twice(90))).toEqual(['8 once']);
  });

  it.each(['data loss', 'fail-over'] as const)('takes a %s in between for an excuse, and counts it', (excuse) => {
    const { violations, once } = check(againByB().fault('loss', 300, 400, { excuse }).events);
    expect(violations).toEqual([]);
    expect([...once.excused]).toEqual([['loss', 1]]);
  });

  it('takes none before or after for an excuse, and nothing that ends only the lock', () => {
    expect(rulesBrokenBy(againByB().fault('flushall', 10, 20, { excuse: 'data loss' }))).toEqual(['8 once']);
    expect(rulesBrokenBy(againByB().fault('flushall', 1_100, 1_200, { excuse: 'data loss' }))).toEqual(['8 once']);
    for (const excuse of ['deletion', 'take-over', 'server clock'] as const) {
      expect(rulesBrokenBy(againByB().fault(excuse, 300, 400, { excuse }))).toEqual(['8 once']);
    }
  });

  it('excuses nobody by a loss before a later mark', () => {
    const story = againByB().fault('flushall', 300, 400, { excuse: 'data loss' });
    expect(rulesBrokenBy(story.once('w4.1#1', { at: 2_000, token: 102, body: 'threw', status: 'failed' }))).toEqual([
      '8 once',
    ]);
  });

  it('needs more of a quorum: the loss of most servers, or of one while another may not be heard', () => {
    const restarted = (...servers: number[]): Story => {
      const story = againByB();
      for (const server of servers) story.fault(`server-restart`, 300 + server, 400, { server });
      return story;
    };
    expect(rulesBrokenBy(restarted(1), 3)).toEqual(['8 once']);
    expect(rulesBrokenBy(restarted(1, 1), 3)).toEqual(['8 once']);
    expect(rulesBrokenBy(restarted(1, 2), 3)).toEqual([]);
    expect(rulesBrokenBy(restarted(1, 2), 5)).toEqual(['8 once']);
    expect(rulesBrokenBy(restarted(1).fault('partition', 900, 950, { workers: ['w2'] }), 3)).toEqual([]);
    expect(rulesBrokenBy(restarted(1).fault('partition', 900, 950, { workers: ['w1'] }), 3)).toEqual(['8 once']);
    expect(rulesBrokenBy(againByB().fault('partition', 900, 950, { workers: ['w2'] }), 3)).toEqual(['8 once']);
  });

  it('finds work that is done, it is said, before any body has ended well, and excuses nothing', () => {
    const story = (): Story =>
      new Story()
        .once(A, { at: 100, token: 100, body: 'threw', status: 'failed' })
        .once(C, { at: 200, status: 'done' })
        .fault('flushall', 150, 160, { excuse: 'data loss' });
    expect(rulesBrokenBy(story())).toEqual(['8 once']);
    expect(rulesBrokenBy(story().once(B, { at: 300, token: 101, body: 'ended', status: 'ran' }))).toEqual(['8 once']);
  });

  it('finds a call that ran, it says, and whose body threw, or has not ended, or never was', () => {
    const ran = (body?: 'threw', token?: number): Story => new Story().once(A, { at: 100, token, body, status: 'ran' });
    expect(rulesBrokenBy(ran('threw', 100))).toEqual(['8 once']);
    expect(rulesBrokenBy(ran(undefined, 100))).toEqual(['8 once']);
    expect(rulesBrokenBy(ran())).toEqual(['8 once']);
  });

  it('allows that it is done again when the mark is not known to be set, and counts it', () => {
    const story = new Story()
      .once(A, { at: 100, token: 100, body: 'ended' })
      .once(B, { at: 3_000, token: 101, body: 'ended', status: 'ran' });
    const { violations, once } = check(story.events);
    expect(violations).toEqual([]);
    expect(once.counts).toMatchObject({ 'done again without a known mark': 1 });
  });

  it('counts what was marked though its lock was lost, it was said', () => {
    const story = (why: string): Story =>
      new Story()
        .once(A, { at: 100, token: 100, body: 'ended', status: 'failed', code: 'LOCK_LOST', why })
        .once(C, { at: 200, status: 'done' });
    expect(check(story('expired').events).once.counts).toMatchObject({ 'lost but marked': 1 });
    expect(check(story('unavailable').events).once.counts).toMatchObject({ 'lost but marked': 0 });
  });

  it('finds two bodies of one element at the same time', () => {
    const story = new Story()
      .once(A, { at: 100, token: 100 })
      .held(A, 101, 200)
      .once(B, { at: 150, token: 101 })
      .held(B, 151, 160);
    expect(rulesBrokenBy(story)).toEqual(['1 exclusion by belief']);
  });
});

describe('what may be left at the end', () => {
  it('is a counter or a mark that ends by itself, or what Redis forgets in time', () => {
    expect(mayStay('faults-1:topology:01234567-89ab-cdef', 60_000)).toBe(true);
    expect(mayStay('faults-1:topology:01234567-89ab-cdef', 60_001)).toBe(false);
    expect(mayStay('faults-1:released:aB_-9', 120_000)).toBe(true);
    expect(mayStay('faults-1:{first}:waiter', 120_001)).toBe(false);
    expect(mayStay('faults-1:{first}:waiter', 1_000, 119_000)).toBe(true);
    expect(mayStay('faults-1:{first}:waiter', 1_001, 119_000)).toBe(false);
    expect(mayStay('faults-1:fence', 1_000, 119_000)).toBe(true);
    expect(mayStay('faults-1:{1a}:fence', 1_000)).toBe(true);
    expect(mayStay('faults-1:{once:7}:done', 1_000)).toBe(true);
    expect(mayStay('faults-1:{once:7}:done', -1)).toBe(false);
    expect(mayStay('faults-1:{first}:done', 1_000)).toBe(false);
    expect(mayStay('faults-1:{once:7}', 1_000)).toBe(false);
  });
});
