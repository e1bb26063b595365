/** Recorded calls made on a model that starts from the recording's tables: what was returned, and every word that changed. */

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { Architecture } from '../../../../src/linux/architecture.ts';
import { parseConfig } from '../../../../src/linux/config.ts';
import type { Kernel } from '../../../../src/linux/kernel.ts';
import { parseKernelVersion } from '../../../../src/linux/kernels.ts';
import { memoryFromInclusive } from '../../../../src/linux/machine.ts';
import { runTask } from '../../../../src/linux/task.ts';
import type { PageSource } from '../../../../src/memory/physical_memory.ts';

type ChangedRun = [number, string, string, number, number, string, string, string, string];

interface RecordedCall {
  i: number;
  call: string;
  args: Record<string, string | number>;
  ret: string | number | null;
  changed: ChangedRun[];
  added: unknown[];
  removed: unknown[];
  note?: string;
}

/** Calls whose changes are applied, not predicted. */
const HELPERS = ['__get_free_pages', 'free_pages', 'vmalloc', 'vfree'];

export interface Replay {
  kernel: Kernel;
  /** "1 change_memory_attr: -22, 0 words" for each call, of the recording and of the model. */
  recorded: string[];
  modelled: string[];
}

export function replay(
  arch: Architecture,
  name: string,
  tables: PageSource,
  pfnOf: (page: bigint) => number = () => 0,
): Replay {
  const path = new URL(`../../../data/traces/${name}.jsonl.gz`, import.meta.url);
  const [first, ...lines] = gunzipSync(readFileSync(path)).toString('utf8').trimEnd().split('\n');
  const header = JSON.parse(first!);
  const config = parseConfig([], name, arch);
  const ram = header.ram.map(([from, to]: [string, string]) => [Number(from), Number(to)]);
  const kernel = arch.onTables({
    tables,
    root: Number(header.root),
    levels: header.levels,
    page_size: header.pageSize,
    memory: memoryFromInclusive(ram, name),
    cpus: 1,
    version: parseKernelVersion(header.kernel, name, arch),
    config,
    boot: arch.parseBoot(header.cmdline, config, name),
    page_offset: signed(header.pageOffset),
    phys_offset: Number(header.physOffset),
    direct_pages_count: [],
    frames: { allocate: () => undefined, free: () => {}, mark: () => 0, undo: () => {} },
    facts: header,
  });
  const recorded: string[] = [];
  const modelled: string[] = [];
  for (const line of lines) {
    const call: RecordedCall = JSON.parse(line);
    const wanted = wordsOf(call);
    if (HELPERS.includes(call.call)) {
      for (const [address, { after }] of wanted)
        kernel.memory.write(address, Number(after & 0xffff_ffffn), Number(after >> 32n));
      continue;
    }
    const found = arch.calls.find(({ name }) => name === call.call)!;
    const args = found.parameters.map(({ name }) =>
      name === 'addr'
        ? signed(call.args[name] as string)
        : name === 'pfn' && call.args.pfn === undefined
          ? pfnOf(BigInt(call.args.page!))
          : Number(call.args[name]),
    );
    const mark = kernel.memory.mark();
    const result = runTask(found.run(kernel, args));
    const returned = result.ended === 'returned' ? result.value : 'dead';
    const changed = kernel.memory
      .changedSince(mark)
      .map(({ address, low, high }) => [address, (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)] as const)
      .filter(([address, word]) => word !== wanted.get(address)?.before || !wanted.has(address));
    const text = (ret: unknown, words: (readonly [number, bigint])[]) =>
      [
        `${call.i} ${call.call}: ${ret}`,
        ...words.sort((a, b) => a[0] - b[0]).map(([at, word]) => `${at.toString(16)}=${word.toString(16)}`),
      ].join(' ');
    recorded.push(
      text(
        call.ret ?? undefined,
        [...wanted].map(([at, { after }]) => [at, after] as const),
      ),
    );
    modelled.push(text(returned, changed));
  }
  return { kernel, recorded, modelled };
}

function signed(address: string): number {
  return Number(BigInt.asIntN(64, BigInt(address)));
}

function wordsOf({ changed }: RecordedCall): Map<number, { before: bigint; after: bigint }> {
  const words = new Map<number, { before: bigint; after: bigint }>();
  for (const [, table, , index, count, before, beforeStride, after, afterStride] of changed) {
    for (let entry = 0; entry < count; entry++) {
      const at = (value: string, stride: string) =>
        BigInt.asUintN(64, BigInt(value) + BigInt(entry) * BigInt(stride));
      words.set(Number(table) + (index + entry) * 8, {
        before: at(before, beforeStride),
        after: at(after, afterStride),
      });
    }
  }
  return words;
}
