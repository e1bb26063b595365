/**
 * Inspects damaged dumps by the thousand: bits flipped, numbers set, cut, spliced, zeroed, tables that name themselves.
 *
 *     node test/fuzz/inspect_fuzz.js [--cases N] [--first N] [--kinds elf,kdump,flattened,raw,text,packed] [FILES...]
 *
 * Each case has a number, on which alone it depends: `--first 1234 --cases 1` repeats case 1234. Of FILES, plain or
 * gzipped, instead of the files that the tests make.
 */

import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cases: { type: 'string', default: '10000' },
    first: { type: 'string', default: '0' },
    kinds: { type: 'string' },
  },
});
const root = path.resolve(import.meta.dirname, '../..');
const env = {
  ...process.env,
  FUZZ_CASES: values.cases,
  FUZZ_FIRST: values.first,
  FUZZ_FILES: positionals.map((file) => path.resolve(file)).join('\n'),
  ...(values.kinds === undefined ? {} : { FUZZ_KINDS: values.kinds }),
};
const vitest = path.join(root, 'node_modules/vitest/vitest.mjs');
const { status } = spawnSync(process.execPath, [vitest, 'run', 'test/fuzz'], {
  cwd: root,
  env,
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
