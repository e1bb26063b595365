/** The report's map and walk alone in a browser: a page with the viewer's classes at hand, as the workbench has them. */

import type { Browser, Page } from 'playwright-core';
import { STYLE } from '../../src/report/html/style.ts';
import { joinViewer } from '../../src/report/html/viewer_script.ts';
import { compiledViewerFile } from './report_page.ts';

/** In place of the report's own main file. */
const EXPOSE = 'window.viewer = { DirectMap, MapView, walkView };';

/** `body` is the page's; what goes wrong in it is thrown at its end by the tests that look at `errors`. */
export async function openViewer(
  browser: Browser,
  body: string,
  options: Parameters<Browser['newPage']>[0] = {},
): Promise<{ page: Page; errors: string[] }> {
  const page = await browser.newPage(options);
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  const script = joinViewer((file) => (file === 'main' ? EXPOSE : compiledViewerFile(file)));
  await page.setContent(
    `<!doctype html><html lang="en"><head><title>viewer</title><style>${STYLE}</style></head><body><main>${body}</main><script type="module">${script}</script></body></html>`,
  );
  await page.waitForFunction('window.viewer !== undefined');
  return { page, errors };
}
