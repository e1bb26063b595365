import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { InputError } from '../../../src/errors.ts';
import { PAGE_SIZE } from '../../../src/memory/physical_memory.ts';
import { GdbGuest } from '../../../src/memory/sources/gdb_guest.ts';
import { parseSocketAddress } from '../../../src/memory/sources/socket_address.ts';
import { fakeByte, type Mode, serveFakeGdb } from './fake_gdb_stub.js';

const folder = mkdtempSync(path.join(tmpdir(), 'fake-gdb-'));
const socket = path.join(folder, 'gdb');
afterAll(() => rmSync(folder, { recursive: true }));

let stub: Awaited<ReturnType<typeof serveFakeGdb>> | undefined;
afterEach(() => stub?.close());

async function attach(mode: Mode, silence = 300): Promise<GdbGuest> {
  stub = await serveFakeGdb(socket, mode);
  return GdbGuest.attach(socket, 'gdb:socket', silence);
}

/** What attaching and then reading a frame ends in. */
async function failure(mode: Mode): Promise<string> {
  try {
    const guest = await attach(mode);
    await guest.readFrame(1).finally(() => guest.detach());
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  throw new Error('it was read');
}

const frame = (pfn: number) =>
  Uint8Array.from({ length: PAGE_SIZE }, (_, index) => fakeByte(pfn * PAGE_SIZE + index));

describe('GdbGuest', () => {
  test('reads frames as they are, also many at a time and from a stub that sends in pieces', async () => {
    for (const mode of ['well', 'old', 'slow', 'no monitor'] as const) {
      const guest = await attach(mode);
      const pfns = [0, 1, 2, 4, 0x100000, 0x10000f, 2 ** 40 - 1];
      const frames = await Promise.all(pfns.map((pfn) => guest.readFrame(pfn)));
      for (const [index, pfn] of pfns.entries()) {
        expect(Buffer.compare(frames[index]!, frame(pfn)), `${mode}, frame ${pfn}`).toBe(0);
      }
      await guest.detach();
      stub?.close();
    }
  });

  test('has nothing where the stub says that an address cannot be read', async () => {
    const guest = await attach('well');
    expect(await guest.readFrame(3)).toBeUndefined();
    await guest.detach();
  });

  test('tells the machine, its CPUs, and what of it is memory', async () => {
    const guest = await attach('well');
    expect(guest.facts).toEqual({
      machine: 62,
      littleEndian: true,
      cpus: [
        { CR0: 0x80050033n, CR3: 0x101b92000n, CR4: 0x750ef0n },
        { CR0: 0x80050033n, CR3: 0x2000n, CR4: 0x750ef0n },
      ],
      ranges: [
        { start: 0, size: 0x5000 },
        { start: 0x100000000, size: 0x10000 },
      ],
    });
    await guest.detach();
  });

  test("reads an arm64's registers by the numbers that the stub gives them", async () => {
    const guest = await attach('arm64');
    expect(guest.facts).toMatchObject({
      machine: 183,
      littleEndian: true,
      cpus: [{ TTBR1_EL1: 0x41c30000n, TCR_EL1: 0x1085100010n, MAIR_EL1: 0xff00040c44ffn }],
    });
    await guest.detach();
  });

  test("reads an s390x's registers, and knows its byte order", async () => {
    const guest = await attach('s390x');
    expect(guest.facts).toMatchObject({ machine: 22, littleEndian: false, cpus: [{ CR13: 0x13bc007n }] });
    await guest.detach();
  });

  test('does without a monitor', async () => {
    const guest = await attach('no monitor');
    expect(guest.facts).toEqual({ machine: 62, littleEndian: true, cpus: [], ranges: [] });
    await guest.detach();
  });

  test('lets a guest run on that ran before, and leaves one that stood still', async () => {
    const asked: Record<string, boolean> = {};
    for (const mode of ['well', 'old', 'no monitor', 'standing', 'old, standing'] as const) {
      const guest = await attach(mode);
      await guest.detach();
      asked[mode] = stub!.requests.includes('D;1');
      expect(stub!.requests).toContain('Qqemu.PhyMemMode:0');
      stub?.close();
    }
    expect(asked).toEqual({
      well: true,
      old: true,
      'no monitor': true,
      standing: false,
      'old, standing': false,
    });
  });

  test('lets a guest run on that it cannot read', async () => {
    expect(await failure('endless XML')).toContain('target.xml');
    expect(stub!.requests.at(-1)).toBe('D;1');
  });

  test('leaves word for a stub that serves another client, which takes this one up when that one has gone', async () => {
    await failure('silent');
    await expect.poll(() => stub!.requests.join('')).toMatch(/^\$qSupported:.*\$D;1#b0$/);
  });

  test('waits for no such stub any longer when it is told to leave', async () => {
    stub = await serveFakeGdb(socket, 'silent');
    const leave = new AbortController();
    const attached = GdbGuest.attach(socket, 'gdb:socket', 60_000, leave.signal);
    setTimeout(() => leave.abort(), 50);
    await expect(attached).rejects.toThrow('it was closed');
    await expect.poll(() => stub!.requests.join('')).toMatch(/\$D;1#b0$/);
  });

  test('reads nothing after it was detached', async () => {
    const guest = await attach('well');
    await guest.detach();
    await expect(guest.readFrame(1)).rejects.toThrow(InputError);
    await guest.detach();
  });

  test('says what is wrong with the other end', async () => {
    const name = 'gdb:socket: ';
    expect(await failure('silent')).toBe(
      `${name}cannot read the guest: no answer within 0.3 s (a debugger port has one client at a time: is there another?)`,
    );
    expect(await failure('silent at memory')).toBe(`${name}cannot read the guest: no answer within 0.3 s`);
    expect(await failure('drips')).toBe(`${name}cannot read the guest: no answer within 0.3 s`);
    expect(await failure('endless text')).toBe(`${name}cannot read the guest: no answer within 0.3 s`);
    expect(await failure('closes at memory')).toBe(`${name}cannot read the guest: the connection was closed`);
    expect(await failure('bad checksum')).toMatch(/checksum of .* packet: found .., expected ..$/);
    expect(await failure('giant')).toMatch(/packet: found \d+ bytes, expected at most 65536 bytes/);
    expect(await failure('giant text')).toContain('found more, expected at most 524288 bytes');
    expect(await failure('endless XML')).toContain('target.xml of the debugger port: found more');
    expect(await failure('other protocol')).toMatch(/found SSH-2.0-OpenSSH_9.2 *, expected \$/);
    expect(await failure('unasked packet')).toContain('memory at 0x1000: found 6 digits, expected 8192');
    expect(await failure('short reply')).toContain('memory at 0x1000: found 8186 digits');
    expect(await failure('error reply')).toContain('memory at 0x1000: found E22');
    expect(await failure('no digits')).toContain('memory at 0x1000: found 8192 digits');
    expect(await failure('wants it again')).toContain('a request to send it again');
    expect(await failure('no physical memory')).toContain('one that does not read physical memory');
    expect(await failure('no packet size')).toContain('found vContSupported+, expected PacketSize');
  });

  test('says that there is no such socket', async () => {
    const missing = path.join(folder, 'none');
    await expect(GdbGuest.attach(missing, 'gdb:none', 300)).rejects.toThrow(
      'gdb:none: cannot read the guest: no such socket',
    );
    await expect(GdbGuest.attach('localhost:1', 'gdb:localhost:1', 300)).rejects.toThrow(
      'nobody listens there',
    );
    await expect(GdbGuest.attach(`/${'x'.repeat(300)}`, 'gdb', 300)).rejects.toThrow(InputError);
  });

  test('survives whatever is sent to it', async () => {
    const sent = fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 40 }),
        fc
          .oneof(
            fc.string({ maxLength: 40 }),
            fc.constantFrom('OK', '', 'E14', 'l', 'm', 'T05', 'O20', 'PacketSize=40'),
          )
          .map((payload) => {
            const sum = Buffer.from(payload).reduce((total, byte) => total + byte, 0) & 0xff;
            return Buffer.from(`$${payload}#${sum.toString(16).padStart(2, '0')}`);
          }),
      ),
      { maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(sent, async (chunks) => {
        const server = createServer((client) => {
          client.on('error', () => {});
          client.end(Buffer.concat(chunks));
        });
        rmSync(socket, { force: true });
        await new Promise<void>((resolve) => server.listen(socket, resolve));
        const attached = GdbGuest.attach(socket, 'gdb', 300);
        await expect(attached).rejects.toThrow(InputError);
        server.close();
      }),
    );
  });
});

describe('parseSocketAddress', () => {
  test('takes hosts, addresses, ports and paths', () => {
    expect(parseSocketAddress('example:1234', '')).toEqual({ host: 'example', port: 1234 });
    expect(parseSocketAddress('[::1]:1234', '')).toEqual({ host: '::1', port: 1234 });
    expect(parseSocketAddress(':1234', '')).toEqual({ host: 'localhost', port: 1234 });
    expect(parseSocketAddress('./gdb', '')).toEqual({ path: './gdb' });
    expect(parseSocketAddress('/run/a:1', '')).toEqual({ path: '/run/a:1' });
  });

  test('refuses what is neither', () => {
    for (const address of ['', 'gdb', '1234', 'host:', 'host:0', 'host:65536', '::1:1234', 'a\0/b']) {
      expect(() => parseSocketAddress(address, 'gdb:x'), address).toThrow(InputError);
    }
  });
});
