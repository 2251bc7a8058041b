import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nameOfElement, nameOfPermits } from '../../../lib/features/jobs/job-names.js';

/** Mostly of what the names are made of. */
const text = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'job', ':', '%', '%3A', 'permits'), minLength: 1, maxLength: 6 }),
  fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme-ascii' }),
);

describe('The names of jobs', () => {
  it('are readable', () => {
    expect(nameOfElement('invoice', 42)).toBe('invoice:42');
    expect(nameOfElement('invoice', '2024/7')).toBe('invoice:2024%2F7');
    expect(nameOfPermits('render')).toBe('job:render:permits');
  });

  it('differ for different jobs and elements, and an element has none of a semaphore', () => {
    fc.assert(
      fc.property(text, text, text, text, (a, b, c, d) => {
        expect(nameOfElement(a, b) === nameOfElement(c, d)).toBe(a === c && b === d);
        expect(nameOfPermits(a) === nameOfPermits(c)).toBe(a === c);
        expect(nameOfElement(a, b)).not.toBe(nameOfPermits(c));
      }),
      { numRuns: 2_000 },
    );
  });
});
