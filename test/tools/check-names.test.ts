import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readProject } from '../../tools/check-imports.js';
import { checkNames } from '../../tools/check-names.js';

const ROOT = path.join(import.meta.dirname, '../..');

function found(text: string, file = 'src/linux/mm/some.ts'): string[] {
  return checkNames([{ path: file, text }], []).found.map(({ line, name }) => `${line}: ${name}`);
}

describe('shared functions', () => {
  test('of this project name no architecture and no version but where it is allowed for a reason', () => {
    expect(checkNames(readProject(ROOT))).toEqual({ found: [], unused: [] });
  });

  test.each([
    ["function f(k) { return k.name === 'arm64'; }", '1: arm64'],
    ['const f = (k) => k.arch === X86;', '1: X86'],
    ['class K { get a() {\n return isSparc(this); } }', '2: isSparc'],
    ['class K { get a() {\n return `riscv64`; } }', '2: riscv64'],
    ["function f(k) { return k.version.name.startsWith('v5.10'); }", '1: v5.10'],
    ["function f(k) { switch (k.name) { case 'v6.1': return 1; } }", '1: v6.1'],
    ["function f(k) { return k.release === 'v6.1'; }", '1: v6.1'],
  ])('that read %j are told from others', (text, name) => {
    expect(found(text)).toEqual([name]);
  });

  test.each([
    '// x86 only, since v5.10\nfunction f() {} /** s390 */',
    "import { X86 } from './x86.ts';",
    "const RELEASES = { arm64: 'v6.1' };",
    "function f() { return 'since v6.1'; }",
    'function f() { return suffix86 + hypercall; }',
  ])('may be beside %j', (text) => {
    expect(found(text)).toEqual([]);
  });

  test('of what is about one architecture may name it', () => {
    const text = "const f = () => 'riscv64';";
    expect(found(text, 'src/linux/arch/riscv/mm/init.ts')).toEqual([]);
    expect(found(text, 'src/mmu/riscv64.ts')).toEqual([]);
    expect(found(text, 'src/mmu/walk.ts')).toEqual(['1: riscv64']);
  });

  test('need every allowance that there is', () => {
    const allowed = [{ path: /mm/, name: /arm64/, why: 'a test' }];
    const file = { path: 'src/linux/mm/some.ts', text: "const f = () => 'arm64';" };
    expect(checkNames([file], allowed)).toEqual({ found: [], unused: [] });
    expect(checkNames([], allowed)).toEqual({ found: [], unused: allowed });
  });
});
