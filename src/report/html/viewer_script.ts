/** The page's script, made of the compiled files of viewer/. */

/** In the order in which they need one another; each is `viewer/NAME.ts`, and compiled `viewer/NAME.js`. */
export const VIEWER_FILES = [
  'words',
  'dom',
  'states',
  'direct_map',
  'marks',
  'viewport',
  'page_tables',
  'address_input',
  'bins',
  'spans',
  'row_image',
  'hatch',
  'painter',
  'legend_entries',
  'legend',
  'crumbs',
  'crumb_buttons',
  'place_words',
  'walk_view',
  'map_view',
  'main',
] as const;

/**
 * Their compiled texts as one module that imports nothing: a page that came by mail has no file beside it. Names at the
 * top of the files are all different, or the browser refuses the whole.
 */
export function joinViewer(textOf: (file: (typeof VIEWER_FILES)[number]) => string): string {
  return VIEWER_FILES.map((file) =>
    textOf(file)
      .replaceAll(/^import [^;]*;$/gm, '')
      .replaceAll(/^export (?=const|class|function|\{)/gm, '')
      .replaceAll(/^\{\};$/gm, '')
      .replaceAll(/^\/\/# sourceMappingURL=.*$/gm, '')
      .trim(),
  ).join('\n');
}
