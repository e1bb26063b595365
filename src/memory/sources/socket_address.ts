/** Sockets by the names that people give them, and connecting to one. */

import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { InputError } from '../../errors.ts';

/** How long a peer may be silent, in milliseconds. */
export const SILENCE = 10_000;

const HOST_AND_PORT = /^(?:\[([^\]]+)\]|([^/:[\]]*)):(\d{1,5})$/;

/**
 * "HOST:PORT", "[::1]:PORT", ":PORT" of this machine, or a path with a slash in it.
 * @throws InputError ('bad-format') where it is none of these.
 */
export function parseSocketAddress(address: string, where: string): NetConnectOpts {
  const [, bracketed, plain, port] = HOST_AND_PORT.exec(address) ?? [];
  if (port !== undefined && Number(port) > 0 && Number(port) < 65536) {
    return { host: bracketed ?? (plain || 'localhost'), port: Number(port) };
  }
  if (port === undefined && address.includes('/') && !address.includes('\0')) return { path: address };
  throw new InputError({
    code: 'bad-format',
    what: 'socket address',
    where,
    found: address,
    expected: 'HOST:PORT, or the path of a UNIX socket with a slash in it',
  });
}

/** @throws InputError ('unreadable') where nobody answers within `silence` milliseconds. */
export function connectTo(options: NetConnectOpts, where: string, silence: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(options);
    const fail = (because: string) => {
      socket.destroy();
      clearTimeout(timer);
      reject(unreadable(where, because));
    };
    const timer = setTimeout(() => fail(`no connection within ${silence / 1000} s`), silence);
    socket.once('error', (error) => fail(reasonOf(error)));
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}

/** A guest that does not answer, or not any more. */
export function unreadable(where: string, because: string): InputError {
  return new InputError({ code: 'unreadable', what: 'the guest', where, because });
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such socket',
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'the connection was closed',
  EPIPE: 'the connection was closed',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  ENOTFOUND: 'no such host',
  ENOTSOCK: 'it is not a socket',
  EINVAL: 'it is not a name that a socket can have',
};

export function reasonOf(error: Error): string {
  const code = 'code' in error ? String(error.code) : '';
  // Where a name has several addresses, Node tries each, and its error has no text of its own.
  return REASONS[code] ?? (error.message || code);
}
