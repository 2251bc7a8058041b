import { describe, expect, it } from 'vitest';
import { OVERTAKEN_MS, SERVED_WITHIN_MS, STARVED_AFTER_MS } from './checker/bounds.js';
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

  it('finds one that comes in beside a holder whose bound it does not fit', () => {
    const beside = (permits: number): Story =>
      new Story()
        .granted(A, { permits: 1, at: 10, token: 100 })
        .held(A, 11, 30)
        .granted(B, { permits, at: 20, token: 100 })
        .held(B, 21, 25);
    expect(rulesBrokenBy(beside(3))).toEqual(['1 exclusion by belief']);
  });

  /** A nested call of A has the lock of A. */
  const nested = (reentrant: boolean): Story =>
    new Story()
      .granted(A, { at: 10, token: 100 })
      .held(A, 11, 40)
      .wrote(A, 100, 12)
      .granted('w1.1#2', { at: 20, token: 100, parent: A, reentrant })
      .held('w1.1#2', 21, 29)
      .wrote('w1.1#2', 100, 22)
      .released('w1.1#2', 30)
      .wrote(A, 100, 35)
      .released(A, 50);

  it('takes nested calls that share a hold for one holder, if they ask for it', () => {
    expect(rulesBrokenBy(nested(true))).toEqual([]);
    expect(rulesBrokenBy(nested(false))).toContain('1 exclusion behind the register');
    expect(rulesBrokenBy(nested(false))).toContain('1 exclusion by belief');
  });

  it('finds another chain in the lock that nested calls share', () => {
    const story = nested(true).granted(B, { at: 25, token: 101 }).held(B, 26, 28);
    expect(rulesBrokenBy(story)).toEqual(['1 exclusion by belief', '1 exclusion by belief']);
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

  it('gives a process longer whose connection was broken for good, and not for ever', () => {
    const hole = (until: number): Story =>
      waitsSince100(until).fault('half-open', 1_000, 2_000, { workers: ['w3'], spares: ['waiters'] });
    expect(rulesBrokenBy(hole(STARVED_AFTER_MS - 1_000))).toEqual([]);
    expect(rulesBrokenBy(hole(STARVED_AFTER_MS + 1_000))).toEqual(['4 no stuck waiter']);
  });

  it('finds one that is not served after the healing', () => {
    const story = takingTurns().asked(C, 60, { probe: true, wait: 30 }).refused(C, 90, 'LOCK_BUSY');
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
      .lost(A, 20, 'expired')
      .fault('partition', 0, 40, { workers: ['w1'] });
    expect(rulesBrokenBy(story.released(A, 30, true))).toEqual(['6 only the owner']);
  });

  it('finds a release that says no of what nobody can have taken, unless it was sent twice', () => {
    const story = () => new Story().granted(A, { at: 10, token: 100 }).held(A, 20).released(A, 30, false);
    expect(rulesBrokenBy(story())).toEqual(['6 only the owner']);
    expect(rulesBrokenBy(story().fault('duplicates', 0, 40, { workers: ['w1'] }))).toEqual([]);
    expect(rulesBrokenBy(story().fault('duplicates', 0, 40, { workers: ['w2'] }))).toEqual(['6 only the owner']);
    const outcome = { at: 30, kind: 'outcome', request: A, status: 'failed', code: 'LOCK_LOST' } as const;
    expect(rulesBrokenBy(story().add({ ...outcome, why: 'unavailable' }))).toEqual([]);
    expect(rulesBrokenBy(story().add({ ...outcome, why: 'taken' }))).toEqual(['6 only the owner']);
  });

  it('finds a share that was taken, unless it needed the server of a quorum that has forgotten it', () => {
    const story = new Story()
      .granted(A, { at: 10, token: 100, permits: 2 })
      .fault('server-restart', 20, 30)
      .add({ at: 40, kind: 'lost', request: A, why: 'taken' });
    expect(check(story.events).violations).toHaveLength(1);
    expect(check(story.events, { quorum: 3 }).violations).toEqual([]);
  });

  it('finds an exclusive hold that a quorum has lost, unless one server after the other has forgotten it', () => {
    const restarted = (server: number): Story =>
      new Story()
        .granted(A, { at: 9_010, token: 100 })
        .fault('server-restart', 9_020, 9_030, { server: 3 })
        .fault('server-restart', 7_000, 7_010, { server })
        .add({ at: 9_040, kind: 'lost', request: A, why: 'taken' });
    const found = (story: Story): number => check(story.events, { quorum: 3 }).violations.length;
    expect(found(restarted(2))).toBe(0);
    expect(found(restarted(3))).toBe(1);
    expect(check(restarted(2).events, { quorum: 5 }).violations).toHaveLength(1);
    expect(found(restarted(3).fault('partition', 9_000, 9_005, { workers: ['w1'] }))).toBe(0);
    expect(found(restarted(3).fault('worker-pause', 9_000, 9_005, { workers: ['w1'] }))).toBe(1);
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
    expect(rulesBrokenBy(passedOver(OVERTAKEN_MS / 1_000 - 1))).toEqual([]);
    const alone = passedOver(3).granted('w4.1#1', { askedAt: 90, at: 4_000, token: 200 }).released('w4.1#1', 30_000);
    expect(rulesBrokenBy(alone)).toEqual([]);
  });

  it('has nothing when another caller of the process is served meanwhile, or gives up', () => {
    const story = passedOver(10).granted('w3.1#2', { askedAt: 50, at: 5_500, token: 105.5 });
    expect(rulesBrokenBy(story.released('w3.1#2', 5_600))).toEqual([]);
    const gaveUp = passedOver(10).asked('w3.1#2', 50).refused('w3.1#2', 5_500, 'AbortError');
    expect(rulesBrokenBy(gaveUp)).toEqual([]);
  });

  it('counts no time in which the process is touched by a fault', () => {
    const broken = (worker: string) => passedOver(12).fault('partition', 1_500, 7_000, { workers: [worker] });
    expect(rulesBrokenBy(broken('w3'))).toEqual([]);
    expect(rulesBrokenBy(broken('w1'))).toEqual(['9 no starvation']);
  });

  it('gives it longer after a fault that spares waiters, and then the queue is in order', () => {
    const hole = (turns: number) => passedOver(turns).fault('hole', 50, 60, { workers: ['w3'], spares: ['waiters'] });
    expect(rulesBrokenBy(hole(STARVED_AFTER_MS / 1_000 - 1))).toEqual([]);
    expect(rulesBrokenBy(hole(STARVED_AFTER_MS / 1_000 + 2))).toEqual(['9 no starvation']);
    const later = hole(50).granted('w3.1#2', { askedAt: 50, at: 10_500, token: 110.5 }).released('w3.1#2', 10_600);
    expect(rulesBrokenBy(later)).toEqual(['9 no starvation']);
  });
});

describe('rule 10: one chain, one at a time', () => {
  const [D, E] = ['w1.1#2', 'w1.1#3'] as const;

  /** The bodies of two calls within the one of A, which lasts until 100; all share the lock. */
  const within = (first: [number, number], second: [number, number], parent: string = A): Story =>
    new Story()
      .granted(A, { at: 10, token: 100 })
      .granted(D, { at: first[0], token: 100, parent: A, reentrant: true })
      .granted(E, { at: second[0], token: 100, parent, reentrant: true })
      .released(D, first[1])
      .released(E, second[1])
      .released(A, 100);

  it('has nothing against siblings one after the other, nor against one in the other', () => {
    expect(rulesBrokenBy(within([20, 30], [40, 50]))).toEqual([]);
    expect(rulesBrokenBy(within([20, 60], [40, 50], D))).toEqual([]);
  });

  it('has nothing against a call that goes on after the body that has not awaited it', () => {
    expect(rulesBrokenBy(within([20, 130], [40, 50], D))).toEqual([]);
  });

  it('finds siblings at the same time', () => {
    expect(rulesBrokenBy(within([20, 45], [40, 50]))).toEqual(['10 one chain, one at a time']);
  });

  it('finds a call that is taken into a hold whose body has ended', () => {
    expect(rulesBrokenBy(within([20, 30], [110, 120]))).toEqual(['10 one chain, one at a time']);
    expect(rulesBrokenBy(within([20, 30], [40, 50], D))).toEqual([]);
  });

  it('finds one that waited for its own chain, it was told, and whose chain did not hold the lock', () => {
    const told = (parent: string): Story =>
      within([20, 30], [40, 50]).asked(B, 60, { wait: 0, parent }).refused(B, 61, 'LOCK_BUSY', true);
    expect(rulesBrokenBy(told(A))).toEqual([]);
    expect(rulesBrokenBy(told(C))).toEqual(['10 one chain, one at a time']);
  });
});

describe('rule 11: no harm without a cause', () => {
  const asked = { kind: 'asked', request: A, worker: 'w1.1', name: 'a', permits: 0, wait: 0 } as const;
  const refused = (code: string, wait = 1_000): Story => takingTurns().asked(C, 60, { wait }).refused(C, 160, code);

  it('finds a call that was unavailable although nothing was broken, or only what it has to bear', () => {
    const unavailable = (): Story => refused('LOCK_UNAVAILABLE');
    expect(rulesBrokenBy(unavailable())).toEqual(['11 no harm without a cause']);
    expect(rulesBrokenBy(unavailable().fault('partition', 40, 70, { workers: ['w3'] }))).toEqual([]);
    expect(rulesBrokenBy(unavailable().fault('partition', 40, 70, { workers: ['w1'] }))).toHaveLength(1);
    const still = unavailable().add({ at: -3_000, kind: 'delayed', until: -1_500, worker: 'w3.1' });
    expect(rulesBrokenBy(still)).toEqual([]);
    const half = unavailable().fault('half-open-messages', 40, 70, { spares: ['calls'] });
    expect(rulesBrokenBy(half)).toEqual(['11 no harm without a cause']);
  });

  it('finds a call that does not wait for a server that says "not now"', () => {
    const busy = (ms: number): Story =>
      takingTurns()
        .fault('busy-script', 1_000, 5_000, { spares: ['patience'] })
        .asked(C, 1_000 + ms - 10)
        .refused(C, 1_000 + ms, 'LOCK_UNAVAILABLE');
    expect(rulesBrokenBy(busy(100))).toEqual(['11 no harm without a cause']);
    expect(rulesBrokenBy(busy(3_000))).toEqual([]);
  });

  it('finds a process that hears no messages any more', () => {
    const story = takingTurns().add({ at: 100, kind: 'deaf', worker: 'w1.1' });
    expect(rulesBrokenBy(story)).toEqual(['11 no harm without a cause']);
  });

  it('finds a renewed lease that runs out although nothing was broken', () => {
    const story = (): Story => new Story().granted(A, { at: 10, token: 100 }).lost(A, 1_500, 'expired');
    expect(rulesBrokenBy(story())).toEqual(['11 no harm without a cause']);
    expect(rulesBrokenBy(story().fault('partition', 300, 700))).toEqual([]);
    expect(rulesBrokenBy(story().fault('half-open', 300, 700, { spares: ['holds'] }))).toHaveLength(1);
    const delayed = story().add({ at: 400, kind: 'delayed', until: 1_400, worker: 'w1.1' });
    expect(rulesBrokenBy(delayed)).toEqual([]);
    // It shares a hold that is not renewed.
    const shared = new Story()
      .add({ ...asked, at: 9, renews: false })
      .add({ at: 10, kind: 'granted', request: A, token: 100 })
      .granted('w1.1#2', { at: 20, token: 100, parent: A, reentrant: true });
    expect(rulesBrokenBy(shared.lost('w1.1#2', 1_500, 'expired'))).toEqual([]);
  });

  it('finds a wait that ends too early, and an answer that nobody should get', () => {
    expect(rulesBrokenBy(refused('LOCK_BUSY'))).toEqual(['11 no harm without a cause']);
    expect(rulesBrokenBy(refused('LOCK_BUSY', 101))).toEqual([]);
    expect(rulesBrokenBy(refused('TypeError'))).toEqual(['11 no harm without a cause']);
  });
});
