import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { PAGE_SIZE } from '../../../src/memory/physical_memory.ts';
import { fakeByte, type Mode } from './fake_gdb_stub.js';

/** Compiled: its thread is. */
const compiled = new URL('../../../dist/memory/sources/gdb_memory.js', import.meta.url).href;
const { openGdb } = (await import(compiled)) as typeof import('../../../src/memory/sources/gdb_memory.ts');

const folder = mkdtempSync(path.join(tmpdir(), 'fake-gdb-'));
const address = `gdb:${path.join(folder, 'gdb')}`;
afterAll(() => rmSync(folder, { recursive: true }));

let stub: ChildProcess;
let lastRequest = '';
afterEach(() => stub?.kill());

/** The stub has a process of its own: this one sleeps while it reads. */
async function start(mode: Mode): Promise<void> {
  stub = spawn(process.execPath, [
    path.join(import.meta.dirname, 'fake_gdb_stub.js'),
    address.slice(4),
    mode,
  ]);
  stub.stderr?.pipe(process.stderr);
  await once(stub.stdout!, 'data');
  stub.stdout!.on('data', (text) => {
    lastRequest = String(text).trim();
  });
}

describe('openGdb', () => {
  test('reads frames one after the other, without waiting for promises', async () => {
    await start('well');
    const { memory, close } = await openGdb(address);
    expect(memory.machine).toBe(62);
    expect(memory.cpus[0]).toMatchObject({ CR3: 0x101b92000n });
    for (const pfn of [0, 1, 0x10000f, 1]) {
      const frame = memory.readFrame(pfn)!;
      expect([frame.length, frame[0], frame[4095]]).toEqual([
        PAGE_SIZE,
        fakeByte(pfn * PAGE_SIZE),
        fakeByte(pfn * PAGE_SIZE + 4095),
      ]);
    }
    close();
  });

  test('gives the same bytes when a frame is asked for again, and keeps those it gave before', async () => {
    await start('well');
    const { memory, close } = await openGdb(address);
    const first = memory.readFrame(1)!;
    for (let pfn = 0; pfn < 600; pfn++) memory.readFrame(0x100000 + (pfn % 16));
    expect(memory.readFrame(1)).toEqual(first);
    close();
  });

  test('asks for nothing that is not memory', async () => {
    await start('error reply');
    const { memory, close } = await openGdb(address);
    for (const pfn of [5, 0xfec00, 0xfed00, 0x100010, -1, 0.5, Number.NaN, 2 ** 41]) {
      expect(memory.readFrame(pfn)).toBeUndefined();
    }
    expect(() => memory.readFrame(1)).toThrow('memory at 0x1000: found E22');
    close();
  });

  test('lets the guest go when it is closed, once', async () => {
    await start('well');
    const { memory, close } = await openGdb(address);
    close();
    close();
    expect(() => memory.readFrame(1)).toThrow('it was closed');
    stub.kill();
    await once(stub, 'close');
    expect(lastRequest).toBe('D;1');
  });

  test('says that the guest went away or is silent, and does not wait again', async () => {
    await start('closes at memory');
    const closing = await openGdb(address);
    for (let i = 0; i < 2; i++) {
      expect(() => closing.memory.readFrame(1)).toThrow(
        `${address}: cannot read the guest: the connection was closed`,
      );
    }
    closing.close();
    stub.kill();
    await start('silent at memory');
    const silent = await openGdb(address, 300);
    const began = performance.now();
    for (let i = 0; i < 3; i++) expect(() => silent.memory.readFrame(1)).toThrow('no answer within 0.3 s');
    silent.close();
    expect(performance.now() - began).toBeLessThan(2000);
  });

  test('says when it opens that nobody is there', async () => {
    await expect(openGdb('gdb:/no/such/socket')).rejects.toThrow(
      'gdb:/no/such/socket: cannot read the guest: no such socket',
    );
    await expect(openGdb('gdb:somewhere')).rejects.toThrow('found somewhere, expected HOST:PORT');
  });

  test('lets the guest go when the program ends by itself or is interrupted', async () => {
    for (const ending of [
      'process.exit(0)',
      'throw new Error("end")',
      'process.kill(process.pid, "SIGINT")',
    ]) {
      await start('well');
      const script = path.join(folder, 'program.mjs');
      writeFileSync(
        script,
        `const { openGdb } = await import(${JSON.stringify(compiled)});
        await openGdb(${JSON.stringify(address)});
        ${ending};`,
      );
      const program = spawn(process.execPath, [script]);
      const [, signal] = await once(program, 'exit');
      expect(signal).toBe(ending.includes('SIGINT') ? 'SIGINT' : null);
      stub.kill();
      await once(stub, 'close');
      expect(lastRequest, ending).toBe('D;1');
    }
  });

  test('lets the guest go when the program is interrupted while it attaches', async () => {
    await start('slow to attach');
    const script = path.join(folder, 'program.mjs');
    writeFileSync(
      script,
      `const { openGdb } = await import(${JSON.stringify(compiled)});
      await openGdb(${JSON.stringify(address)});`,
    );
    const program = spawn(process.execPath, [script]);
    await once(stub.stdout!, 'data');
    program.kill('SIGINT');
    const [, signal] = await once(program, 'exit');
    expect(signal).toBe('SIGINT');
    stub.kill();
    await once(stub, 'close');
    expect(lastRequest).toBe('D;1');
  });
});
