/** directmap serve: the workbench, in a browser of this machine. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { Command } from 'commander';
import { InputError } from '../errors.ts';
import { reason } from '../memory/sources/file_source.ts';
import { decodeLink, encodeLink } from '../report/link.ts';
import { MAX_SCRIPT_BYTES } from '../scenario/parse.ts';
import { EXIT_CLEAN, runCommand } from './errors.ts';
import { readTextFile } from './files.ts';
import { linkToRun } from './link_to.ts';
import { numberOption } from './options.ts';
import { HOST, type Served, staticServer } from './static_server.ts';

/** Where it is looked for first. */
const USUAL_PORT = 8011;
/** Ports that are tried from there on. */
const TRIES = 20;
const WEB = path.join(import.meta.dirname, '../web');

interface ServeOptions {
  port?: string;
  open?: boolean;
}

export function addServeCommand(program: Command): void {
  program
    .command('serve')
    .description('show the workbench in a browser: scenarios, claims and dumps to see and to go through')
    .argument('[target]', "a scenario, a dump, or a link as other commands print it: '#s=...'")
    .option('--port <n>', `where to listen on ${HOST}; 0 for any that is free`)
    .option('--open', 'open it in the browser')
    .action((target: string | undefined, options: ServeOptions) =>
      runCommand(() => serveCommand(target, options)),
    );
}

async function serveCommand(target: string | undefined, { port, open }: ServeOptions): Promise<number> {
  const wanted = port === undefined ? undefined : numberOption('--port', port, { min: 0, max: 65535 });
  const { fragment, file } = await openTarget(target);
  if (!existsSync(path.join(WEB, 'index.html'))) throw notBuilt();
  const server = await listen({ folder: WEB, file }, wanted);
  const { port: listening } = server.address() as AddressInfo;
  const url = `http://${HOST}:${listening}/${fragment === '' ? '' : `#${fragment}`}`;
  // Before anybody is told that there is something to stop.
  const stopped = Promise.race(['SIGINT', 'SIGTERM'].map((signal) => once(process, signal)));
  process.stdout.write(`directmap workbench: ${url}\nCtrl-C ends it.\n`);
  if (open === true) openInBrowser(url);
  await stopped;
  server.close();
  server.closeAllConnections();
  return EXIT_CLEAN;
}

/** What is to be shown: the fragment of a link, and the dump that is served for it. */
async function openTarget(target: string | undefined): Promise<{ fragment: string; file?: Served['file'] }> {
  if (target === undefined) return { fragment: '' };
  if (target.startsWith('#')) return { fragment: await asTheWorkbenchReadsIt(target) };
  checkFile(target);
  if (target.endsWith('.js')) {
    const link = await linkToRun(readTextFile(target, MAX_SCRIPT_BYTES), target);
    return { fragment: await asTheWorkbenchReadsIt(link) };
  }
  const name = path.basename(target);
  return { fragment: await encodeLink({ view: 'inspect', file: name }), file: { path: target, name } };
}

/** Somebody else may have made it: only what a link has to say is printed and opened. @throws InputError */
async function asTheWorkbenchReadsIt(link: string): Promise<string> {
  return encodeLink(await decodeLink(link));
}

/** @throws InputError where it cannot be read: the page could only say so when it is too late. */
function checkFile(target: string): void {
  const because = whyUnreadable(target);
  if (because === undefined) return;
  throw new InputError({ code: 'unreadable', what: 'what is to be shown', where: target, because });
}

function whyUnreadable(target: string): string | undefined {
  try {
    accessSync(target, constants.R_OK);
    return statSync(target).isFile() ? undefined : 'it is not a regular file';
  } catch (error) {
    const because = reason(error);
    return because === 'no such file' ? "no such file; a link begins with '#'" : because;
  }
}

/** On the port that is wanted, or the first that is free from the usual one on. @throws InputError */
async function listen(served: Served, wanted: number | undefined) {
  for (let port = wanted ?? USUAL_PORT; ; port++) {
    const server = staticServer(served);
    server.listen(port, HOST);
    try {
      await once(server, 'listening');
      return server;
    } catch (error) {
      if (wanted === undefined && port < USUAL_PORT + TRIES && isTaken(error)) continue;
      throw cannotListen(port, error);
    }
  }
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}

function cannotListen(port: number, error: unknown): InputError {
  const because = isTaken(error) ? 'another program listens there' : String(error);
  const expected = `a free port (${because})`;
  return new InputError({ code: 'bad-format', what: 'port', where: '--port', found: String(port), expected });
}

function notBuilt(): InputError {
  return new InputError({
    code: 'missing',
    what: 'the built workbench',
    where: 'serve',
    hint: 'npm run build makes it',
  });
}

/** Who has no such program is told the address all the same. No shell may see it: it has characters that shells obey. */
function openInBrowser(url: string): void {
  const [command, ...args] = BROWSERS[process.platform] ?? ['xdg-open'];
  const opened = spawn(command!, [...args, url], { detached: true, stdio: 'ignore' });
  opened.on('error', () => process.stderr.write('directmap: no browser could be opened\n'));
  opened.unref();
}

const BROWSERS: Readonly<Record<string, readonly string[]>> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
};
