/** A server of files for this machine alone: what was built, and one file that may be large, by its parts. */

import { createReadStream, realpathSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import path from 'node:path';

/** Nobody but this machine. */
export const HOST = '127.0.0.1';

export interface Served {
  /** The folder of the page. */
  readonly folder: string;
  /** A file beside it, under /file/NAME. */
  readonly file?: { readonly path: string; readonly name: string } | undefined;
}

/** A file that is there. */
interface Found {
  readonly path: string;
  readonly size: number;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
};

const HEADERS = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "worker-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "font-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
} as const;

/** It listens to nobody yet. */
export function staticServer(served: Served): Server {
  const folder = realpathSync(served.folder);
  return createServer((request, response) => {
    const file = isForUs(request) ? fileOf(request, { ...served, folder }) : 403;
    if (typeof file === 'number') refuse(response, file);
    else send(request, response, file);
  });
}

/** A name of another machine may have been made to lead here, by a page that wants to read what we serve. */
function isForUs({ headers, socket }: IncomingMessage): boolean {
  const { localPort } = socket;
  // Browsers leave out the port of the protocol.
  const port = localPort === 80 ? '' : `:${localPort}`;
  return headers.host === `${HOST}${port}` || headers.host === `localhost${port}`;
}

/** The file that is asked for, or a status. */
function fileOf({ method, url = '' }: IncomingMessage, { folder, file }: Served): Found | number {
  if (method !== 'GET' && method !== 'HEAD') return 405;
  const asked = pathIn(url);
  if (asked === undefined) return 400;
  try {
    if (file !== undefined && asked === `/file/${file.name}`) return found(file.path);
    const real = realpathSync(path.join(folder, asked === '/' ? 'index.html' : asked));
    return real.startsWith(folder + path.sep) ? found(real) : 404;
  } catch {
    return 404;
  }
}

function found(file: string): Found | number {
  const status = statSync(file);
  return status.isFile() ? { path: file, size: status.size } : 404;
}

/** Without what follows '?'; undefined for what is no path. */
function pathIn(url: string): string | undefined {
  try {
    const asked = decodeURIComponent(url.replace(/[?#].*$/s, ''));
    return asked.startsWith('/') && !asked.includes('\0') ? asked : undefined;
  } catch {
    return undefined;
  }
}

function refuse(response: ServerResponse, status: number): void {
  if (status === 405) response.setHeader('Allow', 'GET, HEAD');
  response.writeHead(status, { ...HEADERS, 'Content-Type': 'text/plain; charset=utf-8' });
  response.end(`${status}\n`);
}

function send(request: IncomingMessage, response: ServerResponse, file: Found): void {
  const { size } = file;
  const range = rangeOf(request.headers.range, size);
  if (range === 'unsatisfiable') {
    response.setHeader('Content-Range', `bytes */${size}`);
    refuse(response, 416);
    return;
  }
  const { start, end } = range ?? { start: 0, end: size };
  response.writeHead(range === undefined ? 200 : 206, {
    ...HEADERS,
    'Accept-Ranges': 'bytes',
    'Content-Length': end - start,
    'Content-Type': TYPES[path.extname(file.path)] ?? 'application/octet-stream',
    ...(range && { 'Content-Range': `bytes ${start}-${end - 1}/${size}` }),
  });
  if (request.method === 'HEAD' || start === end) {
    response.end();
    return;
  }
  const stream = createReadStream(file.path, { start, end: end - 1 });
  // The status is out already: all that is left is to break off.
  stream.on('error', () => response.destroy());
  response.on('close', () => stream.destroy());
  stream.pipe(response);
}

/** One range of bytes, `end` exclusive; undefined for none, or for what this server takes for none. */
function rangeOf(
  header: string | undefined,
  size: number,
): { start: number; end: number } | 'unsatisfiable' | undefined {
  const [, first, last] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '') ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size : Math.min(size, Number(last) + 1);
  return start < end && start < size ? { start, end } : 'unsatisfiable';
}
