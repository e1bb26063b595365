import { describe, expect, test } from 'vitest';
import { InputError, NotModelledError } from '../../src/errors.ts';
import type { RegionName } from '../../src/inspect/index.ts';
import { type Machine, SymbolTable, survey } from '../../src/inspect/index.ts';
import {
  bootX86,
  GIB,
  hex,
  IMAGE,
  inspectX86,
  LARGE,
  MIB,
  PAGE_OFFSET,
  PAGE_OFFSET_5,
  ROX,
  RW,
  VMALLOC,
  VMEMMAP,
} from '../support/synthetic_x86.ts';

/** What the machine of `bootX86` must be found to be. */
function expectFound(machine: Machine, root: number, pageOffset: number): void {
  expect(machine.located.root).toBe(root);
  expect(machine.directMap).toEqual({ offset: pageOffset, start: pageOffset, end: pageOffset + GIB });
  expect(survey(machine, [2 * MIB]).findings).toEqual([]);
}

function regionOf(machine: Machine, address: number): RegionName | undefined {
  return machine.regions.find(({ start, end }) => start <= address && (address < end || end === 0))?.name;
}

describe('from VMCOREINFO', () => {
  test('the top table, and the direct map where it is without KASLR', () => {
    const memory = bootX86();
    const machine = inspectX86(memory);
    expectFound(machine, memory.root, PAGE_OFFSET);
    expect(machine.located.imageOffset).toBe(IMAGE);
    expect(machine.located.doubts).toEqual([]);
    expect(regionOf(machine, VMALLOC)).toBe('vmalloc');
    expect(regionOf(machine, IMAGE)).toBe('kernel image');
    expect(regionOf(machine, -GIB)).toBe('modules');
    expect(regionOf(machine, -4096)).toBe('fixmap');
  });

  test('the image moved in memory, and the direct map moved by KASLR', () => {
    const pageOffset = PAGE_OFFSET + 0x1234 * GIB;
    const memory = bootX86({ physBase: 0x1c00_0000, pageOffset });
    const machine = inspectX86(memory);
    expectFound(machine, 0x2a1_0000 + 0x1c00_0000, pageOffset);
    expect(machine.located.imageOffset).toBe(IMAGE - 0x1c00_0000);
  });

  test('five levels', () => {
    const memory = bootX86({ levels: 5 });
    const machine = inspectX86(memory);
    expect(machine.format.levels).toBe(5);
    expectFound(machine, memory.root, PAGE_OFFSET_5);
    expect(machine.regions[0]!.start).toBe(-(2 ** 56));
  });

  test('the encryption bit, which is in each entry and no part of a frame', () => {
    const memory = bootX86({ encryptionBit: 47 });
    const machine = inspectX86(memory);
    expectFound(machine, memory.root, PAGE_OFFSET);
    expect(machine.located.found).toContain('memory encryption bit 47 from VMCOREINFO');
    const [leaf] = survey(machine, []).directMap!.leaves;
    expect(leaf!.leaf.names).toMatch(/ C /);
    // Without it the frames are those of no memory, and that is not passed off as a machine.
    const unsaid = bootX86({ encryptionBit: 47, vmcoreinfo: ['NUMBER(phys_base)=0'] });
    expect(() => inspectX86(unsaid, { root: unsaid.root })).toThrow(NotModelledError);
  });

  test('depth that is not told is found by trying', () => {
    for (const levels of [4, 5] as const) {
      const memory = bootX86({ levels, vmcoreinfo: [`SYMBOL(init_top_pgt)=${hex(IMAGE + 0x2a1_0000)}`] });
      const machine = inspectX86(memory);
      expect(machine.format.levels).toBe(levels);
      expect(machine.located.found).toContain(`${levels} levels, as the kernel image is mapped by so many`);
    }
  });
});

describe('from control registers', () => {
  const CR4_LA57 = 1n << 12n;

  test('CR3 and CR4, with a doubt, as any task may have been running', () => {
    for (const levels of [4, 5] as const) {
      const plain = bootX86({ levels, vmcoreinfo: undefined });
      const memory = bootX86({
        levels,
        vmcoreinfo: undefined,
        cpus: [{ CR3: 0n }, { CR3: BigInt(plain.root) | 0x5n, CR4: levels === 5 ? CR4_LA57 : 0x6f0n }],
      });
      const machine = inspectX86(memory);
      expectFound(machine, memory.root, levels === 5 ? PAGE_OFFSET_5 : PAGE_OFFSET);
      expect(machine.located.rootFrom).toBe('CR3 of CPU 1');
      expect(machine.located.doubts[0]).toMatch(/task which the CPU was in/);
    }
  });

  test("under PTI, of a CPU in user mode the kernel's half of the pair, though the user's maps some text too", () => {
    const root = 0x2a1_0000;
    const memory = bootX86({
      vmcoreinfo: undefined,
      cpus: [{ CR3: BigInt(root + 0x1000), CR4: 0x6f0n }],
    });
    const userRoot = root + 0x1000;
    memory.clear(userRoot, 4);
    // The entry text of the kernel, in tables of the user's half.
    const [pud, pmd] = [memory.allocate(3), memory.allocate(2)];
    memory.write(userRoot + 511 * 8, BigInt(pud) | 0x67n);
    memory.write(pud + 510 * 8, BigInt(pmd) | 0x67n);
    memory.write(pmd + 8 * 8, 0x100_0000n | ROX | LARGE);
    const machine = inspectX86(memory);
    expectFound(machine, root, PAGE_OFFSET);
    expect(machine.located.rootFrom).toMatch(/CR3 of CPU 0, the kernel's half of its pair/);
  });

  test('a page with an odd number that is no half of a pair', () => {
    const memory = bootX86({
      vmcoreinfo: undefined,
      physBase: 0,
      cpus: [{ CR3: 0x2a1_1000n, CR4: 0x6f0n }],
    });
    // The top table is copied to the page behind, and its own is garbage.
    for (let index = 0; index < 512; index++) {
      const at = memory.root + 8 * index;
      memory.write(at + 0x1000, memory.read(at));
      memory.write(at, 0n);
    }
    const machine = inspectX86(memory);
    expect(machine.located.root).toBe(0x2a1_1000);
  });
});

describe('from symbols', () => {
  const systemMap = (address: number) => new SymbolTable(`${hex(address)} D init_top_pgt\n`, 'System.map');

  test.each([0, 0x1c00_0000])('phys_base 0x%x is found by the page that maps itself', (physBase) => {
    const memory = bootX86({ physBase, vmcoreinfo: undefined });
    const machine = inspectX86(memory, { symbols: systemMap(IMAGE + 0x2a1_0000) });
    expectFound(machine, memory.root, PAGE_OFFSET);
    expect(machine.located.rootFrom).toMatch(/--symbols/);
  });

  test('those of another kernel lead nowhere, and that is said', () => {
    const memory = bootX86({ vmcoreinfo: undefined });
    const wrong = () => inspectX86(memory, { symbols: systemMap(IMAGE + 0x2b3_5000) });
    expect(wrong).toThrow(InputError);
    expect(wrong).toThrow(/are the symbols those of this kernel/);
  });
});

describe('what cannot be found', () => {
  test('without VMCOREINFO, registers, symbols and option, what would tell is named', () => {
    const memory = bootX86({ vmcoreinfo: undefined });
    expect(() => inspectX86(memory)).toThrow(/VMCOREINFO is missing.*--root ADDRESS/s);
  });

  test('raw memory of an unknown machine asks for --arch, and --arch may not contradict the file', () => {
    const memory = bootX86({ vmcoreinfo: undefined, machine: undefined as never });
    expect(() => inspectX86(memory, { root: memory.root })).toThrow(/--arch/);
    expect(inspectX86(memory, { root: memory.root, arch: 'x86_64' }).directMap?.offset).toBe(PAGE_OFFSET);
    expect(() => inspectX86(bootX86(), { arch: 'arm64' })).toThrow(InputError);
  });

  test('a dump without the tables of the direct map has none, and none is taken for it', () => {
    for (const lines of [[], [`NUMBER(VMALLOC_START)=0x${hex(VMALLOC)}`]]) {
      const memory = bootX86({ lines });
      memory.set(PAGE_OFFSET, 4, 0n);
      // A little of vmalloc and of vmemmap is there.
      memory.map(VMALLOC, 0x1234, 1, 3, RW);
      memory.map(VMEMMAP, 0x8_0200, 2, 8, RW | LARGE);
      if (lines.length > 0) memory.map(VMALLOC + GIB, 0, 3, 1, RW | LARGE);
      const machine = inspectX86(memory);
      expect(machine.directMap).toBeUndefined();
      const surveyed = survey(machine, [2 * MIB]);
      expect(surveyed.directMap).toBeUndefined();
      expect(surveyed.fragmentation).toEqual([]);
    }
  });

  test('garbage is refused, whatever root is given', () => {
    const memory = bootX86({ vmcoreinfo: undefined });
    for (let index = 0; index < 512; index++)
      memory.write(0x10_0000 + 8 * index, 0x9e37_79b9_7f4a_7c15n * BigInt(index));
    expect(() => inspectX86(memory, { root: 0x10_0000 })).toThrow(NotModelledError);
    expect(() => inspectX86(memory, { root: 0x10_0000, levels: 4 })).toThrow(NotModelledError);
  });
});

test('with a known offset of the direct map, leaves at another do not count', () => {
  const memory = bootX86();
  memory.map(VMALLOC, 0, 3, 2, RW | LARGE);
  expect(inspectX86(memory).directMap?.offset).toBe(VMALLOC);
  expect(inspectX86(memory, { pageOffset: PAGE_OFFSET }).directMap).toEqual({
    offset: PAGE_OFFSET,
    start: PAGE_OFFSET,
    end: PAGE_OFFSET + GIB,
  });
});
