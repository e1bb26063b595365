import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { InputError } from '../../../src/errors.ts';
import { openQmp } from '../../../src/memory/sources/qmp_memory.ts';
import { buildCore } from '../synthetic_core.ts';

const root = mkdtempSync(path.join(tmpdir(), 'fake-qmp-'));
const folder = path.join(root, 'dumps');
mkdirSync(folder);
const socketPath = path.join(root, 'qmp');
const address = `qmp:${socketPath}`;
afterAll(() => rmSync(root, { recursive: true }));

let server: Server | undefined;
afterEach(() => server?.close());

const GREETING = { QMP: { version: { qemu: { micro: 22, minor: 2, major: 7 } }, capabilities: ['oob'] } };
const DUMP = buildCore({ machine: 62, segments: [{ address: 0x1000, bytes: new Uint8Array(4096).fill(7) }] });

type Args = { protocol?: string; format?: string; detach?: boolean };
/** What QEMU says to a command; undefined for nothing. A string is sent as it is. */
type Answers = (command: string, args: Args, socket: Socket) => unknown;

/** What QEMU does: it has written the dump when it is asked the second time how far it is. */
function wellBehaved(): Answers {
  let asked = 0;
  return (command, { protocol }) => {
    if (command === 'query-dump-guest-memory-capability') return { return: { formats: ['elf'] } };
    if (command === 'query-target') return { return: { arch: 's390x' } };
    if (command === 'human-monitor-command') return { return: '\r\nCPU#0\r\nC00=0 C13=0000000001290007\r\n' };
    if (command === 'query-memory-size-summary') return { return: { 'base-memory': 8192 } };
    if (command === 'dump-guest-memory') writeFileSync(protocol!.replace(/^file:/, ''), DUMP);
    if (command === 'query-dump') {
      return { return: { status: asked++ === 0 ? 'active' : 'completed', completed: asked, total: 2 } };
    }
    return { return: {} };
  };
}

async function serve(answers: Answers, greeting: unknown = GREETING): Promise<string[]> {
  const commands: string[] = [];
  const say = (socket: Socket, message: unknown) => {
    if (message !== undefined) {
      socket.write(typeof message === 'string' ? message : `${JSON.stringify(message)}\r\n`);
    }
  };
  rmSync(socketPath, { force: true });
  server = createServer((socket) => {
    socket.on('error', () => {});
    say(socket, greeting);
    let received = '';
    socket.on('data', (bytes) => {
      const lines = (received + bytes).split('\n');
      received = lines.pop()!;
      for (const line of lines) {
        const { execute, arguments: args = {} } = JSON.parse(line);
        commands.push(execute);
        say(socket, { event: 'STOP', data: {}, timestamp: {} });
        say(socket, answers(execute, args, socket));
      }
    });
  });
  await new Promise<void>((resolve) => server!.listen(socketPath, resolve));
  return commands;
}

/** What opening ends in. No file is left, however it ends. */
async function failure(answers: Answers, greeting?: unknown): Promise<string> {
  await serve(answers, greeting);
  try {
    (await openQmp(address, { folder, silence: 200 })).close();
  } catch (error) {
    expect(readdirSync(folder)).toEqual([]);
    server?.close();
    if (error instanceof InputError) return error.message;
    throw error;
  }
  throw new Error('it opened');
}

/** Like QEMU but for one command. */
function but(command: string, answer: unknown): Answers {
  const otherwise = wellBehaved();
  return (asked, args, socket) => (asked === command ? answer : otherwise(asked, args, socket));
}

describe('openQmp', () => {
  test('reads the dump that QEMU wrote, and leaves no file even while it is read', async () => {
    const commands = await serve(wellBehaved());
    const { memory, close } = await openQmp(address, { folder });
    expect(readdirSync(folder)).toEqual([]);
    expect(memory.kind).toBe('guest, dumped by QMP: ELF core');
    expect(memory.machine).toBe(62);
    expect(memory.cpus).toEqual([{ CR13: 0x1290007n }]);
    expect(memory.readFrame(1)).toEqual(new Uint8Array(4096).fill(7));
    expect(memory.readFrame(2)).toBeUndefined();
    close();
    expect(commands).toContain('query-dump');
    expect(commands[0]).toBe('qmp_capabilities');
  });

  test('takes the smallest format that QEMU offers', async () => {
    const seen: unknown[] = [];
    const formats = ['elf', 'kdump-zlib', 'win-dmp'];
    const answers = but('query-dump-guest-memory-capability', { return: { formats } });
    await serve((command, args, socket) => {
      if (command === 'dump-guest-memory') seen.push(args.format, args.detach);
      return answers(command, args, socket);
    });
    (await openQmp(address, { folder })).close();
    expect(seen).toEqual(['kdump-zlib', true]);
  });

  test('repeats what QEMU says when it refuses', async () => {
    const refusal = { error: { class: 'GenericError', desc: 'there is a dump in process' } };
    expect(await failure(but('dump-guest-memory', refusal))).toBe(
      `${address}: cannot read the guest: QEMU refuses dump-guest-memory: there is a dump in process`,
    );
    expect(await failure(but('qmp_capabilities', refusal))).toContain('QEMU refuses qmp_capabilities');
    const formats = { return: { formats: ['win-dmp'] } };
    expect(await failure(but('query-dump-guest-memory-capability', formats))).toContain('but win-dmp');
  });

  test('says why a dump failed', async () => {
    const answer = JSON.stringify({ return: { status: 'failed', completed: 0 } });
    const event = JSON.stringify({ event: 'DUMP_COMPLETED', data: { error: 'No space left on device' } });
    expect(await failure(but('query-dump', `${answer}\n${event}\n`))).toContain(
      'QEMU could not dump it: No space left on device',
    );
    expect(await failure(but('query-dump', { return: [] }))).toContain('answer to query-dump: found []');
  });

  test('says so if QEMU wrote to another file system', async () => {
    expect(await failure(but('dump-guest-memory', { return: {} }))).toContain(
      'QEMU and directmap have to see the same files',
    );
  });

  test('does not begin a dump that does not fit', async () => {
    const large = { return: { 'base-memory': 2 ** 50 } };
    expect(await failure(but('query-memory-size-summary', large))).toMatch(
      /its dump takes 1125899906842624 bytes, and .* has room for \d+$/,
    );
    await serve(wellBehaved());
    await expect(openQmp(address, { folder: path.join(root, 'none') })).rejects.toThrow(
      'no folder for its dump',
    );
  });

  test('says what is wrong with the other end', async () => {
    const well = wellBehaved();
    expect(await failure(well, '')).toContain('no greeting within 0.2 s (a QMP socket has one client');
    expect(await failure(well, 'SSH-2.0-OpenSSH_9.2\r\n')).toContain('expected a JSON object in a line');
    expect(await failure(well, '[1]\n')).toContain('found [1], expected a JSON object');
    expect(await failure(well, { hello: 1 })).toContain('found {"hello":1}, expected {"QMP": ...}');
    expect(await failure(well, 'x'.repeat(2 ** 21))).toMatch(/found a line of \d+ characters/);
    expect(await failure(well, `${JSON.stringify(GREETING)}\n{"return": {}}\n{"return": {}}\n`)).toContain(
      'silence until there is a command',
    );
    expect(await failure(but('query-dump', undefined))).toContain('no answer to query-dump within 0.2 s');
    expect(await failure(but('query-dump', { error: 'x' }))).toContain('expected the answer to query-dump');
    const closing: Answers = (command, args, socket) =>
      command === 'query-dump' ? void socket.destroy() : well(command, args, socket);
    expect(await failure(closing)).toContain('the connection was closed');
    await expect(openQmp('qmp:/no/such/socket')).rejects.toThrow('no such socket');
  });

  test('leaves no file if it is interrupted while QEMU writes', async () => {
    const status = { return: { status: 'active', completed: 0 } };
    const commands = await serve(but('query-dump', status));
    const script = path.join(root, 'program.mjs');
    const compiled = new URL('../../../dist/memory/sources/qmp_memory.js', import.meta.url).href;
    writeFileSync(
      script,
      `const { openQmp } = await import(${JSON.stringify(compiled)});
      await openQmp(${JSON.stringify(address)}, { folder: ${JSON.stringify(folder)} });`,
    );
    const program = spawn(process.execPath, [script]);
    const ended = once(program, 'exit');
    while (!commands.includes('query-dump')) await sleep(10);
    expect(readdirSync(folder)).toHaveLength(1);
    program.kill('SIGINT');
    expect((await ended)[1]).toBe('SIGINT');
    expect(readdirSync(folder)).toEqual([]);
  });
});
