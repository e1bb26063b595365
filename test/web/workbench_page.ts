/** The built workbench as a visitor has it: served to this machine, and open in a real browser. */

import { once } from 'node:events';
import { existsSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { HOST, type Served, staticServer } from '../../src/cli/static_server.ts';

export const BUILT = path.join(import.meta.dirname, '../../dist/web');

export const isBuilt = existsSync(path.join(BUILT, 'index.html'));

export interface Workbenches {
  readonly url: string;
  /** A new visitor opens it. `fragment` is a link's, without '#'. */
  visit(fragment?: string, options?: BrowserContextOptions): Promise<Visit>;
  close(): Promise<void>;
}

export interface Visit {
  readonly page: Page;
  /** Of the console, and uncaught. */
  readonly errors: string[];
  /** Of requests to others than the page's own server. */
  readonly strangers: string[];
  close(): Promise<void>;
}

/** `file` is a dump that is served beside it; `folder` is what is served, and `page` what is opened there. */
export async function serveWorkbench(
  browser: Browser,
  { file, folder = BUILT, page = '' }: { file?: Served['file']; folder?: string; page?: string } = {},
): Promise<Workbenches> {
  const server = staticServer({ folder, file });
  server.listen(0, HOST);
  await once(server, 'listening');
  const url = `http://${HOST}:${(server.address() as AddressInfo).port}/${page}`;
  return {
    url,
    visit: (fragment = '', options = {}) => visit(browser, url, fragment, options),
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function visit(
  browser: Browser,
  url: string,
  fragment: string,
  options: BrowserContextOptions,
): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width: 1400, height: 1000 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const errors: string[] = [];
  const strangers: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('request', (request) => {
    const own = new URL(url).origin;
    if (!request.url().startsWith(own) && !request.url().startsWith('data:')) strangers.push(request.url());
  });
  await page.goto(fragment === '' ? url : `${url}#${fragment}`);
  return { page, errors, strangers, close: () => context.close() };
}
