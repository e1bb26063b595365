/** A file of the workbench's own server, in pieces. Only a worker may wait for them. */

import type { ByteSource } from '../../src/memory/byte_source.ts';
import { slowSource, unreadable } from './slow_source.ts';

/** What is used of a request, which a worker can wait for. */
export interface SyncRequest {
  responseType: string;
  readonly status: number;
  readonly response: unknown;
  open(method: string, url: string, isAsync: false): void;
  setRequestHeader(name: string, value: string): void;
  getResponseHeader(name: string): string | null;
  send(): void;
}

declare const XMLHttpRequest: { new (): SyncRequest };

/** @throws InputError where there is none, or its server has no pieces of it */
export function urlSource(
  url: string,
  name: string,
  newRequest: () => SyncRequest = () => new XMLHttpRequest(),
): ByteSource {
  const ask = (method: 'HEAD' | 'GET', range?: string): SyncRequest => {
    const asked = newRequest();
    try {
      asked.open(method, url, false);
      asked.responseType = 'arraybuffer';
      if (range !== undefined) asked.setRequestHeader('Range', range);
      asked.send();
    } catch {
      throw unreadable(name, 'its server does not answer');
    }
    return asked;
  };
  const head = ask('HEAD');
  const size = Number(head.getResponseHeader('Content-Length') ?? Number.NaN);
  if (head.status !== 200 || !Number.isSafeInteger(size)) {
    throw unreadable(name, `the server answers ${head.status}: directmap serve FILE serves one file`);
  }
  return slowSource(name, size, (start, end) => {
    const { status, response } = ask('GET', `bytes=${start}-${end - 1}`);
    if (status !== 206 || !(response instanceof ArrayBuffer)) {
      throw unreadable(name, `the server answers ${status} to a request for a part of it`);
    }
    return response;
  });
}
