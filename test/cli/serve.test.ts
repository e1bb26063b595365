import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from 'vitest';
import { directmap, scratch } from './directmap.ts';

const BIN = path.join(import.meta.dirname, '../../bin/directmap');
const running: ChildProcess[] = [];

afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});

/** The address that is printed, and the process that serves it. */
async function serve(...args: string[]): Promise<{ url: string; child: ChildProcess }> {
  const child = spawn(BIN, ['serve', '--port', '0', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  running.push(child);
  const [line] = await once(createInterface({ input: child.stdout! }), 'line');
  return { url: String(line).replace('directmap workbench: ', ''), child };
}

describe('directmap serve', () => {
  it('serves the workbench to this machine, until it is told to stop', async () => {
    const { url, child } = await serve();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    expect(await (await fetch(url)).text()).toContain('<title>directmap workbench</title>');
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('opens a scenario of the library by its name, and a link as other commands print it', async () => {
    const scenario = await serve('scenarios/thread/remap-4k-np.js');
    expect(scenario.url).toMatch(/\/#s=thread\/remap-4k-np\.js$/);
    const link = await serve('#s=thread/remap-4k-np.js&k=v7.2');
    expect(link.url).toMatch(/\/#s=thread\/remap-4k-np\.js&k=v7\.2$/);
    const hostile = await serve('#k=\x1b[31m|calc&s=a');
    expect(hostile.url).toMatch(/\/#s=a&k=%1B%5B31m%7Ccalc$/);
  });

  it('serves a dump beside the page', async () => {
    const { url } = await serve('scenarios/cores/x86_64-6.1-debian.core.gz');
    expect(url).toMatch(/#v=inspect&f=x86_64-6\.1-debian\.core\.gz$/);
    const dump = await fetch(new URL('/file/x86_64-6.1-debian.core.gz', url), {
      headers: { Range: 'bytes=0-1' },
    });
    expect([dump.status, ...new Uint8Array(await dump.arrayBuffer())]).toEqual([206, 0x1f, 0x8b]);
  });

  it.each([
    [['no-such-file'], 'no-such-file: cannot read what is to be shown: no such file'],
    [['a'.repeat(1000)], 'cannot read what is to be shown: its name is too long'],
    [['.'], '.: cannot read what is to be shown: it is not a regular file'],
    [['#nonsense=1'], 'link: unknown part of a link "nonsense"'],
    [['--port', 'http'], '--port: number: found http, expected a whole number'],
    [['--port', '70000'], '--port: number 70000 is out of range: expected 0 to 65535'],
  ])('refuses %j before it serves anything', (args, message) => {
    const { stderr, stdout, status } = directmap('serve', ...args);
    expect(stderr).toContain(message);
    expect([stdout, status]).toEqual(['', 2]);
  });

  it('says so when the port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const { stderr, status } = directmap('serve', '--port', String(port));
    other.close();
    expect(stderr).toContain('another program listens there');
    expect(status).toBe(2);
  });

  it('refuses a script that is too long for any scenario', () => {
    const { stderr, status } = directmap('serve', scratch('long.js', ' '.repeat(300 * 1024)));
    expect(status).toBe(2);
    expect(stderr).toContain('262144');
  });

  it('refuses a script that no link can hold', () => {
    const { stderr, stdout, status } = directmap('serve', scratch('wide.js', '/'.repeat(70 * 1024)));
    expect([stdout, status]).toEqual(['', 2]);
    expect(stderr).toContain('at most 65536');
  });
});
