/** Reports of recorded machines, as files of the web are: the script compiled, and the page in a browser. */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import ts from 'typescript';
import { inspectMachine } from '../../src/inspect/inspection.ts';
import { Machine } from '../../src/inspect/machine.ts';
import type { ReportSnapshot } from '../../src/inspect/snapshot/report_snapshot.ts';
import { snapshot } from '../../src/inspect/snapshot/snapshot.ts';
import { htmlReport } from '../../src/report/html/html_report.ts';
import { joinViewer, type VIEWER_FILES } from '../../src/report/html/viewer_script.ts';
import { openCore } from '../support/open_core.ts';

const CORES = path.join(import.meta.dirname, '../data/cores');
const VIEWER = path.join(import.meta.dirname, '../../src/report/html/viewer');
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

export const hasChromium = existsSync(CHROMIUM) || process.env.CI !== undefined;

export function openMachine(core: string): Machine {
  return new Machine(openCore(path.join(CORES, `${core}.core.gz`)), {}, core);
}

export function snapshotOf(machine: Machine, name: string): ReportSnapshot {
  return snapshot(inspectMachine(machine, name));
}

/** The page's script from its sources, as the build makes it. */
export function viewerScript(): string {
  return joinViewer(compiledViewerFile);
}

export function compiledViewerFile(file: (typeof VIEWER_FILES)[number]): string {
  const source = readFileSync(path.join(VIEWER, `${file}.ts`), 'utf8');
  const target = ts.ScriptTarget.ES2023;
  return ts.transpileModule(source, { compilerOptions: { target, module: ts.ModuleKind.ESNext } }).outputText;
}

export function launch(): Promise<Browser> {
  const quiet = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ];
  return chromium.launch({ executablePath: CHROMIUM, args: quiet });
}

/** A report that is open in a browser, and what went wrong in it. */
export interface OpenReport {
  readonly page: Page;
  /** Of the console, and uncaught. */
  readonly errors: string[];
  /** Of all requests but that for the page itself. */
  readonly requests: string[];
  close(): Promise<void>;
}

export async function openReport(
  browser: Browser,
  data: ReportSnapshot,
  options: Parameters<Browser['newPage']>[0] = {},
  hash = '',
): Promise<OpenReport> {
  const folder = mkdtempSync(path.join(tmpdir(), 'directmap-report-'));
  const file = path.join(folder, 'report.html');
  writeFileSync(file, await htmlReport(data, viewerScript()));
  const page = await browser.newPage(options);
  const errors: string[] = [];
  const requests: string[] = [];
  const url = pathToFileURL(file).href;
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('request', (request) => {
    if (request.url().split('#')[0] !== url) requests.push(request.url());
  });
  await page.goto(`${url}${hash}`);
  const close = async () => {
    await page.close();
    rmSync(folder, { recursive: true });
  };
  return { page, errors, requests, close };
}
