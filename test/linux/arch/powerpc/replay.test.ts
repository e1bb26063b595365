import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { hasBigEndianTables } from '../../../../src/memory/elf_machine.ts';
import { FrameWords } from '../../../../src/memory/frame_words.ts';
import { Conformer } from '../../../../src/scenario/conform.ts';
import { parseTrace } from '../../../../src/scenario/trace.ts';
import { openCore } from '../../../support/open_core.ts';

const DATA = new URL('../../../data/', import.meta.url);

describe.each([
  { name: 'ppc64-6.12-p10.jsonl.gz', counts: [15, 3, 14], kfence: [] },
  { name: 'ppc64-7.2-p10-kfence.jsonl.gz', counts: [172, 9, 291], kfence: [["KFENCE's objects", 1]] },
])('the calls recorded with radix tables in $name', ({ name, counts, kfence }) => {
  it('return and change what the model says, each of them: on the linear map all fail, on vmalloc none', () => {
    const trace = parseTrace(gunzipSync(readFileSync(new URL(`traces/${name}`, DATA))).toString(), name);
    const core = openCore(new URL(`cores/${trace.header.core}`, DATA));
    expect([core.littleEndian, hasBigEndianTables(core.machine)]).toEqual([true, true]);
    const { differences, accepted, stopped, calls, applied, entries } = new Conformer(
      trace,
      new FrameWords(core, false),
      { stopAtFirst: false },
    ).run();
    expect(differences).toEqual([]);
    expect([[...accepted], stopped]).toEqual([kfence, undefined]);
    expect([calls, applied, entries]).toEqual(counts);
  });
});
