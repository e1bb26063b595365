import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/errors.ts';
import * as pat from '../../src/linux/arch/x86/mm/pat/set_memory.ts';
import type { X86Kernel } from '../../src/linux/arch/x86/x86_kernel.ts';
import { alloc_pages } from '../../src/linux/mm/page_alloc.ts';
import { runTask, type Task } from '../../src/linux/task.ts';
import { parseScenario } from '../../src/scenario/parse.ts';
import { runScenario } from '../../src/scenario/run.ts';
import { scheduleText } from '../../src/scenario/schedule.ts';
import { knownNames } from '../../src/scenario/script_calls.ts';
import { startMachine } from '../../src/scenario/start.ts';
import { bootMachine, leafOf } from '../support/machines.ts';

const DEBUG = "config: { DEBUG_PAGEALLOC: 'y' }, boot: 'debug_pagealloc=on'";

const MACHINE = "kernel: 'v6.12', ram: '64M', cpus: 2";

function run(script: string, header = '', machine = MACHINE) {
  const text = `({ ${machine}, ${header} })\nconst page = alloc_pages(9);\n${script}`;
  const program = parseScenario(text, 's.js', knownNames());
  const started = startMachine(program, {});
  return { outcome: runScenario(program, started), k: started.kernel };
}

/** What each step did, after its CPU. */
function told(script: string, header = ''): string[] {
  const { interleavings } = run(script, header).outcome;
  return interleavings.flatMap(({ steps }) => steps.map(({ cpu, did }) => `${cpu}: ${did.join('; ')}`));
}

/** Where alloc_pages(9) is, with debug_pagealloc and without. */
const PAGE = '0xffff888000200000';
const BLOCK = '0xffff888003400000';

describe('one CPU that sets X while another sets P, under debug_pagealloc on v6.12', () => {
  const script = (schedule: string) => `
    const addr = page_address(page);
    set_memory_np(addr, 1);
    interleave('${schedule}',
      () => { expect(set_memory_x(addr, 1), 0); },
      () => { expect(set_memory_p(addr, 1), 0); });
    kernel_page_present(page);`;

  it('lose the P if the second comes in between read and write of the first', () => {
    const { outcome } = run(script('0*2 1*4 0*2'), DEBUG);
    expect(outcome.steps.at(-1)).toMatchObject({ returned: '0' });
    expect(outcome).toMatchObject({ ended: 'finished', expectationsFailed: 0 });
    expect(run(script('0*4 1*4'), DEBUG).outcome.steps.at(-1)).toMatchObject({ returned: '1' });
  });

  it('are told step by step, each from the point where it went on', () => {
    const { outcome } = run(script('0*2 1*4 0*2'), DEBUG);
    expect(outcome.interleavings).toEqual([
      {
        line: 6,
        cpus: 2,
        steps: [
          { step: 1, cpu: 0, point: 'start', did: [`set_memory_x(${PAGE}, 1)`] },
          { step: 2, cpu: 0, point: `read PTE ${PAGE}`, did: ['reads PTE: - RW A NX'] },
          { step: 3, cpu: 1, point: 'start', did: [`set_memory_p(${PAGE}, 1)`] },
          { step: 4, cpu: 1, point: `read PTE ${PAGE}`, did: ['reads PTE: - RW A NX'] },
          {
            step: 5,
            cpu: 1,
            point: `write PTE ${PAGE}`,
            did: [`writes PTE ${PAGE}: - RW A NX -> P RW A NX`],
          },
          { step: 6, cpu: 1, point: 'flush', did: ["flushes 1 page from all CPUs' TLBs", 'returns 0'] },
          { step: 7, cpu: 0, point: `write PTE ${PAGE}`, did: [`writes PTE ${PAGE}: P RW A NX -> - RW A`] },
          { step: 8, cpu: 0, point: 'flush', did: ["flushes 1 page from all CPUs' TLBs", 'returns 0'] },
        ],
      },
    ]);
  });

  it('each have their own change in their own step, though the calls overlap', () => {
    const { steps } = run(script('0*2 1*4 0*2'), DEBUG).outcome;
    expect(steps.slice(2, 4)).toMatchObject([
      { cpu: 0, changes: [{ before: { text: 'P RW A NX' }, after: { text: '- RW A' } }] },
      { cpu: 1, changes: [{ before: { text: '- RW A NX' }, after: { text: 'P RW A NX' } }] },
    ]);
    expect(steps.map(({ flushes }) => flushes.length)).toEqual([1, 1, 1, 1, 0]);
  });
});

describe('two CPUs that take two pages out of one 2M leaf', () => {
  const script = (schedule: string, before = '') => `
    interleave('${schedule}',
      () => { ${before} set_direct_map_invalid_noflush(page); },
      () => { set_direct_map_invalid_noflush(page + 1); });
    set_direct_map_invalid_noflush(page + 2);`;

  it('split it once, and the loser gives its table back', () => {
    const { outcome } = run(script('0*5 1*5'));
    const [, first, second, third] = outcome.steps;
    expect(first).toMatchObject({ cpu: 0, returned: '0', allocations: 1, splits: [{ level: '2M' }] });
    expect(second).toMatchObject({ cpu: 1, returned: '0', allocations: 1, splits: [] });
    expect(outcome.cost).toMatchObject({ splits: { '2M': 1 }, tablesAllocated: 2, tablesFreed: 1 });
    expect(first?.changes.map(({ level, count, inNewTable }) => [level, count, inNewTable])).toEqual([
      ['PMD', 1, false],
      ['PTE', 1, true],
      ['PTE', 511, true],
    ]);
    expect(second?.changes).toMatchObject([{ level: 'PTE', count: 1, inNewTable: false, effect: 'changed' }]);
    expect(third?.changes).toMatchObject([{ level: 'PTE', count: 1, inNewTable: false, effect: 'changed' }]);
  });

  it('wait for each other’s locks, read the leaf, split it, and are told so', () => {
    expect(told(script('0*2 1*2'))).toEqual([
      '0: set_direct_map_invalid_noflush(pfn 0x3400)',
      '0: takes cpa_lock',
      '1: set_direct_map_invalid_noflush(pfn 0x3401)',
      '1: waits for cpa_lock',
      '0: reads PMD: P RW A D PSE G NX (2M)',
      '0: takes pgd_lock',
      '0: reads PMD: P RW A D PSE G NX (2M); drops pgd_lock; drops cpa_lock; allocates a page table',
      '0: takes cpa_lock',
      '0: takes pgd_lock',
      '0: reads PMD: P RW A D PSE G NX (2M)',
      `0: writes PMD ${BLOCK}: P RW A D PSE G NX -> a table; splits 2M at ${BLOCK}`,
      "0: flushes all CPUs' TLBs; drops pgd_lock",
      '0: reads PTE: P RW A D G NX',
      `0: writes PTE ${BLOCK}: P RW A D G NX -> - A NX; drops cpa_lock; returns 0`,
      '1: takes cpa_lock',
      '1: reads PTE: P RW A D G NX',
      '1: writes PTE 0xffff888003401000: P RW A D G NX -> - A NX; drops cpa_lock; returns 0',
    ]);
  });

  it('are refused memory in the order in which they ask, whoever asked for that', () => {
    const { steps } = run(script('0 1*6', 'fail_alloc(1);')).outcome;
    expect(steps.slice(1, 3)).toMatchObject([
      { cpu: 0, refused: [], returned: '0' },
      { cpu: 1, refused: [{ what: 'page table' }], returned: '-ENOMEM' },
    ]);
  });
});

describe('an interleave()', () => {
  it('gives the tables that its order of steps gives when taken by hand, and runs in the order that it tells', () => {
    fc.assert(
      fc.property(bodies, fc.array(fc.nat(), { maxLength: 40 }), fc.nat(40), fc.boolean(), oneSchedule),
      { numRuns: 30 },
    );
  }, 60_000);

  it('goes on with the next call of a body within the same step', () => {
    expect(told("interleave('', () => { touch(page); touch(page + 1); }, () => {});")).toEqual([
      '0: touch(pfn 0x3400)',
      '0: reads PMD: P RW A D PSE G NX (2M); returns; touch(pfn 0x3401)',
      '0: reads PMD: P RW A D PSE G NX (2M); returns',
      '1: ',
    ]);
  });

  it('names the entry only where it can be told which was read', () => {
    const [, read] = told("interleave('', () => { set_memory_np(page_address(page), 512); }, () => {});");
    expect(read).toBe('0: takes cpa_lock');
    expect(told("interleave('0*3', () => { set_memory_np(page_address(page), 512); }, () => {});")[2]).toBe(
      '0: walks the tables',
    );
  });

  it('ends when the machine dies, with the changes of the calls that never return', () => {
    const outcome = run(`
      interleave('0*6 1*20 0',
        () => { expect(set_memory_np(page_address(page), 512), 0); },
        () => { expect(touch(page), OOPS); touch(page); });
      touch(page)`).outcome;
    expect(outcome).toMatchObject({ ended: 'died', expectationsFailed: 0 });
    expect(outcome.steps.slice(1)).toMatchObject([
      { cpu: 0, returned: undefined, changes: [{ level: 'PMD', size: '2M, not present' }], died: undefined },
      { cpu: 1, returned: undefined, changes: [], expected: { met: true } },
    ]);
    expect(outcome.interleavings[0]!.steps.at(-1)?.did.at(-1)).toMatch(/^oops: unable to handle page fault/);
  });

  it('leaves later calls to the CPU that it was on', () => {
    const { outcome } = run("interleave('1', () => {}, () => { touch(page); });\ntouch(page);");
    expect(outcome.steps.map(({ cpu }) => cpu)).toEqual([0, 1, 0]);
  });

  it('is absent from a run without one', () => {
    expect(run('touch(page);').outcome.interleavings).toEqual([]);
  });

  it('dies of a lock that v7.2 never drops, in the call of every CPU that waits for it', () => {
    const { outcome } = run(
      `const addr = page_address(page);
       set_memory_rox(addr, 512); set_memory_nx(addr, 512); set_memory_rw(addr, 512);
       __free_pages(page, 9);
       __kernel_map_pages(page + 5, 1, 1);
       const other = page_address(alloc_pages(0));
       interleave('',
         () => { touch(page + 5); },
         () => { expect(set_memory_ro(other, 1), OOPS); },
         () => { expect(set_memory_x(other, 1), OOPS); });`,
      DEBUG,
      "kernel: 'v7.2', ram: '1G', cpus: 3",
    );
    const text = 'deadlock: CPU 1 waits for cpa_lock, held by CPU 0; CPU 2 waits for cpa_lock, held by CPU 0';
    expect(outcome).toMatchObject({ ended: 'died', expectationsFailed: 0 });
    expect(outcome.steps.slice(-2)).toMatchObject([
      { cpu: 1, returned: undefined, died: text, expected: { value: 'OOPS', met: true } },
      { cpu: 2, returned: undefined, died: text, expected: { value: 'OOPS', met: true } },
    ]);
    expect(outcome.interleavings[0]!.steps.at(-1)).toMatchObject({
      cpu: 2,
      point: 'lock cpa_lock',
      did: ['waits for cpa_lock', text],
    });
  });
});

function mistake(script: string): string {
  try {
    run(script, DEBUG);
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  throw new Error('ran without complaint');
}

describe('a mistake in an interleave()', () => {
  it.each([
    [
      'more bodies than CPUs',
      "interleave('0', () => {}, () => {}, () => {})",
      "3:1: number of functions of interleave() 3 is out of range: expected at most 2, one a CPU; the header's cpus says how many there are",
    ],
    [
      'a step of a CPU that has ended',
      "interleave('0*2 1 0', () => { touch(page) }, () => { touch(page) })",
      '3:12: step 4 of the schedule: found CPU 0, which has ended after 2 steps, expected CPU 1',
    ],
    [
      'steps after all have ended',
      "interleave('0 1 1', () => {}, () => {})",
      '3:12: step 3 of the schedule: found CPU 1, which has ended after 1 step, expected no more steps',
    ],
    [
      'more steps than a run may take',
      "interleave('', () => { for (let i = 0; i < 99; i++) { set_pages_ro(page, 512); set_pages_rw(page, 512); } }, () => {})",
      '3:1: number of interleaved steps more than 100000 is out of range: expected at most 100000 in one run',
    ],
  ])('is told with line and column: %s', (_name, script, message) => {
    expect(mistake(script)).toBe(`s.js:${message}`);
  });
});

// The same by hand, as the kernel's tests take steps

const CALLS = {
  set_memory_np: pat.set_memory_np,
  set_memory_p: pat.set_memory_p,
  set_memory_x: pat.set_memory_x,
  set_memory_ro: pat.set_memory_ro,
  set_memory_4k: pat.set_memory_4k,
};

interface HandCall {
  name: keyof typeof CALLS;
  first: number;
  pages: number;
}

const call = fc.record({
  name: fc.constantFrom(...(Object.keys(CALLS) as (keyof typeof CALLS)[])),
  first: fc.nat(2),
  pages: fc.integer({ min: 1, max: 3 }),
});
const bodies = fc.array(fc.array(call, { maxLength: 2 }), { minLength: 2, maxLength: 2 });

/** By hand: who goes on is chosen among those that can. Returns the order. */
function byHand(
  k: X86Kernel,
  calls: readonly HandCall[][],
  choices: (alive: number[], at: number) => number,
) {
  const block = runTask(alloc_pages(k, 0, 9));
  if (block.ended !== 'returned' || block.value === undefined) throw new Error('no memory');
  const addr = k.page_address(block.value);
  function* body(own: readonly HandCall[]): Task<void> {
    for (const { name, first, pages } of own) yield* CALLS[name](k, addr + first * 4096, pages);
  }
  const tasks = calls.map(body);
  const alive = tasks.map((_, cpu) => cpu);
  const order: number[] = [];
  k.interleaved = true;
  while (alive.length > 0) {
    k.cpu = choices(alive, order.length);
    order.push(k.cpu);
    const task = tasks[k.cpu]!;
    let next = task.next(0);
    while (next.done !== true && next.value.kind === 'allocation') next = task.next(1);
    if (next.done === true) alive.splice(alive.indexOf(k.cpu), 1);
  }
  return { order, page: block.value };
}

function oneSchedule(
  calls: readonly HandCall[][],
  choices: readonly number[],
  cut: number,
  debugPagealloc: boolean,
): void {
  const boot = () =>
    bootMachine('v6.12', {
      ...{ ram: '64M', cpus: 2 },
      ...(debugPagealloc ? { config: { DEBUG_PAGEALLOC: 'y' }, boot: 'debug_pagealloc=on' } : {}),
    });
  const script = (schedule: readonly number[]) => {
    const text = ({ name, first, pages }: HandCall) => `${name}(page_address(page + ${first}), ${pages});`;
    const functions = calls.map((own) => `() => { ${own.map(text).join(' ')} }`);
    return `interleave('${scheduleText(schedule)}', ${functions.join(', ')})`;
  };
  const header = debugPagealloc ? DEBUG : '';

  const hand = boot();
  const { order, page } = byHand(hand, calls, (alive, at) => alive[(choices[at] ?? at) % alive.length]!);
  const whole = run(script(order), header);
  expect(whole.k.memory.hash).toBe(hand.memory.hash);
  expect(leafOf(whole.k as X86Kernel, page)).toEqual(leafOf(hand, page));
  expect(whole.outcome.interleavings[0]!.steps.map(({ cpu }) => cpu)).toEqual(order);

  const part = run(script(order.slice(0, cut)), header);
  const ran = part.outcome.interleavings[0]!.steps.map(({ cpu }) => cpu);
  expect(ran.slice(0, cut)).toEqual(order.slice(0, cut));
  const again = boot();
  byHand(again, calls, (_, at) => ran[at]!);
  expect(part.k.memory.hash).toBe(again.memory.hash);
}
