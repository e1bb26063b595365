/** A file of the workbench's own server, in pieces. Only a worker may wait for them. */

import type { ByteSource } from '../../src/memory/byte_source.ts';
import { slowSource, unreadable } from './slow_source.ts';

/** @throws InputError where there is none, or its server has no pieces of it */
export function urlSource(url: string, name: string): ByteSource {
  const head = request('HEAD', url, name);
  const size = Number(head.getResponseHeader('Content-Length') ?? Number.NaN);
  if (head.status !== 200 || !Number.isSafeInteger(size)) {
    throw unreadable(name, `the server answers ${head.status}: directmap serve FILE serves one file`);
  }
  return slowSource(name, size, (start, end) => {
    const { status, response } = request('GET', url, name, `bytes=${start}-${end - 1}`);
    if (status !== 206 || !(response instanceof ArrayBuffer)) {
      throw unreadable(name, `the server answers ${status} to a request for a part of it`);
    }
    return response;
  });
}

function request(method: 'HEAD' | 'GET', url: string, name: string, range?: string): XMLHttpRequest {
  const asked = new XMLHttpRequest();
  asked.open(method, url, false);
  asked.responseType = 'arraybuffer';
  if (range !== undefined) asked.setRequestHeader('Range', range);
  try {
    asked.send();
  } catch {
    throw unreadable(name, 'its server does not answer');
  }
  return asked;
}
