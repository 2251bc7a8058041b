import { describe, expect, it } from 'vitest';
import { SERVED_WITHIN_MS, STARVED_AFTER_MS } from './checker/bounds.js';
import { check } from './checker/check.js';
import { Story } from './checker/story.js';

const [A, B, C] = ['w1.1#1', 'w2.1#1', 'w3.1#1'] as const;
const READER = 1_000_000;

function rulesBrokenBy(story: Story): string[] {
  return check(story.events).violations.map(({ rule }) => rule);
}

/** A holds, and B after it. */
function takingTurns(): Story {
  return new Story()
    .granted(A, { at: 10, token: 100 })
    .held(A, 11, 20)
    .wrote(A, 100, 12, 21)
    .released(A, 30)
    .granted(B, { askedAt: 15, at: 32, token: 101 })
    .held(B, 33, 40)
    .wrote(B, 101, 34, 41)
    .released(B, 50);
}

describe('the checker', () => {
  it('has nothing against holders who take turns', () => {
    expect(rulesBrokenBy(takingTurns())).toEqual([]);
  });

  it('has nothing against readers together, with one token', () => {
    const story = new Story()
      .granted(A, { permits: READER, at: 10, token: 100 })
      .granted(B, { permits: READER, at: 11, token: 100 })
      .held(A, 12, 20)
      .held(B, 12, 20)
      .wrote(A, 100, 13, 15)
      .wrote(B, 100, 14, 16);
    expect(rulesBrokenBy(story)).toEqual([]);
  });
});

describe('rule 1: exclusion', () => {
  it('finds an exclusive token of two holds', () => {
    const story = new Story()
      .granted(A, { at: 10, token: 100 })
      .released(A, 12)
      .granted(B, { askedAt: 9, at: 20, token: 100 });
    expect(rulesBrokenBy(story)).toContain('1 exclusion behind the register');
  });

  it('finds a reader with the token of a writer', () => {
    const story = new Story()
      .granted(A, { at: 10, token: 100 })
      .granted(B, { askedAt: 9, permits: READER, at: 20, token: 100 });
    expect(rulesBrokenBy(story)).toEqual(['1 exclusion behind the register']);
  });

  it('finds an accepted write that is older than the one before', () => {
    expect(rulesBrokenBy(takingTurns().wrote(A, 100, 45))).toContain('1 exclusion behind the register');
  });

  it('finds a write between those of a holder', () => {
    expect(rulesBrokenBy(takingTurns().wrote(B, 101, 15))).toContain('1 exclusion behind the register');
  });

  const twoBelieve = (): Story =>
    new Story().granted(A, { at: 10, token: 100 }).held(A, 11, 60).granted(B, { at: 40, token: 101 }).held(B, 41, 50);

  it('finds two who believe to hold', () => {
    expect(rulesBrokenBy(twoBelieve())).toEqual(['1 exclusion by belief']);
  });

  it('takes no pause for an excuse', () => {
    expect(rulesBrokenBy(twoBelieve().fault('worker-pause', 20, 30, { workers: ['w1'] }))).toHaveLength(1);
  });

  it('takes a loss of data between the two grants for an excuse, and counts the overlap', () => {
    const { violations, overlaps } = check(twoBelieve().fault('flushall', 20, 30, { excuse: 'data loss' }).events);
    expect(violations).toEqual([]);
    expect([...overlaps]).toEqual([['flushall', 1]]);
  });

  it('takes a force before both knew of their grants for an excuse of the one that heard of its own last', () => {
    const forced = (from: number, until: number): string[] =>
      rulesBrokenBy(
        new Story()
          .granted(B, { askedAt: 31, at: 32, token: 101 })
          .held(B, 33, 60)
          .granted(A, { askedAt: 10, at: 40, token: 100 })
          .held(A, 41)
          .add({ at: from, kind: 'forcing', worker: 'w3', name: 'a' })
          .add({ at: until, kind: 'forced', worker: 'w3', name: 'a' }),
      );
    expect(forced(20, 25)).not.toContain('1 exclusion by belief');
    expect(forced(50, 55)).toContain('1 exclusion by belief');
  });

  it('takes no loss of data after the second grant for an excuse', () => {
    const story = twoBelieve().fault('flushall', 45, 46, { excuse: 'data loss' });
    expect(rulesBrokenBy(story)).toEqual(['1 exclusion by belief']);
  });

  it('finds more shared holders than permits', () => {
    const story = new Story();
    for (const request of [A, B, C]) story.granted(request, { permits: 2, at: 10, token: 100 }).held(request, 11, 20);
    expect(rulesBrokenBy(story)).toEqual(['1 exclusion by belief']);
  });
});

describe('rule 2: tokens grow', () => {
  it('finds a token that is lower than that of an earlier hold', () => {
    const story = new Story()
      .granted(A, { at: 10, token: 100 })
      .released(A, 20)
      .granted(B, { askedAt: 30, at: 31, token: 99 });
    expect(rulesBrokenBy(story)).toEqual(['2 tokens grow']);
  });

  it('allows a reader of an earlier epoch after a fail-over', () => {
    const story = new Story()
      .granted(A, { at: 10, token: 100, permits: READER })
      .released(A, 20)
      .granted(B, { askedAt: 30, at: 31, token: 99, permits: READER });
    expect(rulesBrokenBy(story)).toEqual(['2 tokens grow']);
    expect(rulesBrokenBy(story.fault('fail-over', 22, 25, { excuse: 'fail-over' }))).toEqual([]);
  });

  it('does not compare those that asked before the other was granted', () => {
    const story = new Story()
      .granted(A, { at: 10, token: 100 })
      .released(A, 20)
      .granted(B, { askedAt: 9, at: 31, token: 99 });
    expect(rulesBrokenBy(story)).toEqual([]);
  });
});

describe('rule 3: the local deadline', () => {
  it('finds a holder that goes on after it', () => {
    const story = takingTurns().add({ at: 25, kind: 'checked', request: A, held: true, deadline: 24 });
    expect(rulesBrokenBy(story)).toEqual(['3 the local deadline']);
  });

  it('finds a holder that goes on after its signal', () => {
    const story = takingTurns().add({ at: 19, kind: 'lost', request: A, why: 'expired' });
    expect(rulesBrokenBy(story)).toContain('3 the local deadline');
  });

  it('measures how late the signal came', () => {
    const story = new Story().granted(A, { at: 10, token: 100 }).held(A, 11);
    story.add({ at: 1_014, kind: 'lost', request: A, why: 'expired' });
    expect(check(story.events).lateness.running).toEqual([3]);
  });
});

describe('rule 4: no stuck waiter', () => {
  const waitsSince100 = (until: number): Story => takingTurns().asked(C, 60).add({ at: until, kind: 'over' });

  it('finds one that waits for a free lock', () => {
    expect(rulesBrokenBy(waitsSince100(100 + SERVED_WITHIN_MS))).toEqual(['4 no stuck waiter']);
  });

  it('has nothing against a long wait for a lock that is held', () => {
    const story = waitsSince100(15_000).granted('w4.1#1', { askedAt: 5_000, at: 8_000, token: 102 });
    expect(rulesBrokenBy(story.released('w4.1#1', 9_000))).toEqual([]);
  });

  it('counts from the end of a fault', () => {
    const story = waitsSince100(20_000).fault('server-pause', 5_000, 10_000);
    expect(rulesBrokenBy(story)).toEqual([]);
  });

  it('finds one that is not served after the healing', () => {
    const story = takingTurns()
      .asked(C, 60, { probe: true })
      .add({ at: 90, kind: 'refused', request: C, code: 'LOCK_BUSY' });
    expect(rulesBrokenBy(story)).toEqual(['4 no stuck waiter']);
  });
});

describe('rule 5: first come, first served', () => {
  const overtaken = (): Story =>
    new Story()
      .granted(A, { name: 'fifo', askedAt: 0, at: 2_000, token: 101 })
      .granted(B, { name: 'fifo', askedAt: 500, at: 1_000, token: 100 });

  it('finds a waiter that was overtaken', () => {
    expect(rulesBrokenBy(overtaken())).toEqual(['5 first come, first served']);
  });

  it('leaves out those whose process was touched by a fault', () => {
    const { violations, pairs } = check(overtaken().fault('partition', 600, 700, { workers: ['w1'] }).events);
    expect(violations).toEqual([]);
    expect(pairs).toMatchObject({ checked: 0, excluded: 1 });
  });

  it('compares them though a third process was touched', () => {
    const story = overtaken().fault('partition', 600, 700, { workers: ['w3'] });
    expect(rulesBrokenBy(story)).toEqual(['5 first come, first served']);
  });
});

describe('rule 6: only the owner', () => {
  it('finds a release that says yes after a loss', () => {
    const story = new Story()
      .granted(A, { at: 10, token: 100 })
      .add({ at: 20, kind: 'lost', request: A, why: 'expired' });
    expect(rulesBrokenBy(story.released(A, 30, true))).toEqual(['6 only the owner']);
  });

  it('finds a release that says no of what nobody can have taken, unless it was sent twice', () => {
    const story = () => new Story().granted(A, { at: 10, token: 100 }).held(A, 20).released(A, 30, false);
    expect(rulesBrokenBy(story())).toEqual(['6 only the owner']);
    expect(rulesBrokenBy(story().fault('duplicates', 0, 40, { workers: ['w1'] }))).toEqual([]);
    expect(rulesBrokenBy(story().fault('duplicates', 0, 40, { workers: ['w2'] }))).toEqual(['6 only the owner']);
  });

  it('finds a share that was taken, unless it needed the server of a quorum that has forgotten it', () => {
    const story = new Story()
      .granted(A, { at: 10, token: 100, permits: 2 })
      .fault('server-restart', 20, 30)
      .add({ at: 40, kind: 'lost', request: A, why: 'taken' });
    expect(check(story.events).violations).toHaveLength(1);
    expect(check(story.events, { quorum: 3 }).violations).toEqual([]);
  });

  it('finds a second release that says something else', () => {
    const story = takingTurns().released(B, 60, null).released(A, 55, false);
    expect(rulesBrokenBy(story)).toEqual(['6 only the owner', '6 only the owner']);
  });

  const taken = (): Story =>
    new Story().granted(A, { at: 10, token: 100 }).held(A, 11).add({ at: 20, kind: 'lost', request: A, why: 'taken' });

  it('finds a hold that was taken for no reason', () => {
    expect(rulesBrokenBy(taken())).toEqual(['6 only the owner']);
  });

  it('finds a hold that goes on after another program has taken the lock', () => {
    const story = new Story().granted(A, { at: 10, token: 100 }).held(A, 11, 90, 3_000);
    story.add({ at: 50, kind: 'fault', fault: 'take-over', nemesis: 'take-over', excuse: 'take-over', name: 'a' });
    expect(rulesBrokenBy(story)).toEqual(['6 only the owner']);
    expect(rulesBrokenBy(story.fault('partition', 500, 1_500, { workers: ['w1'] }))).toEqual([]);
  });

  it('takes a release by force of the same lock for a reason, of another for none', () => {
    const force = (name: string): Story =>
      taken().add({ at: 12, kind: 'forcing', worker: 'w2.1', name }, { at: 14, kind: 'forced', worker: 'w2.1', name });
    expect(rulesBrokenBy(force('a'))).toEqual([]);
    expect(rulesBrokenBy(force('b'))).toEqual(['6 only the owner']);
  });
});

describe('rule 7: nothing stays', () => {
  it('finds a key without a ttl, and one that is left', () => {
    const story = takingTurns().add(
      { at: 60, kind: 'key', key: 'lock:{a}', ttl: -1, phase: 'use' },
      { at: 70, kind: 'key', key: 'lock:{a}', ttl: 1_000, phase: 'end' },
    );
    expect(rulesBrokenBy(story)).toEqual(['7 nothing stays', '7 nothing stays']);
  });

  it('finds a process that does not end, or has something open', () => {
    const story = takingTurns().add(
      { at: 60, kind: 'hung', worker: 'w1.1' },
      { at: 61, kind: 'closed', worker: 'w2.1', resources: ['Timeout'] },
      { at: 62, kind: 'closed', worker: 'w3.1', resources: [] },
    );
    expect(rulesBrokenBy(story)).toHaveLength(2);
  });
});

describe('rule 9: no starvation', () => {
  /** C waits for as long as it can, while A and B take turns, each second one of them. */
  const passedOver = (turns: number): Story => {
    const story = new Story().asked(C, 100, { wait: 60_000 });
    for (let turn = 1; turn <= turns; turn += 1) {
      const [worker, at] = [turn % 2 ? 'w1.1' : 'w2.1', 100 + turn * 1_000];
      story
        .granted(`${worker}#${turn}`, { askedAt: at - 500, at, token: 100 + turn })
        .released(`${worker}#${turn}`, at + 400);
    }
    return story;
  };

  it('finds a process that waits while later ones have turn after turn', () => {
    expect(rulesBrokenBy(passedOver(20))).toEqual(['9 no starvation']);
  });

  it('has nothing against a wait that is shorter than the bound, or during which nobody was served', () => {
    expect(rulesBrokenBy(passedOver(STARVED_AFTER_MS / 1_000 - 1))).toEqual([]);
    const alone = passedOver(3).granted('w4.1#1', { askedAt: 90, at: 4_000, token: 200 }).released('w4.1#1', 30_000);
    expect(rulesBrokenBy(alone)).toEqual([]);
  });

  it('has nothing when another caller of the process is served meanwhile', () => {
    const story = passedOver(20).granted('w3.1#2', { askedAt: 50, at: 10_500, token: 110.5 });
    expect(rulesBrokenBy(story.released('w3.1#2', 10_600))).toEqual([]);
  });

  it('counts no time in which the process is touched by a fault, but for one that spares waiters', () => {
    expect(rulesBrokenBy(passedOver(20).fault('partition', 5_000, 8_000, { workers: ['w3'] }))).toEqual([]);
    expect(rulesBrokenBy(passedOver(20).fault('partition', 5_000, 8_000, { workers: ['w1'] }))).toHaveLength(1);
    const hole = passedOver(20).fault('hole', 5_000, 8_000, { workers: ['w3'], spares: ['waiters'] });
    expect(rulesBrokenBy(hole)).toEqual(['9 no starvation']);
  });
});
