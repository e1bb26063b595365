import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Conformer } from '../../../../src/scenario/conform.ts';
import { parseTrace } from '../../../../src/scenario/trace.ts';
import { openCore } from '../../../support/open_core.ts';

const DATA = new URL('../../../data/', import.meta.url);

describe('the calls recorded on v7.2', () => {
  it('return and change what the model says, each of them: nothing in the direct map, PTEs in vmalloc', () => {
    const name = 'loong64-7.2.jsonl.gz';
    const trace = parseTrace(gunzipSync(readFileSync(new URL(`traces/${name}`, DATA))).toString(), name);
    const core = openCore(new URL(`cores/${trace.header.core}`, DATA));
    const { differences, accepted, stopped, calls, applied, entries } = new Conformer(trace, core, {
      stopAtFirst: false,
    }).run();
    expect(differences).toEqual([]);
    expect([[...accepted], stopped]).toEqual([[], undefined]);
    expect([calls, applied, entries]).toEqual([15, 3, 14]);
  });
});
