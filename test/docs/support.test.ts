/** docs/support.md must say what the code offers. UPDATE_DOCS=1 rewrites it. */

import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { X86_CALLS } from '../../src/linux/arch/x86/calls.ts';
import { X86 } from '../../src/linux/arch/x86/index.ts';
import type { KernelBuild, KernelCall } from '../../src/linux/call.ts';
import { GENERIC_CALLS } from '../../src/linux/calls.ts';
import { CONFIG_OPTIONS, parseConfig } from '../../src/linux/config.ts';
import { PRESETS, parseKernelVersion } from '../../src/linux/kernels.ts';
import { SCRIPT_FUNCTIONS } from '../../src/scenario/script_calls.ts';

const PATH = new URL('../../docs/support.md', import.meta.url);
const config = parseConfig([['DEBUG_PAGEALLOC', 'y']], 'test', X86);
const BUILDS: KernelBuild[] = PRESETS.map(({ name }) => {
  const version = parseKernelVersion(name, 'test', X86);
  return { version, has: version.has, config };
});

function row({ name, parameters, missing, summary }: KernelCall): string {
  const has = BUILDS.map((build) => (missing?.(build) === undefined ? 'yes' : '-'));
  return `| \`${name}(${parameters.map((parameter) => parameter.name).join(', ')})\` | ${has.join(' | ')} | ${summary} |`;
}

function table(calls: readonly KernelCall[]): string {
  const names = PRESETS.map(({ name }) => name);
  const head = [
    `| call | ${names.join(' | ')} | what it does |`,
    `|---|${names.map(() => '---').join('|')}|---|`,
  ];
  return [...head, ...calls.map(row)].join('\n');
}

function supportText(): string {
  const functions = Object.entries(SCRIPT_FUNCTIONS).map(
    ([name, { summary }]) => `| \`${name}()\` | ${summary} |`,
  );
  const options = Object.entries(CONFIG_OPTIONS).map(
    ([name, option]) => `| \`${name}\` | ${option.default} | ${option.meaning} |`,
  );
  return `# What is modelled

Written by the tests from the code (\`UPDATE_DOCS=1 npx vitest run test/docs\`). Architectures: x86_64, 4 and 5 levels; arm64,
riscv64, s390x, powerpc, loongarch64 are not modelled yet and are refused.

## Functions of x86-64

As they are with CONFIG_DEBUG_PAGEALLOC=y; \`-\` is refused with the reason.

${table(X86_CALLS as readonly KernelCall[])}

## Functions of all architectures

${table(GENERIC_CALLS)}

## Functions of the script language

| function | what it does |
|---|---|
${functions.join('\n')}

## Config options

| option | default | meaning |
|---|---|---|
${options.join('\n')}

## Not modelled

- Interleavings of CPUs in \`directmap run\`: calls on several CPUs follow one another. The kernel functions can be
  interleaved; the explorer that does it comes with the checker.
- Of executable memory: address ranges by type, KASAN's shadow, what is written, and that its workqueue runs by itself:
  \`execmem_cache_free_slow()\` and \`execmem_cache_clean()\` are calls.
- Of a walk of the tables: more than one address, other mms than init_mm, and that an entry is read several times. The mmap
  lock that vmalloc tries before it frees a table for a large leaf: only here a walk may meet such a table after it was freed.
- Xen PV, SGX platform pages, guests of SEV-SNP, \`nopat\`, CPUs without NX or PSE. Of KFENCE when it samples, of modules their
  init sections, of memory hotplug the struct pages, of a part of a 1G leaf that is removed what v5.12 and later do.
- Hibernation beyond the snapshot of memory and the pages of an image that is being loaded: devices, freezing, the disk.
- Memory types that drivers had reserved before a dump or a recording began, for what is not RAM (ACPI tables, HPET).
- Large leaves with reserved address bits set, as a protection of 0 leaves them: a run ends there, with exit status 3.
- CPUs without PGE; and with \`rodata=off\` the end of the text, which a dump's tables then do not show.
- Which pages of a dump's machine were free: \`--from\` hands out pages that large writable leaves map and no table uses.
`;
}

it('says of every call which kernel has it', () => {
  const text = supportText();
  if (process.env.UPDATE_DOCS !== undefined) writeFileSync(PATH, text);
  expect(readFileSync(PATH, 'utf8')).toBe(text);
});
