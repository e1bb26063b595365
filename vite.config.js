/** Builds the workbench to static files that any host can serve, from any path. */

import path from 'node:path';
import { defineConfig } from 'vite';

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

export default defineConfig({
  root: 'web',
  // Relative, so that it may lie under any path.
  base: './',
  build: { outDir: '../dist/web', emptyOutDir: true, target: 'es2023', modulePreload: false, cssCodeSplit: false },
  plugins: [architecturesOnDemand()],
  worker: { format: 'es', plugins: () => [architecturesOnDemand()] },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
});
