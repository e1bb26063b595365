/** The model against recordings of real kernels: every value, entry and table, from the tables that a recording began with. */

import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Conformer } from '../../../../src/scenario/conform.ts';
import { parseTrace } from '../../../../src/scenario/trace.ts';
import { openCore } from '../../../support/open_core.ts';

const DATA = new URL('../../../data/', import.meta.url);

/** Entries that each recording has, so that none is passed over. */
const ENTRIES: Readonly<Record<string, number>> = {
  'arm64-5.10-rodata-off.jsonl.gz': 29,
  'arm64-5.10.jsonl.gz': 1157,
  'arm64-6.12.jsonl.gz': 1157,
  'arm64-7.2-bbml2-q10.jsonl.gz': 1672,
  'arm64-7.2.jsonl.gz': 1129,
};

it('is tried on every recording there is', () => {
  const names = readdirSync(new URL('traces/', DATA)).filter((name) => name.startsWith('arm64'));
  expect(names.sort()).toEqual(Object.keys(ENTRIES).sort());
});

describe('the model and recordings of real kernels', () => {
  it.each(Object.keys(ENTRIES))('agree on every value and entry of %s', (name) => {
    const text = gunzipSync(readFileSync(new URL(`traces/${name}`, DATA))).toString();
    const trace = parseTrace(text, name);
    const core = openCore(new URL(`cores/${trace.header.core}`, DATA));
    const { differences, stopped, accepted, calls, applied, entries } = new Conformer(trace, core, {
      stopAtFirst: false,
    }).run();
    expect(stopped).toBeUndefined();
    expect(differences).toEqual([]);
    expect([...accepted]).toEqual([]);
    expect(calls + applied).toBe(trace.calls.length);
    expect(entries).toBe(ENTRIES[name]);
  });
});
