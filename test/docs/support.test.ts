/** docs/support.md must say what the code offers. UPDATE_DOCS=1 rewrites it. */

import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { NotModelledError } from '../../src/errors.ts';
import { ARCHITECTURES } from '../../src/linux/arch/index.ts';
import type { Architecture, BootVariant, FeatureOption } from '../../src/linux/architecture.ts';
import type { KernelBuild, KernelCall } from '../../src/linux/call.ts';
import { GENERIC_CALLS } from '../../src/linux/calls.ts';
import { CONFIG_OPTIONS, type ConfigOption, parseConfig } from '../../src/linux/config.ts';
import { PRESETS, parseKernelVersion } from '../../src/linux/kernels.ts';
import { wrap } from '../../src/report/wrap.ts';
import { SCRIPT_FUNCTIONS } from '../../src/scenario/script_calls.ts';

const PATH = new URL('../../docs/support.md', import.meta.url);
const LETTERS = 'abcdefghij'.slice(0, PRESETS.length);
const NONE = '-';

/** The kernels of an architecture, by the preset's place; a hole where it has none. */
const BUILDS = new Map<Architecture, (KernelBuild | undefined)[]>(
  ARCHITECTURES.map((arch) => [arch, PRESETS.map(({ name }) => buildOf(arch, name))]),
);

function buildOf(arch: Architecture, preset: string): KernelBuild | undefined {
  if (arch.missing[preset] !== undefined) return undefined;
  const version = parseKernelVersion(preset, 'test', arch);
  return { version, has: version.has, config: parseConfig([['DEBUG_PAGEALLOC', 'y']], 'test', arch) };
}

/** "abcde" if all kernels have the call, "--cd-", or "-" for none. */
function lettersOf(arch: Architecture, call: KernelCall | undefined): string {
  const has = BUILDS.get(arch)!.map((build, i) =>
    build !== undefined && call !== undefined && call.missing?.(build) === undefined ? LETTERS[i] : NONE,
  );
  return has.every((letter) => letter === NONE) ? NONE : has.join('');
}

// ---- text

/** Cells under one another, two blanks apart. */
function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const lines = rows.map((row) => row.map((cell, i) => cell.padEnd(widths[i]!)).join('  '));
  return `\`\`\`\n${lines.map((line) => line.trimEnd()).join('\n')}\n\`\`\``;
}

const HEAD = ['', ...ARCHITECTURES.map(({ name }) => name)];

function items(list: readonly string[], none = 'None.'): string {
  return list.length === 0 ? none : list.flatMap((text) => wrap(text, '- ', '  ')).join('\n');
}

function callItem({ name, parameters, summary }: KernelCall, only = ''): string {
  return `\`${name}(${parameters.map((parameter) => parameter.name).join(', ')})\`${only}: ${summary}`;
}

function configItem([name, option]: [string, ConfigOption]): string {
  return `\`${name}=${option.default}\`: ${option.meaning}`;
}

function featureItem([name, { meaning, default: usual }]: [string, FeatureOption]): string {
  return `\`${name}\`, ${usual === undefined ? 'as it comes' : `usually ${usual}`}: ${meaning}`;
}

function bootItem({ name, boot, config = [], features = {} }: BootVariant): string {
  const words = [
    ...(boot === '' ? [] : [`\`${boot}\``]),
    ...config.map(([option, value]) => `\`${option}=${value}\``),
    ...Object.entries(features).map(([feature, value]) => `the feature \`${feature}: ${value}\``),
  ];
  return `${name}: ${words.length === 0 ? 'nothing said' : words.join(', ')}`;
}

// ---- tables

function callsTable(calls: (arch: Architecture) => readonly KernelCall[], names: readonly string[]): string {
  const rows = names.map((name) => [
    name,
    ...ARCHITECTURES.map((arch) =>
      lettersOf(
        arch,
        calls(arch).find((call) => call.name === name),
      ),
    ),
  ]);
  return columns([HEAD, ...rows]);
}

/** Functions that more than one architecture has of its own. */
function sharedNames(): string[] {
  const names = new Set(ARCHITECTURES.flatMap((arch) => arch.calls.map(({ name }) => name)));
  return [...names].filter((name) => ownersOf(name).length > 1);
}

function ownersOf(name: string): Architecture[] {
  return ARCHITECTURES.filter((arch) => arch.calls.some((call) => call.name === name));
}

/** One value each that the word may have. */
const BOOT_WORDS = [
  ...['debug_pagealloc=on', 'debug_guardpage_minorder=1', 'page_poison=1', 'init_on_alloc=1'],
  ...['init_on_free=1', 'kfence.sample_interval=100', 'secretmem.enable=1', 'hibernate=protect_image'],
  ...['movable_node', 'nokaslr', 'rodata=off', 'mem=1G', 'crashkernel=256M', 'gbpages', 'nogbpages'],
  ...['pti=off', 'nopti', 'no4lvl', 'no5lvl', 'disable_radix', 'mem_encrypt=on', 'nopat', 'noexec=off'],
  ...['stress_hpt', 'stress_slb', 'vmalloc=1G', 'kasan=off'],
];

function bootTable(): string {
  const name = (word: string) => word.replace(/=.*/, word === 'hibernate=protect_image' ? '$&' : '=');
  return columns([
    HEAD,
    ...BOOT_WORDS.map((word) => [name(word), ...ARCHITECTURES.map((arch) => wordOn(arch, word))]),
  ]);
}

function wordOn(arch: Architecture, word: string): string {
  const config = parseConfig([['DEBUG_PAGEALLOC', 'y']], 'test', arch);
  try {
    return arch.parseBoot(word, config, 'test').ignored.length > 0 ? NONE : 'yes';
  } catch (error) {
    if (error instanceof NotModelledError) return 'no';
    throw error;
  }
}

// ---- an architecture

function archText(arch: Architecture): string {
  const { name, aliases, pageSizes, missing, features, config, boots } = arch;
  const also = aliases.length === 0 ? '' : `, also called ${aliases.join(', ')}`;
  const sizes = pageSizes.map((bytes) => `${bytes / 1024}K`);
  const absent = Object.entries(missing).map(([preset, because]) => ` No ${preset}: ${because}.`);
  return `## ${name}

${wrap(`Pages of ${sizes.join(', ')}${also}.${absent.join('')}`).join('\n')}

Functions:

${items(arch.calls.map((call) => callItem(call, onlyOn(arch, call))))}

What its machines may have or lack:

${items(Object.entries(features).map(featureItem))}

How its kernels may be built, beside the options of all architectures:

${items(Object.entries(config).map(configItem))}

Ways to boot that tell its kernels apart, which \`directmap compare --boot all\` tries:

${items(boots.map(bootItem))}
`;
}

/** " (since v6.1.192)", or the kernels, where not all have a call; the reason where none has it. */
function onlyOn(arch: Architecture, call: KernelCall): string {
  const builds = BUILDS.get(arch)!.filter((build) => build !== undefined);
  const having = builds.filter((build) => call.missing?.(build) === undefined);
  if (having.length === builds.length) return '';
  const names = having.map(({ version }) => version.name);
  if (names.length === 0) return ` (${call.missing?.(builds.at(-1)!)})`;
  const since = builds.slice(-names.length).every((build) => having.includes(build));
  return since ? ` (since ${names[0]})` : ` (${names.join(', ')})`;
}

/** Why no kernel of any architecture has a call, as they are built here. */
function onNone(call: KernelCall): string {
  const none = ARCHITECTURES.every((arch) => lettersOf(arch, call) === NONE);
  return none ? onlyOn(ARCHITECTURES[0]!, call) : '';
}

function supportText(): string {
  const generic = GENERIC_CALLS.map(({ name }) => name);
  const legend = PRESETS.map(({ name }, i) => `${LETTERS[i]} ${name}`).join(', ');
  const functions = Object.entries(SCRIPT_FUNCTIONS).map(
    ([name, { summary }]) => `\`${name}()\`: ${summary}`,
  );
  return `# What is modelled

Written by the tests from the code (\`UPDATE_DOCS=1 npx vitest run test/docs\`). The architectures:
${ARCHITECTURES.map(({ name }) => name).join(', ')}.

## Which kernel has which function

The kernels: ${legend}.
They are built with CONFIG_DEBUG_PAGEALLOC=y here, and as usual otherwise. A call that a kernel lacks is refused with the
reason. A dash stands for a kernel without it, or without the architecture.

Functions of one architecture alone are in its section. Those of several:

${callsTable((arch) => arch.calls, sharedNames())}

Those that are the same for all:

${callsTable(() => GENERIC_CALLS, generic)}

## What the functions of all architectures do

${items(GENERIC_CALLS.map((call) => callItem(call, onNone(call))))}

## Functions of the script language

${items(functions)}

## Config options of all architectures

${items(Object.entries(CONFIG_OPTIONS).map(configItem))}

## Words of the kernel command line

\`yes\` is modelled, \`${NONE}\` has no effect here, as a report then says, \`no\` is refused, with the reason. Any other word has no
effect here.

${bootTable()}

${ARCHITECTURES.map(archText).join('\n')}
${NOT_MODELLED}`;
}

/** The architectures on whose dumps a script can run. */
const DUMPS = ARCHITECTURES.filter((arch) => arch.factsOfDump !== undefined).map(({ name }) => name);

const NOT_MODELLED = `## Not modelled

- Interleavings of CPUs in \`directmap run\` but where the script has \`interleave()\`: calls on several CPUs follow one
  another.
- Of executable memory: address ranges by type, KASAN's shadow, what is written, and that its workqueue runs by itself:
  \`execmem_cache_free_slow()\` and \`execmem_cache_clean()\` are calls.
- Of a walk of the tables: more than one address, other mms than init_mm, and that an entry is read several times. The mmap
  lock that vmalloc tries before it frees a table for a large leaf: only here a walk may meet such a table after it was freed.
- Of KFENCE when it samples, of modules their init sections, of memory hotplug the struct pages.
- Hibernation beyond the snapshot of memory and the pages of an image that is being loaded: devices, freezing, the disk.
- Large leaves with reserved address bits set, as a protection of 0 leaves them: a run ends there, with exit status 3.
- Which pages of a dump's machine were free: \`--from\` hands out pages that large writable leaves map and no table uses.
- x86_64: Xen PV, SGX platform pages, guests of SEV-SNP, \`nopat\`, CPUs without NX, PSE or PGE; of a part of a 1G leaf that is
  removed what v5.12 and later do; memory types that drivers had reserved before a dump or a recording began, for what is not
  RAM (ACPI tables, HPET); with \`rodata=off\` the end of the text, which a dump's tables then do not show.
- x86-32, but for a page that has no address (the feature \`highmem\`).
- Scripts on a dump (\`directmap run --from\`) but of ${DUMPS.join(', ')}. Of all others except sparc64 recordings
  of calls can be replayed, with the dump that belongs to each (\`directmap conform\`).
- arm64: memory added outside of what the direct map reaches; 52-bit addresses with pages of 4K or 16K before v6.12.
- s390x: in a dump, where the init sections of the kernel image lie; what is cleared after a 2G leaf could not be split for
  \`vmem_remove_mapping()\`.
- ppc64: vmalloc areas and page tables of hash kernels, and their dumps.
- sparc64: sun4u machines; no recording of any has ever been compared with the model.
`;

it('says of every call which kernel has it', () => {
  const text = supportText();
  if (process.env.UPDATE_DOCS !== undefined) writeFileSync(PATH, text);
  expect(readFileSync(PATH, 'utf8')).toBe(text);
});

it('fits its tables into 100 columns', () => {
  const [, ...blocks] = supportText().split('```');
  const lines = blocks.filter((_, i) => i % 2 === 0).flatMap((block) => block.split('\n'));
  expect(lines.filter((line) => line.length > 100)).toEqual([]);
});
