import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { interleavingLines } from '../../src/report/two_columns.ts';
import type { InterleavedStep } from '../../src/scenario/outcome.ts';

/** Steps as "CPU: text; text", numbered from 1. */
function lines(cpus: number, ...steps: string[]): string[] {
  const parsed = steps.map((step, i): InterleavedStep => {
    const [cpu, did] = step.split(/: (.*)/s) as [string, string];
    return { step: i + 1, cpu: Number(cpu), point: '', did: did === '' ? [] : did.split('; ') };
  });
  return interleavingLines({ line: 7, cpus, steps: parsed });
}

const A = '0xffff888000200000';

describe('an interleaving as text', () => {
  it('has a column for each of two CPUs, calls at its margin and what they do under them', () => {
    expect(
      lines(
        2,
        `0: set_memory_x(${A}, 1)`,
        '0: reads PTE: - RW A NX',
        `1: set_memory_p(${A}, 1)`,
        `1: writes PTE ${A}: - RW A NX -> P RW A NX; returns 0`,
      ),
    ).toEqual([
      "interleave() of line 7, run as '0*2 1*2'",
      `where a = ${A}`,
      '',
      '      CPU 0                              CPU 1',
      '      -------------------------------    -------------------------------',
      '   1  set_memory_x(a, 1)',
      '   2    reads PTE: - RW A NX',
      '   3                                     set_memory_p(a, 1)',
      '   4                                       writes PTE a: - RW A NX -> P',
      '                                             RW A NX',
      '                                           returns 0',
    ]);
  });

  it('has three narrower columns for three CPUs, and cuts names that do not fit', () => {
    expect(lines(3, '2: set_direct_map_invalid_noflush(pfn 0x200)', '0: flush_tlb_all()').slice(2)).toEqual([
      '      CPU 0                  CPU 1                  CPU 2',
      '      --------------------   --------------------   --------------------',
      '   1                                                set_direct_map_',
      '                                                      invalid_noflush(',
      '                                                      pfn 0x200)',
      '   2  flush_tlb_all()',
    ]);
  });

  it('is a list for more CPUs', () => {
    expect(lines(4, '3: touch(pfn 0x200)', '0: reads PTE: none; returns').slice(2)).toEqual([
      '   1  CPU 3    touch(pfn 0x200)',
      '   2  CPU 0      reads PTE: none',
      '                 returns',
    ]);
  });

  it('tells once, and how often, what a CPU did several times in a row', () => {
    const steps = ['0: waits for cpa_lock', '0: waits for cpa_lock', '1: drops cpa_lock'];
    expect(lines(2, ...steps, '0: waits for cpa_lock').slice(4)).toEqual([
      '   1    waits for cpa_lock (2 times)',
      '   3                                       drops cpa_lock',
      '   4    waits for cpa_lock',
    ]);
  });

  it('says of a step without an event that the CPU goes on', () => {
    expect(lines(2, '1: ').at(-1)).toBe('   1                                       goes on');
  });

  it('has a letter for each long number, as far as there are letters', () => {
    const addresses = Array.from({ length: 27 }, (_, i) => `0xffff8880002000${String(i).padStart(2, '0')}`);
    const text = lines(2, ...addresses.map((address) => `0: touch(${address})`));
    expect(text.join('\n')).toContain('z = 0xffff888000200025');
    expect(text.slice(-2)).toEqual(['  26  touch(z)', '  27  touch(0x..00200026)']);
  });

  it('cuts short a step that says too much', () => {
    const did = Array.from({ length: 30 }, (_, i) => `line ${i}`).join('; ');
    expect(lines(2, `0: ${did}`).at(-1)).toBe('        and 10 more');
  });

  it('never is wider than a mail takes', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'Z', '_', '(', '9'), minLength: 1, maxLength: 90 });
    const text = fc.array(word, { minLength: 1, maxLength: 8 }).map((words) => words.join(' '));
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 5 }), fc.array(text, { maxLength: 5 }), (cpus, texts) => {
        const printed = lines(cpus, ...texts.map((each, i) => `${i % cpus}: ${each}`));
        expect(Math.max(...printed.map(({ length }) => length))).toBeLessThanOrEqual(72);
      }),
    );
  });
});
