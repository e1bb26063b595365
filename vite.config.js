/** Builds the workbench to static files that any host can serve, from any path. */

import path from 'node:path';
import { defineConfig, runnerImport } from 'vite';

/**
 * The page loads all architectures but one when somebody wants them: see web/workers/architectures.ts.
 *
 * @returns {import('vite').Plugin}
 */
function architecturesOnDemand() {
  const all = path.join(import.meta.dirname, 'src/linux/arch/index.ts');
  const onDemand = path.join(import.meta.dirname, 'web/workers/architectures.ts');
  return {
    name: 'architectures-on-demand',
    enforce: 'pre',
    resolveId(source, importer) {
      if (importer === undefined || !source.startsWith('.')) return null;
      return path.resolve(path.dirname(importer), source) === all ? onDemand : null;
    },
  };
}

/**
 * The colours and rules of map, walk and findings, which a report has in its own page: as a style sheet for the workbench.
 *
 * @returns {import('vite').Plugin}
 */
function reportStyle() {
  const sheet = '/report_style.css';
  return {
    name: 'report-style',
    resolveId: (source) => (source === 'virtual:report_style.css' ? sheet : null),
    async load(id) {
      if (id !== sheet) return null;
      const files = ['viewer_style', 'sections_style'].map((name) => `src/report/html/${name}.ts`);
      const imported = await Promise.all(
        files.map((file) => runnerImport(path.join(import.meta.dirname, file))),
      );
      return imported.flatMap(({ module }) => Object.values(module)).join('\n');
    },
  };
}

export default defineConfig({
  root: 'web',
  // Relative, so that it may lie under any path.
  base: './',
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2023',
    modulePreload: false,
    cssCodeSplit: false,
  },
  plugins: [architecturesOnDemand(), reportStyle()],
  worker: { format: 'es', plugins: () => [architecturesOnDemand()] },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
});
