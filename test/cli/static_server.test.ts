import { once } from 'node:events';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HOST, staticServer } from '../../src/cli/static_server.ts';

const root = mkdtempSync(path.join(tmpdir(), 'directmap-serve-'));
const folder = path.join(root, 'web');
const dump = path.join(root, 'vm core');
const BYTES = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 251));

let port = 0;
const server = (() => {
  mkdirSync(path.join(folder, 'assets'), { recursive: true });
  writeFileSync(path.join(folder, 'index.html'), '<!doctype html><title>page</title>');
  writeFileSync(path.join(folder, 'assets', 'a.js'), 'export {};');
  writeFileSync(path.join(root, 'secret.txt'), 'secret');
  writeFileSync(dump, BYTES);
  symlinkSync(path.join(root, 'secret.txt'), path.join(folder, 'link.txt'));
  return staticServer({ folder, file: { path: dump, name: 'vm core' } });
})();

beforeAll(async () => {
  server.listen(0, HOST);
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});

afterAll(() => {
  server.close();
  rmSync(root, { recursive: true });
});

/** As it is written: fetch() would tidy the path. */
async function ask(
  target: string,
  { method = 'GET', headers = {} }: { method?: string; headers?: object } = {},
) {
  const asked = request({ host: HOST, port, path: target, method, headers: { ...headers } });
  asked.end();
  const [response] = await once(asked, 'response');
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) };
}

describe('the server of the workbench', () => {
  it('serves the page at the root, with a policy that lets it run its own scripts only', async () => {
    const { status, headers, body } = await ask('/');
    expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'");
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(String(body)).toContain('<title>page</title>');
  });

  it('serves scripts as such, and says what is not there', async () => {
    expect((await ask('/assets/a.js?v=1')).headers['content-type']).toBe('text/javascript; charset=utf-8');
    expect((await ask('/assets/b.js')).status).toBe(404);
    expect((await ask('/assets')).status).toBe(404);
  });

  it.each([
    '/../secret.txt',
    '/assets/../../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/link.txt',
    '//etc/passwd',
  ])('gives nothing outside of its folder: %s', async (target) => {
    const { status, body } = await ask(target);
    expect([status, String(body)]).toEqual([404, '404\n']);
  });

  it.each(['/%', '/%00', '/%E0%A4%A'])('refuses what is no path: %s', async (target) => {
    expect((await ask(target)).status).toBe(400);
  });

  it('answers to its own name only, so that no page of another site can read it', async () => {
    expect((await ask('/', { headers: { Host: 'example.org' } })).status).toBe(403);
    expect((await ask('/', { headers: { Host: `localhost:${port}` } })).status).toBe(200);
  });

  it('takes GET and HEAD only', async () => {
    const { status, headers } = await ask('/', { method: 'POST' });
    expect([status, headers.allow]).toEqual([405, 'GET, HEAD']);
    expect((await ask('/', { method: 'HEAD' })).body.length).toBe(0);
  });

  it('serves the dump by its parts', async () => {
    const head = await ask('/file/vm%20core', { method: 'HEAD' });
    expect([head.status, head.headers['content-length'], head.headers['accept-ranges']]).toEqual([
      200,
      '1000',
      'bytes',
    ]);
    const part = await ask('/file/vm%20core', { headers: { Range: 'bytes=10-19' } });
    expect([part.status, part.headers['content-range']]).toEqual([206, 'bytes 10-19/1000']);
    expect(part.body).toEqual(BYTES.subarray(10, 20));
    expect((await ask('/file/vm%20core', { headers: { Range: 'bytes=-5' } })).body).toEqual(
      BYTES.subarray(995),
    );
    expect((await ask('/file/vm%20core', { headers: { Range: 'bytes=990-2000' } })).body).toEqual(
      BYTES.subarray(990),
    );
    expect((await ask('/file/vm%20core', { headers: { Range: 'bytes=1000-' } })).status).toBe(416);
    expect((await ask('/file/other')).status).toBe(404);
  });

  it('lives on when the dump is taken away', async () => {
    renameSync(dump, `${dump}.away`);
    expect((await ask('/file/vm%20core')).status).toBe(404);
    renameSync(`${dump}.away`, dump);
    expect((await ask('/file/vm%20core')).body).toEqual(BYTES);
  });
});
