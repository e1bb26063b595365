import { describe, expect, test } from 'vitest';
import { kernelPagePresent } from '../../../src/inspect/explain/presence.ts';
import { addressOfFrame, explain, Machine } from '../../../src/inspect/index.ts';
import { parseRelease } from '../../../src/inspect/version.ts';
import type { WalkStep } from '../../../src/mmu/walk.ts';
import { readCore, readDescription } from '../../support/real_core.ts';
import { ReplayedCore, readTrace } from '../../support/replayed_core.ts';

describe.each([
  // Calls that were recorded, and how many of them can be told from the tables.
  ['x86_64-5.10-debian', 18, 18],
  ['x86_64-5.10-debug-pagealloc', 12, 12],
  ['x86_64-6.1-debian', 18, 18],
  ['x86_64-6.12-debian', 18, 18],
  ['x86_64-7.2-debian', 18, 18],
  ['arm64-7.2-bbml2-q10', 3, 3],
  ['arm64-5.10-rodata-off', 2, 2],
  ['riscv64-6.12', 2, 2],
  ['riscv64-6.12-6g', 2, 2],
  ['riscv64-7.2', 2, 2],
  ['s390x-6.12-edat', 2, 2],
  ['s390x-7.2-edat', 2, 2],
] as const)('%s', (name, recorded, told) => {
  test('each page is said to be present of which the kernel said so, and no other', () => {
    const memory = new ReplayedCore(name);
    const hints = memory.vmcoreinfo === undefined ? { root: Number(readDescription(name).root) } : {};
    const answers: { call: number; answer: unknown; returned: unknown }[] = [];
    for (const call of readTrace(name).calls) {
      memory.apply(call);
      if (call.call !== 'kernel_page_present' || call.args.pfn === undefined) continue;
      const machine = new Machine(memory, hints, name);
      const address = addressOfFrame(machine, Number(call.args.pfn)) ?? 0;
      const { answer } = explain(machine, address).presence;
      answers.push({ call: call.i, answer, returned: call.ret === 1 });
    }
    expect(answers).toHaveLength(recorded);
    const known = answers.filter(({ answer }) => answer !== undefined);
    expect(known.filter(({ answer, returned }) => answer !== returned)).toEqual([]);
    expect(known).toHaveLength(told);
  });
});

/** What a kernel of that release would say of an entry. */
function presence(arch: Machine['arch'], release: string | undefined, step: Partial<WalkStep>) {
  const last = { level: 1, entryAddress: 0, low: 0, high: 0, kind: 'leaf', why: undefined, ...step } as const;
  const machine = { arch, version: parseRelease(release) } as Machine;
  return kernelPagePresent(machine, last).answer;
}

const NOT_PRESENT = { kind: 'not-present' } as const;
const BLOCK = { kind: 'not-present', level: 2 } as const;
const HOLE = { kind: 'hole' } as const;

describe('by architecture and release', () => {
  test('x86 reads the bit of any entry, and falls over a table that is not there', () => {
    expect(presence('x86_64', '5.10.0', {})).toBe(true);
    expect(presence('x86_64', undefined, NOT_PRESENT)).toBe(false);
    expect(presence('x86_64', '7.2.0', BLOCK)).toBe(false);
    // lookup_address() gives the empty PTE, which is read; above, it gives NULL.
    expect(presence('x86_64', '7.2.0', HOLE)).toBe(false);
    expect(presence('x86_64', '7.2.0', { ...HOLE, level: 2 })).toBe('oops');
  });

  test('arm64 takes any block for present until v7.2, and asks boot parameters before v6.5', () => {
    expect(presence('arm64', '6.12.1', BLOCK)).toBe(true);
    expect(presence('arm64', '7.2.1', BLOCK)).toBe(false);
    expect(presence('arm64', '7.0.1', BLOCK)).toBeUndefined();
    expect(presence('arm64', '6.12.1', NOT_PRESENT)).toBe(false);
    expect(presence('arm64', '6.1.1', NOT_PRESENT)).toBeUndefined();
    expect(presence('arm64', '5.10.1', HOLE)).toBeUndefined();
    expect(presence('arm64', '5.10.1', {})).toBe(true);
    expect(presence('arm64', undefined, NOT_PRESENT)).toBeUndefined();
  });

  test('riscv64 takes what is global for present, but a leaf of 1G', () => {
    const global = { low: 0xe6 };
    expect(presence('riscv64', '6.12.1', { ...NOT_PRESENT, ...global })).toBe(true);
    expect(presence('riscv64', '6.12.1', { ...NOT_PRESENT, low: 0xc6 })).toBe(false);
    expect(presence('riscv64', '6.12.1', { ...BLOCK, ...global })).toBe(true);
    expect(presence('riscv64', '6.12.1', { ...BLOCK, ...global, level: 3 })).toBe(false);
    expect(presence('riscv64', '6.12.1', HOLE)).toBe(false);
    // A leaf of 2M was read as if it were a table.
    expect(presence('riscv64', '6.3.1', { level: 2 })).toBeUndefined();
    expect(presence('riscv64', '5.10.1', {})).toBeUndefined();
  });

  test('s390x asks the hardware once it has set_direct_map_*(), powerpc has none, loongarch64 asks memblock', () => {
    expect(presence('s390x', '6.12.1', NOT_PRESENT)).toBe(false);
    expect(presence('s390x', '6.12.1', {})).toBe(true);
    expect(presence('s390x', '6.8.1', NOT_PRESENT)).toBeUndefined();
    expect(presence('s390x', '6.1.1', NOT_PRESENT)).toBe(true);
    expect(presence('ppc64', '6.12.1', NOT_PRESENT)).toBe(true);
    expect(presence('loongarch64', '7.2.1', {})).toBeUndefined();
  });

  test('a walk that ends nowhere tells nothing', () => {
    expect(presence('x86_64', '7.2.0', { kind: 'missing' })).toBeUndefined();
    expect(presence('x86_64', '7.2.0', { kind: 'bad' })).toBeUndefined();
  });
});

test('of a page by another address than its own in the direct map, the entry there is asked', () => {
  const core = readCore('x86_64-5.10-debug-pagealloc');
  const machine = new Machine(core, {}, 'core');
  // The kernel's text is mapped, and its alias in the direct map too.
  const text = explain(machine, -(2 ** 31) + 2 ** 24);
  expect(text.region?.name).toBe('kernel image');
  const alias = explain(machine, addressOfFrame(machine, text.frame!)!);
  expect(text.presence).toEqual(alias.presence);
  // No frame, no page: whatever is asked of it.
  const hole = explain(machine, -(2 ** 24) + 4096);
  expect(hole.frame).toBeUndefined();
  expect(hole.presence.answer).toBeUndefined();
});
