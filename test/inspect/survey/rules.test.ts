import { describe, expect, test } from 'vitest';
import { RULE_NAMES, type RuleName, survey } from '../../../src/inspect/index.ts';
import type { SyntheticMachine } from '../../support/synthetic_machine.ts';
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
  RO,
  ROX,
  RW,
  VMALLOC,
} from '../../support/synthetic_x86.ts';

const NX = 1n << 63n;
/** P cleared; the frame of such a leaf is stored inverted. */
function notPresent(frame: number, flags: bigint): bigint {
  return ((~BigInt(frame) << 12n) & 0x000f_ffff_ffff_f000n) | flags;
}

/** A page of the direct map, its 2M split into pages as the kernel does. */
const DIRECT = PAGE_OFFSET + 64 * MIB;
const FRAME = (64 * MIB) / PAGE;

function split(machine: SyntheticMachine, address = DIRECT): void {
  machine.set(address, 2, 0n);
  machine.map(address, (address - PAGE_OFFSET) / PAGE, 1, 512, RW);
}

function findings(change: (machine: SyntheticMachine) => void) {
  const machine = bootX86();
  change(machine);
  return survey(inspectX86(machine), [2 * MIB]).findings;
}

function brief(change: (machine: SyntheticMachine) => void): [RuleName, number, number, string][] {
  return findings(change).map(({ rule, pages, places }) => [
    rule,
    pages,
    places[0]!.address,
    places[0]!.what,
  ]);
}

const seen = new Set<RuleName>();
/** Breaks a rule, and no other. */
function breaks(
  rule: RuleName,
  pages: number,
  at: number,
  what: string,
  change: (m: SyntheticMachine) => void,
) {
  seen.add(rule);
  expect(brief(change)).toEqual([[rule, pages, at, what]]);
}

describe('each rule is broken by what it says, and only that', () => {
  test('a machine as Linux boots it breaks none', () => {
    expect(findings(() => {})).toEqual([]);
    expect(findings(split)).toEqual([]);
  });

  test('writable-executable', () => {
    breaks('writable-executable', 1, VMALLOC, '4K rw x', (m) => m.set(VMALLOC, 1, m.leaf(2 ** 20, RW & ~NX)));
  });

  test('what upper levels take away does not count as given', () => {
    const change = (m: SyntheticMachine) => {
      m.set(VMALLOC, 1, m.leaf(2 ** 20, (RW & ~NX) | 4n));
      const above = m.entryAt(VMALLOC, 2);
      m.write(above, (m.read(above) & ~0x4n) | NX);
    };
    expect(findings(change)).toEqual([]);
  });

  test('user-access, but for the page of the time of day', () => {
    breaks('user-access', 1, VMALLOC, '4K rw nx', (m) => m.set(VMALLOC, 1, m.leaf(2 ** 20, RW | 4n)));
    expect(findings((m) => m.set(-0xa0_0000, 1, m.leaf(2 ** 20, RO | 4n)))).toEqual([]);
  });

  test('text-writable', () => {
    const text = 16 * MIB;
    breaks(
      'text-writable',
      512,
      PAGE_OFFSET + text,
      `2M rw nx; kernel image 0x${(2 ** 64 + IMAGE + text).toString(16)}: 2M ro x`,
      (m) => m.set(PAGE_OFFSET + text, 2, m.leaf(text / PAGE, RW | LARGE)),
    );
  });

  test('wrong-frame', () => {
    breaks('wrong-frame', 1, DIRECT, 'frame 0x1234', (m) => {
      split(m);
      m.set(DIRECT, 1, m.leaf(0x1234, RW));
    });
  });

  test('reserved-bits', () => {
    breaks('reserved-bits', 512, DIRECT, 'reserved bits', (m) =>
      m.set(DIRECT, 2, m.leaf(FRAME + 2, RW | LARGE)),
    );
  });

  test('cycle', () => {
    breaks('cycle', 512, DIRECT, 'a table above itself', (m) => m.set(DIRECT, 2, BigInt(m.root) | 0x67n));
  });

  test('table-outside-memory and table-missing, each table by itself', () => {
    const outside = 2 ** 40;
    breaks('table-outside-memory', 512, DIRECT, 'table at 0x10000000000', (m) =>
      m.set(DIRECT, 2, BigInt(outside) | 0x67n),
    );
    breaks('table-missing', 512, DIRECT, 'table at 0xf0000000', (m) => m.set(DIRECT, 2, 0xf000_0067n));
    const both = brief((m) => {
      m.set(DIRECT, 2, 0xf000_0067n);
      m.set(DIRECT + 2 * MIB, 2, BigInt(outside) | 0x67n);
    });
    expect(both.map(([rule, , at]) => [rule, at])).toEqual([
      ['table-outside-memory', DIRECT + 2 * MIB],
      ['table-missing', DIRECT],
    ]);
  });

  test('large-not-present and not-present', () => {
    breaks('large-not-present', 512, DIRECT, '2M, RW A D NX', (m) =>
      m.set(DIRECT, 2, notPresent(FRAME, NX | 0x62n)),
    );
    breaks('not-present', 1, DIRECT + 5 * PAGE, 'A NX', (m) => {
      split(m);
      m.set(DIRECT + 5 * PAGE, 1, notPresent(FRAME + 5, NX | 0x20n));
    });
  });

  test('what was freed of the kernel image is no finding: nobody maps it again', () => {
    expect(brief((m) => m.set(IMAGE + 64 * MIB, 2, notPresent(FRAME, NX | 0x62n)))).toEqual([]);
  });

  test('alias-memory-type', () => {
    breaks('alias-memory-type', 1, DIRECT, `2M rw nx; vmalloc 0xffffc90000000000: 4K rw nx UC-`, (m) =>
      m.set(VMALLOC, 1, m.leaf(FRAME, RW | 0x10n)),
    );
  });

  test('alias-executable, from either side', () => {
    breaks('alias-executable', 1, DIRECT, `2M rw nx; modules 0xffffffffc0000000: 4K ro x`, (m) =>
      m.set(MODULES, 1, m.leaf(FRAME, ROX)),
    );
    breaks('alias-executable', 1, DIRECT, `4K ro x; vmalloc 0xffffc90000000000: 4K rw nx`, (m) => {
      split(m);
      m.set(DIRECT, 1, m.leaf(FRAME, ROX));
      m.set(VMALLOC, 1, m.leaf(FRAME, RW));
    });
  });

  test('text-writable through any other address', () => {
    const text = 16 * MIB;
    const image = `kernel image 0x${(2 ** 64 + IMAGE + text).toString(16)}: 2M ro x`;
    const found = brief((m) => m.set(VMALLOC, 1, m.leaf(text / PAGE, RW)));
    expect(found).toContainEqual(['text-writable', 1, VMALLOC, `4K rw nx; ${image}`]);
  });

  test('alias-executable and alias-memory-type of frames that the direct map does not have, or not present', () => {
    const outside = 2 ** 20;
    const modules = 'modules 0xffffffffc0000000: 4K ro x';
    breaks('alias-executable', 1, VMALLOC, `4K rw nx; ${modules}`, (m) => {
      m.set(VMALLOC, 1, m.leaf(outside, RW));
      m.set(MODULES, 1, m.leaf(outside, ROX));
    });
    breaks('alias-memory-type', 1, VMALLOC, '4K rw nx; vmalloc 0xffffc90000001000: 4K rw nx UC-', (m) => {
      m.set(VMALLOC, 1, m.leaf(outside, RW));
      m.set(VMALLOC + PAGE, 1, m.leaf(outside, RW | 0x10n));
    });
    const found = brief((m) => {
      split(m);
      m.set(DIRECT, 1, notPresent(FRAME, NX | 0x20n));
      m.set(VMALLOC, 1, m.leaf(FRAME, RW));
      m.set(MODULES, 1, m.leaf(FRAME, ROX));
    });
    expect(found).toEqual([
      ['alias-executable', 1, VMALLOC, `4K rw nx; ${modules}`],
      ['not-present', 1, DIRECT, 'A NX'],
    ]);
  });

  test('alias-read-only, but not where the CPU is shown what it writes itself', () => {
    breaks('alias-read-only', 1, DIRECT, `2M rw nx; vmalloc 0xffffc90000000000: 4K ro nx`, (m) =>
      m.set(VMALLOC, 1, m.leaf(FRAME, RO)),
    );
    expect(findings((m) => m.set(-2 * 2 ** 40, 1, m.leaf(FRAME, RO)))).toEqual([]);
  });

  test('no rule is left out above', () => {
    expect([...seen].sort()).toEqual([...RULE_NAMES].sort());
  });
});

test('a page with a wrong frame hides no alias of the pages behind it', () => {
  const rules = brief((m) => {
    split(m);
    // A frame far behind: what was compared up to there would not be compared again.
    m.set(DIRECT, 1, m.leaf((GIB - PAGE) / PAGE, RW));
    m.set(VMALLOC, 1, m.leaf(FRAME + 1, ROX));
  });
  expect(rules.map(([rule, , at]) => [rule, at])).toEqual([
    ['wrong-frame', DIRECT],
    ['alias-executable', DIRECT + PAGE],
  ]);
});

test('aliases are compared page by page where they overlap in part', () => {
  const found = findings((m) => {
    // Eight pages of vmalloc from four pages before a border of 2M on.
    m.map(VMALLOC, FRAME - 4, 1, 8, RO);
  });
  expect(found).toMatchObject([
    {
      rule: 'alias-read-only',
      pages: 8,
      count: 1,
      places: [{ address: DIRECT - 4 * PAGE, pages: 8, frame: FRAME - 4 }],
    },
  ]);
});

test('where reading was given up, no rule is said to be broken, but that it was not looked at', () => {
  const machine = inspectX86(bootX86());
  const stretches = function* () {
    for (const stretch of machine.stretches({ start: VMALLOC, end: VMALLOC + PAGE })) {
      yield { ...stretch, kind: 'bad', why: 'too many tables' } as const;
    }
  };
  const space = {
    arch: machine.arch,
    pageBytes: PAGE,
    usualMemoryType: 'WB',
    regions: [{ name: 'vmalloc', start: VMALLOC, end: VMALLOC + PAGE }] as const,
    directMap: undefined,
    stretches,
  };
  expect(survey(space, [])).toMatchObject({
    findings: [],
    notChecked: ['vmalloc, from where too many tables were read'],
  });
});
