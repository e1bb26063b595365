import { describe, expect, it } from 'vitest';
import { ask, askClaimNamed } from '../../src/check/ask.ts';
import { machineFor, worldOf } from '../../src/check/check.ts';
import { findClaim } from '../../src/check/find_claim.ts';
import { replay } from '../../src/check/trace/replay.ts';
import { parseSteps, parseTraceId } from '../../src/check/trace/trace_id.ts';
import { InputError } from '../../src/errors.ts';
import { X86 } from '../../src/linux/arch/x86/index.ts';
import { parseKernelVersion } from '../../src/linux/kernels.ts';

const limits = { states: 100_000, seconds: 60, bytes: 2 ** 28 };

describe('set_direct_map_default_noflush(page) on v7.2', () => {
  const answer = ask({ call: 'set_direct_map_default_noflush(page)', kernel: 'v7.2', limits });
  const failing = (when: string) => answer.failures.filter((failure) => failure.when === when);

  it('cannot fail where the page is a 4K entry, because no split is needed, and names the condition', () => {
    const safe = answer.safe.find(({ when }) => when === 'a 4K entry, not present');
    expect(safe?.because).toEqual(['__change_page_attr(): level == PG_LEVEL_4K: no split']);
    expect(safe?.states).toBeGreaterThan(1000);
    expect(
      answer.failures.some(({ when, failure }) => failure === 'F1' && when.startsWith('a 4K entry')),
    ).toBe(false);
  });

  it('fails with -ENOMEM where the page lies in a not-present large leaf, by two calls and one refusal', () => {
    const failure = failing('part of a 2M leaf, not present').find((each) => each.failure === 'F1');
    expect(failure).toMatchObject({ returned: '-ENOMEM', notices: ['return value'] });
    expect(failure?.trace).toMatchObject({ calls: { length: 2 }, refusals: 1, fullSize: true });
  });

  it('is exhausted, and tells what it did not look at', () => {
    expect(answer.exhausted).toBe(true);
    expect(answer.explored).toHaveLength(4);
    expect(answer.notExplored.join()).toContain('vmalloc');
  });

  it('tells who ignores the error', () => {
    expect(answer.callers.map(({ does }) => does)).toContain('ignores it');
  });

  it('gives replay ids that show the same again', () => {
    for (const { trace, text } of answer.failures) {
      const { claim: id, kernel, geometry, steps } = parseTraceId(trace.id);
      const claim = findClaim(id, 'test');
      const surroundings = { version: parseKernelVersion(kernel, 'test', X86), geometry };
      const machine = machineFor(worldOf(claim, surroundings), surroundings);
      expect(replay(claim, machine, parseSteps(steps, machine.actions)).finding?.text).toContain(text);
    }
  });
});

describe('__kernel_map_pages(page, 1, 1)', () => {
  it('fails in silence on v5.10 where the page lies in a large leaf', () => {
    const { failures } = ask({ call: '__kernel_map_pages(page, 1, 1)', kernel: 'v5.10', limits });
    const failure = failures.find((each) => each.failure === 'F1');
    expect(failure).toMatchObject({ returned: 'void', notices: ['nobody'] });
  });

  it('reaches no other CPU: F4', () => {
    const debug = { boot: 'debug_pagealloc=on', config: [['DEBUG_PAGEALLOC', 'y']] as const };
    const { failures } = ask({ call: '__kernel_map_pages(page, 1, 0)', kernel: 'v6.12', limits, ...debug });
    expect(failures.map(({ failure }) => failure)).toEqual(['F4', 'F4']);
    expect(failures[0]?.text).toContain('another CPU can still read');
  });
});

describe('bad questions', () => {
  const asking = (call: string) => () => ask({ call, kernel: 'v7.2', limits });

  it.each([
    ['set_memory_npp(addr, 1)', /unknown kernel function "set_memory_npp"[\s\S]*set_memory_np/],
    ['set_memory_np(addr, 1', /call: found set_memory_np\(addr, 1, expected such as/],
    ['vmalloc(4)', /expected a function that takes a page or an address/],
    ['__kernel_map_pages(page, 1, x)', /argument: found x in/],
    ['', /expected such as/],
  ])('%s is refused with what was expected', (call, message) => {
    expect(asking(call)).toThrow(InputError);
    expect(asking(call)).toThrow(message);
  });

  it('a function that this kernel lacks is refused with the reason', () => {
    expect(asking('__kernel_map_pages(page, 1, 0)')).toThrow(/needs CONFIG_DEBUG_PAGEALLOC=y/);
  });

  it('an id of a question that cannot be is no claim', () => {
    expect(askClaimNamed('ask7.set_memory_np-page')).toBeUndefined();
    expect(askClaimNamed('ask0.nothing-page')).toBeUndefined();
  });
});
