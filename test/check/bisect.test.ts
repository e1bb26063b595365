import { describe, expect, it } from 'vitest';
import { bisect } from '../../src/check/bisect.ts';
import { findClaim } from '../../src/check/find_claim.ts';
import { InputError } from '../../src/errors.ts';

const limits = { states: 100_000, seconds: 60, bytes: 2 ** 28 };
const between = (claim: string, from: string, to: string) =>
  bisect(findClaim(claim, 'test'), { from, to, limits });

describe('bisecting the lost update of C16', () => {
  const result = between('cpa-updates-are-not-lost', 'v6.12', 'v7.2');

  it('finds the one change that mends it, put into the old kernel', () => {
    expect(result.from.verdict).toBe('refuted');
    expect(result.to.verdict).toBe('holds');
    expect(result.flips.map(({ kernel }) => kernel)).toEqual(['v6.12.107+cpa-lock-exempts-pagealloc-only']);
    expect(result.flips[0]?.result.verdict).toBe('holds');
  });

  it('finds that taking it out of the new kernel brings the race back', () => {
    expect(result.reverts.map(({ kernel }) => kernel)).toEqual(['v7.2.13~cpa-lock-exempts-pagealloc-only']);
  });

  it('tries only the changes that the model was asked about', () => {
    expect(result.relevant).toContain('cpa-mmap-lock');
    expect(result.relevant).not.toContain('memtype-erase-exact');
    expect(result.tried).toBeLessThanOrEqual(2 + 2 * result.relevant.length);
  });
});

describe('bisecting where nothing turns', () => {
  it('finds no change, after two kernels', () => {
    const result = between('no-large-np-leaf', 'v6.1', 'v6.12');
    expect(result).toMatchObject({ flips: [], reverts: [], tried: 2 });
  });

  it('refuses two kernels that do not differ', () => {
    expect(() => between('no-large-np-leaf', 'v7.2', '7.2.13')).toThrow(InputError);
    expect(() => between('no-large-np-leaf', 'v7.2', '7.2.13')).toThrow(/two that differ/);
  });
});
