import { describe, expect, test } from 'vitest';
import { addressOfFrame, explain, Machine } from '../../../src/inspect/index.ts';
import { SyntheticMachine, s390x } from '../../support/synthetic_machine.ts';
import {
  bootX86,
  GIB,
  IMAGE,
  inspectX86,
  LARGE,
  MIB,
  MODULES,
  PAGE,
  PAGE_OFFSET,
  ROX,
  RW,
  VMALLOC,
} from '../../support/synthetic_x86.ts';

const NX = 1n << 63n;
const DIRECT = PAGE_OFFSET + 64 * MIB;
const FRAME = (64 * MIB) / PAGE;

function notPresent(frame: number, flags: bigint): bigint {
  return ((~BigInt(frame) << 12n) & 0x000f_ffff_ffff_f000n) | flags;
}

/** 2M of pages, the sixth of them taken out as `flags` say. */
function withPageOut(flags: bigint, release = '6.12.1'): Machine {
  const machine = bootX86({ release });
  machine.set(DIRECT, 2, 0n);
  machine.map(DIRECT, FRAME, 1, 512, RW);
  machine.set(DIRECT + 5 * PAGE, 1, notPresent(FRAME + 5, flags));
  return inspectX86(machine);
}

const who = (machine: Machine, address: number) =>
  explain(machine, address).origins.map((origin) => origin.who);

describe('a page that is not present', () => {
  test('has the frame that it would have, its neighbours, and who may have taken it out', () => {
    const machine = withPageOut(NX | 0x20n);
    const found = explain(machine, DIRECT + 5 * PAGE);
    expect(found).toMatchObject({
      frame: FRAME + 5,
      leaf: { present: false, level: 1, names: 'A NX' },
      region: { name: 'direct map' },
      stretch: { kind: 'not-present', address: DIRECT + 5 * PAGE, pages: 1 },
      before: { kind: 'leaf', address: DIRECT, pages: 5 },
      after: { kind: 'leaf', address: DIRECT + 6 * PAGE, pages: 506 },
      presence: { answer: false },
      aliases: [],
    });
    expect(found.steps.map(({ levelName, step }) => [levelName, step.kind])).toEqual([
      ['PGD', 'table'],
      ['PUD', 'table'],
      ['PMD', 'table'],
      ['PTE', 'not-present'],
    ]);
    expect(who(machine, DIRECT + 5 * PAGE)).toEqual([
      expect.stringMatching(/^secretmem/),
      expect.stringMatching(/^vmalloc/),
      expect.stringMatching(/^DEBUG_PAGEALLOC/),
    ]);
  });

  test('by set_memory_np() keeps RW, by KFENCE keeps G', () => {
    const np = who(withPageOut(NX | 0x62n), DIRECT + 5 * PAGE);
    expect(np[0]).toMatch(/set_memory_np/);
    // Without global pages nothing tells KFENCE from it.
    expect(np[1]).toMatch(/KFENCE.*PTI/);
    const kfence = who(withPageOut(NX | 0x162n), DIRECT + 5 * PAGE);
    expect(kfence).toEqual([expect.stringMatching(/^KFENCE/)]);
  });

  test('which is dirty and not writable was read-only before, since v6.6', () => {
    const dirty = NX | 0x60n;
    expect(who(withPageOut(dirty, '6.1.1'), DIRECT + 5 * PAGE)).toHaveLength(3);
    expect(who(withPageOut(dirty, '6.6.1'), DIRECT + 5 * PAGE)).toEqual([expect.stringMatching(/read-only/)]);
  });

  test('and large has its frame inverted too', () => {
    const memory = bootX86();
    memory.set(DIRECT, 2, notPresent(FRAME, NX | 0x62n));
    const found = explain(inspectX86(memory), DIRECT + 7 * PAGE);
    expect(found).toMatchObject({ frame: FRAME + 7, leaf: { level: 2, present: false } });
    expect(found.origins.map((origin) => origin.who).join()).not.toMatch(/KFENCE/);
    expect(found.presence.answer).toBe(false);
  });

  test('outside of the direct map has no such origin, but in the image', () => {
    const memory = bootX86();
    memory.set(VMALLOC, 1, notPresent(0x1234, NX | 0x62n));
    memory.set(IMAGE + 128 * MIB, 1, notPresent(0x1234, NX | 0x62n));
    const machine = inspectX86(memory);
    expect(who(machine, VMALLOC)).toEqual([]);
    expect(who(machine, IMAGE + 128 * MIB)).toEqual([expect.stringMatching(/init memory/)]);
  });
});

test('a frame’s other addresses are those in the image, among modules and in vmalloc', () => {
  const memory = bootX86();
  const frame = (16 * MIB) / PAGE + 3;
  memory.set(MODULES, 1, memory.leaf(frame, ROX));
  memory.map(VMALLOC, frame - 1, 1, 2, RW);
  const machine = inspectX86(memory);
  const direct = explain(machine, addressOfFrame(machine, frame)!);
  expect(direct.aliases.map(({ address, region }) => [address, region.name])).toEqual([
    [VMALLOC + PAGE, 'vmalloc'],
    [IMAGE + frame * PAGE, 'kernel image'],
    [MODULES, 'modules'],
  ]);
  const vmalloc = explain(machine, VMALLOC + PAGE);
  expect(vmalloc.aliases.map(({ region }) => region.name)).toEqual(['direct map', 'kernel image', 'modules']);
  // Any address of the page will do.
  expect(explain(machine, VMALLOC + PAGE + 0x123).frame).toBe(frame);
});

test('more addresses of a frame than are named are counted', () => {
  const memory = bootX86();
  for (let page = 0; page < 40; page++) memory.set(VMALLOC + 2 * page * PAGE, 1, memory.leaf(FRAME, RW));
  const { aliases, moreAliases } = explain(inspectX86(memory), DIRECT);
  expect([aliases.length, moreAliases]).toEqual([32, 8]);
});

describe('addresses that lead nowhere', () => {
  test('one that is not canonical has no steps, no region and no neighbours', () => {
    const found = explain(inspectX86(bootX86()), 2 ** 50);
    expect(found).toMatchObject({
      steps: [],
      region: undefined,
      leaf: undefined,
      frame: undefined,
      origins: [],
    });
    expect([found.before, found.stretch, found.after]).toEqual([undefined, undefined, undefined]);
    expect(found.presence.answer).toBeUndefined();
  });

  test('one of user space is walked, and has no neighbours of the kernel’s', () => {
    const found = explain(inspectX86(bootX86()), 0x40_0000);
    expect(found.steps.map(({ step }) => step.kind)).toEqual(['hole']);
    expect([found.region, found.before]).toEqual([undefined, undefined]);
  });

  test('one whose table is missing ends there', () => {
    const memory = bootX86();
    memory.set(DIRECT, 2, 0xf000_0067n);
    const found = explain(inspectX86(memory), DIRECT + 3 * PAGE);
    expect(found.steps.at(-1)).toMatchObject({
      levelName: 'PTE',
      step: { kind: 'missing', entryAddress: 0xf000_0018 },
    });
    expect(found.presence.answer).toBeUndefined();
    expect(found.stretch?.kind).toBe('missing');
  });
});

test('the last page of the address space is explained, and has nothing behind it', () => {
  const memory = bootX86();
  memory.set(-PAGE, 1, memory.leaf(0x1234, RW));
  memory.set(-2 * PAGE, 1, memory.leaf(0x4321, RW));
  const found = explain(inspectX86(memory), -1);
  expect(found).toMatchObject({
    frame: 0x1234,
    region: { name: 'fixmap', end: 0 },
    before: { address: -2 * PAGE },
    stretch: { address: -PAGE, pages: 1 },
    after: undefined,
  });
});

test('address 0 of s390x is a page like any other', () => {
  const memory = new SyntheticMachine(s390x(3), 0x200_0000, {
    vmcoreinfo: ['OSRELEASE=6.12.1', 'SYMBOL(swapper_pg_dir)=2000000'],
  });
  memory.map(0, 0, 1, 256, 0x13dn);
  memory.map(MIB, 256, 2, 63, 0x3503n);
  const machine = new Machine(memory, {}, 'made up');
  expect(explain(machine, 0)).toMatchObject({
    frame: 0,
    region: { name: 'direct map', start: 0 },
    stretch: { address: 0, pages: 256 },
    before: undefined,
    after: { address: MIB },
    presence: { answer: true },
  });
  expect(addressOfFrame(machine, 5)).toBe(5 * PAGE);
});

test('of restrictions on the way, a leaf is told with what is left', () => {
  const memory = bootX86();
  memory.map(VMALLOC + GIB, 2 ** 19, 2, 1, RW | LARGE);
  const above = memory.entryAt(VMALLOC + GIB, 3);
  memory.write(above, memory.read(above) & ~2n);
  const machine = inspectX86(memory);
  expect(explain(machine, VMALLOC + GIB).leaf).toMatchObject({ writable: false, access: 'ro nx' });
  const [stretch] = [...machine.stretches({ start: VMALLOC + GIB, end: VMALLOC + GIB + PAGE })];
  expect(stretch?.leaf).toBe(explain(machine, VMALLOC + GIB).leaf);
});
