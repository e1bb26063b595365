/** The model against recordings of real s390x kernels. */

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { S390xFormat } from '../../../../src/mmu/s390x.ts';
import { Conformer } from '../../../../src/scenario/conform.ts';
import { parseTrace } from '../../../../src/scenario/trace.ts';
import { readCore, tablesOf } from '../../../support/real_core.ts';

const TRACES = fileURLToPath(new URL('../../../data/traces/', import.meta.url));
const NAMES = readdirSync(TRACES).filter((name) => name.startsWith('s390x'));

test('there are recordings of each kernel that has one, with KASLR, with KFENCE', () => {
  expect(NAMES).toHaveLength(5);
});

test.each(NAMES)('the model does all that %s shows, bit for bit', (name) => {
  const trace = parseTrace(gunzipSync(readFileSync(TRACES + name)).toString(), name);
  const core = readCore(trace.header.core.replace('.core.gz', ''));
  const tables = tablesOf(core, new S390xFormat({ levels: 3 }));
  const result = new Conformer(trace, tables, { stopAtFirst: false }).run();
  expect(result.differences).toEqual([]);
  expect(result.stopped).toBeUndefined();
  expect(result.calls + result.applied).toBe(trace.calls.length);
  expect(result.entries).toBeGreaterThan(1000);
  expect([...result.accepted.keys()]).toEqual([]);
});
