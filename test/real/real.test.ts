import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';

const asked = process.env.DIRECTMAP_REAL === '1';

/** A guest of 4 GiB has to boot without hardware to help it, and is dumped several times. */
const MINUTES = 15;

test.skipIf(!asked)(
  asked
    ? 'however a real kernel is read, its page tables are the same'
    : 'a real kernel is read in every way if DIRECTMAP_REAL=1 asks for it',
  async (context) => {
    const script = spawn(process.execPath, [path.join(import.meta.dirname, 'run.js')]);
    const ended = once(script, 'exit');
    const [output, errors] = await Promise.all([text(script.stdout), text(script.stderr)]);
    const skipped = /^skipped: .*/m.exec(output)?.[0];
    if (skipped !== undefined) context.skip(skipped);
    expect(`${output}${errors}exit status ${(await ended)[0]}`).toMatch(/QEMU ELF[\s\S]*exit status 0$/);
  },
  MINUTES * 60_000,
);
