import { describe, expect, it } from 'vitest';
import { ARCHITECTURES } from '../../src/linux/arch/index.ts';
import { X86 } from '../../src/linux/arch/x86/index.ts';
import { CALLERS, callersOf, ON_ERROR } from '../../src/linux/callers.ts';
import { GENERIC_CALLS } from '../../src/linux/calls.ts';
import { changesOf, parseKernelVersion } from '../../src/linux/kernels.ts';

const CALLS = new Set(
  [...GENERIC_CALLS, ...ARCHITECTURES.flatMap(({ calls }) => calls)].map(({ name }) => name),
);
const CHANGES = new Set(ARCHITECTURES.flatMap((arch) => Object.keys(changesOf(arch))));
/** Hooks of the architectures that no script calls. */
const HOOKS = ['kfence_protect_page', 'arch_add_memory', 'arch_remove_memory'];

function version(kernel: string) {
  return parseKernelVersion(kernel, 'test', X86);
}

describe('the table of callers', () => {
  it('names functions, calls and changes that there are', () => {
    for (const { name, calls, run, since, until } of CALLERS) {
      for (const each of calls)
        expect(CALLS.has(each) || HOOKS.includes(each), `${name}: ${each}`).toBe(true);
      if (run !== undefined) expect(CALLS.has(run), `${name}: ${run}`).toBe(true);
      for (const change of [since, until]) {
        if (change !== undefined) expect(CHANGES.has(change), `${name}: ${change}`).toBe(true);
      }
    }
  });

  it('says of each where it stands, and no two things of the same', () => {
    for (const { file } of CALLERS) expect(file).toMatch(/^[a-z_0-9/-]+\.[ch]:\d+( \(v\d+\.\d+\))?$/i);
    const keys = CALLERS.map(({ name, file }) => `${name} ${file}`);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('knows the architectures whose folders it names', () => {
    const known = ARCHITECTURES.flatMap(({ name, aliases }) => [name, ...aliases]);
    const folders = CALLERS.flatMap(({ file }) => /^arch\/(\w+)\//.exec(file)?.[1] ?? []);
    expect([...new Set(folders)].filter((folder) => !known.includes(folder))).toEqual([]);
  });

  it('has every policy towards an error', () => {
    expect(new Set(CALLERS.map(({ onError }) => onError))).toEqual(new Set(Object.keys(ON_ERROR)));
  });

  it('has those whom the thread of 2020 spoke of', () => {
    const names = (call: string, kernel: string) => callersOf(call, version(kernel)).map(({ name }) => name);
    expect(names('__kernel_map_pages', 'v5.10')).toContain('safe_copy_page()');
    expect(names('__kernel_map_pages', 'v5.11')).not.toContain('safe_copy_page()');
    expect(names('set_direct_map_default_noflush', 'v5.11')).toContain(
      'hibernate_map_page(), hibernate_unmap_page()',
    );
    expect(names('set_direct_map_invalid_noflush', 'v5.11')).not.toContain('secretmem_fault()');
  });

  it('tells what became of an error since', () => {
    const policy = (call: string, name: string, kernel: string) =>
      callersOf(call, version(kernel)).find((each) => each.name.startsWith(name))?.onError;
    expect(policy('set_memory_ro', 'hibernate_restore_protect', 'v6.1')).toBe('ignored');
    expect(policy('set_memory_ro', 'hibernate_restore_protect', 'v6.12')).toBe('aborted');
    expect(policy('set_memory_ro', 'complete_formation', 'v6.1')).toBeUndefined();
    expect(policy('set_memory_encrypted', 'dma_direct', 'v7.2')).toBe('leaked');
  });

  it("has an architecture's own callers in its own kernels only", () => {
    const other = { ...X86, name: 'other', aliases: [] };
    const names = (arch: typeof X86) =>
      callersOf('set_memory_np', { ...version('v7.2'), arch }).map(({ file }) =>
        file.startsWith('arch/x86/'),
      );
    expect(names(X86)).toContain(true);
    expect(names(other)).toEqual([]);
  });

  it('tells who may be called where nobody may sleep', () => {
    const atomic = CALLERS.filter((each) => each.atomic).flatMap(({ calls }) => calls);
    expect(new Set(atomic)).toEqual(
      new Set([
        '__kernel_map_pages',
        'set_direct_map_default_noflush',
        'set_direct_map_invalid_noflush',
        'kfence_protect_page',
      ]),
    );
  });
});
