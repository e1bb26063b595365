import { describe, expect, it } from 'vitest';
import type { X86Kernel } from '../../../../src/linux/arch/x86/x86_kernel.ts';
import { ENOENT, ENOMEM } from '../../../../src/linux/errno.ts';
import {
  free_module,
  load_module,
  MOD_DATA,
  MOD_RO_AFTER_INIT,
  MOD_RODATA,
  MOD_TEXT,
  module_address,
} from '../../../../src/linux/kernel/module/main.ts';
import { rightsOf } from '../../../../src/linux/kernel.ts';
import { vmalloc_to_page } from '../../../../src/linux/mm/vmalloc.ts';
import type { AllocationPolicy } from '../../../../src/linux/task.ts';
import { call, KERNELS, lines, refuseAll, watch } from '../../../support/calls.ts';
import { buddyOf, leaf, smallX86 } from '../../../support/small_x86.ts';

const SIZES = [2, 1, 1, 1];
const TYPES = [MOD_TEXT, MOD_DATA, MOD_RODATA, MOD_RO_AFTER_INIT];

/** "X", "W", "-" of the module's own mappings, by type. */
function permissions(k: X86Kernel, id: number): string[] {
  return TYPES.map((type) => {
    const found = k.translate(module_address(k, id, type)!)!;
    const { writable, executable } = rightsOf(k.format, found);
    return `${writable ? 'W' : ''}${executable ? 'X' : ''}` || '-';
  });
}

/** The leaf of the direct map behind the first page of each type. */
function aliases(k: X86Kernel, id: number): string[] {
  return TYPES.map((type) => leaf(k, vmalloc_to_page(k, module_address(k, id, type)!)!));
}

/** Refuses the n-th table for the direct map. */
function refuseAliasSplit(k: X86Kernel, n: number): AllocationPolicy {
  let splits = 0;
  return ({ purpose }) => {
    const { address = 0 } = purpose ?? {};
    return !(purpose !== undefined && address < k.VMALLOC_START) || ++splits !== n;
  };
}

function refuseSplits(k: X86Kernel): AllocationPolicy {
  return ({ purpose }) => purpose === undefined || purpose.address >= k.VMALLOC_START;
}

function held(k: X86Kernel): number {
  return buddyOf(k)
    .allocatedBlocks()
    .filter(({ owner }) => owner === 'vmalloc').length;
}

describe.each(KERNELS)('a module of %s', (kernel) => {
  it('has text that is not writable, data that is, and the rest neither', () => {
    const k = smallX86({ kernel });
    const id = call(load_module(k, SIZES));
    expect([id, k.modules.get(1)?.state]).toEqual([1, 'LIVE']);
    expect(permissions(k, id)).toEqual(['X', 'W', '-', '-']);
    expect(aliases(k, id)).toEqual(['4K P', '4K P RW', '4K P', '4K P']);
  });

  it('gives its pages back writable in the direct map', () => {
    const k = smallX86({ kernel });
    const id = call(load_module(k, SIZES));
    const pages = TYPES.slice(1).map((type) => vmalloc_to_page(k, module_address(k, id, type)!)!);
    expect([call(free_module(k, id)), call(free_module(k, id))]).toEqual([0, -ENOENT]);
    for (const page of pages) expect(leaf(k, page)).toMatch(/P RW$/);
    expect(held(k)).toBe(k.has['execmem-rox-cache'] ? 512 : 0);
  });

  it('is not loaded without memory, and nothing of it is left', () => {
    const k = smallX86({ kernel });
    expect(call(load_module(k, SIZES), refuseAll)).toBe(-ENOMEM);
    expect([held(k), k.modules.size]).toEqual([0, 0]);
  });

  it('has writable parts with rodata=off, and text that is executable all the same', () => {
    const k = smallX86({ kernel, boot: 'rodata=off' });
    const id = call(load_module(k, SIZES));
    const text = k.has['module-errors-honoured'] ? 'X' : 'WX';
    expect(permissions(k, id)).toEqual([text, 'W', 'W', 'W']);
  });

  it('has areas of its own for its types since v6.4', () => {
    const k = smallX86({ kernel });
    const id = call(load_module(k, SIZES));
    const areas = new Set(
      TYPES.map((type) => k.modules.get(id)!.mem[type]!.base - k.modules.get(id)!.mem[MOD_TEXT]!.base),
    );
    expect(areas.has(2 * 4096)).toBe(!k.has['module-memory-types']);
  });
});

describe('a module whose memory cannot be protected', () => {
  it('is loaded with writable text by kernels that do not look (S24)', () => {
    const k = smallX86({ kernel: 'v6.1' });
    const { value, events } = watch(k, load_module(k, [1, 0, 0, 0]), refuseSplits(k));
    expect([value, lines(events)]).toEqual([1, []]);
    // The area's own mapping needs no split and is read-only; its alias in the direct map is not.
    expect(leaf(k, vmalloc_to_page(k, module_address(k, 1, MOD_TEXT)!)!)).toMatch(/P RW$/);
  });

  it('is protected after its init by kernels that do not look, if there is memory by then', () => {
    const k = smallX86({ kernel: 'v6.1' });
    expect(call(load_module(k, [1, 0, 0, 0]), refuseAliasSplit(k, 1))).toBe(1);
    expect(leaf(k, vmalloc_to_page(k, module_address(k, 1, MOD_TEXT)!)!)).toBe('4K P');
  });

  it('is refused since v6.9, its pages writable again', () => {
    for (const kernel of ['v6.12', 'v7.2']) {
      const k = smallX86({ kernel });
      const value = call(load_module(k, [1, 0, 1, 0]), refuseAliasSplit(k, kernel === 'v7.2' ? 2 : 1));
      expect(value, kernel).toBe(-ENOMEM);
      expect([k.modules.size, held(k)]).toEqual([0, kernel === 'v7.2' ? 512 : 0]);
    }
    const before = smallX86({ kernel: 'v6.12~module-errors-honoured' });
    expect(call(load_module(before, [1, 0, 1, 0]), refuseAliasSplit(before, 1))).toBe(1);
  });

  it('stays with a line in the log if its init has run; from v6.9 to v6.13 it was freed (S25)', () => {
    const load = (kernel: string) => {
      const k = smallX86({ kernel });
      // Text lies in one leaf of the direct map, some of the 600 pages in the next.
      const { value, events } = watch(k, load_module(k, [1, 0, 0, 600]), refuseAliasSplit(k, 2));
      return {
        value,
        modules: k.modules.size,
        log: lines(events).filter((line) => /ro_after_init/.test(line)),
      };
    };
    expect(load('v6.12')).toMatchObject({
      value: 1,
      modules: 1,
      log: [expect.stringMatching(/returned -ENOMEM/)],
    });
    expect(load('v6.12~module-ro-after-init-warns')).toEqual({ value: -ENOMEM, modules: 0, log: [] });
    expect(load('v6.12~module-errors-honoured')).toEqual({ value: 1, modules: 1, log: [] });
  });

  it('without executable text dies at its first call', () => {
    const k = smallX86({ kernel: 'v6.1' });
    k.set_memory_x = function* () {
      return -ENOMEM;
    };
    expect(watch(k, load_module(k, [1, 0, 0, 0])).died).toMatch(/execute an NX-protected page/);
  });
});
