/** The workbench by what a person would do in it, in a real browser. */

import { cpSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { makeDirectMapCore } from '../../bench/make_core.js';
import { encodeLink } from '../../src/report/link.ts';
import { directmap } from '../cli/directmap.ts';
import { hasChromium, launch } from './report_page.ts';
import { BUILT, isBuilt, serveWorkbench, type Visit, type Workbenches } from './workbench_page.ts';

const SCRATCH = mkdtempSync(path.join(tmpdir(), 'directmap-web-'));
const CORES = path.join(import.meta.dirname, '../data/cores');
const DEBIAN = path.join(import.meta.dirname, '../../scenarios/cores/x86_64-6.1-debian.core.gz');
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

describe.skipIf(!hasChromium || !isBuilt)('the workbench', () => {
  let browser: Browser;
  let workbenches: Workbenches;
  const visits: Visit[] = [];

  beforeAll(async () => {
    browser = await launch();
    workbenches = await serveWorkbench(browser, { file: { path: DEBIAN, name: 'debian.core.gz' } });
  });

  afterEach(async () => {
    for (const { errors, strangers, close } of visits.splice(0)) {
      await close();
      expect(errors).toEqual([]);
      expect(strangers).toEqual([]);
    }
  });

  afterAll(async () => {
    await workbenches.close();
    await browser.close();
    rmSync(SCRATCH, { recursive: true });
  });

  async function visit(...args: Parameters<Workbenches['visit']>): Promise<Page> {
    const opened = await workbenches.visit(...args);
    visits.push(opened);
    return opened.page;
  }

  /** Where in the run one is, "17/24", once the machine is shown as it is there. */
  async function count(page: Page): Promise<string> {
    await settled(page);
    return (await page.locator('.transport .count').textContent()) ?? '';
  }

  /** The run is over, and map and walk are those of the moment. */
  async function settled(page: Page): Promise<void> {
    await page.locator('main[data-settled="true"]').waitFor();
  }

  function line(page: Page, text: string | RegExp) {
    return page.locator('.line').filter({ hasText: text }).first();
  }

  describe('a first visit', () => {
    test('shows the counterexample of the thread half way through, and says what to press', async () => {
      const page = await visit();
      expect(await count(page)).toBe('17/24');
      expect(await page.locator('.welcome').textContent()).toContain('press ▶');
      expect(await line(page, 'is refused a page table').getAttribute('class')).toContain('future');
      await page.keyboard.press('ArrowRight');
      expect(await count(page)).toBe('18/24');
      expect(await line(page, 'is refused a page table').getAttribute('class')).toContain('here');
      expect(await page.locator('.welcome').count()).toBe(0);
    });

    test('keeps what was done when the page is loaded again, and when it is opened again', async () => {
      const page = await visit();
      await settled(page);
      await page.getByRole('button', { name: 'grant allocation 2' }).click();
      await page.getByText('Chosen here: granted: allocation 2.').waitFor();
      const before = await count(page);
      await page.waitForTimeout(400);
      await page.reload();
      expect(await count(page)).toBe(before);
      expect(await page.getByText('Chosen here: granted: allocation 2.').count()).toBe(1);
      await page.goto(`${workbenches.url}?again`);
      expect(await count(page)).toBe(before);
    });
  });

  describe('Scenario', () => {
    test('goes forward and back by moment and by call, and jumps to any', async () => {
      const page = await visit('s=thread/large-np-leaf.js');
      expect(await count(page)).toBe('24/24');
      await page.getByRole('button', { name: 'Back', exact: true }).click();
      expect(await count(page)).toBe('23/24');
      await page.keyboard.press('Home');
      expect(await count(page)).toBe('0/24');
      await page.keyboard.press('Shift+ArrowRight');
      expect(await count(page)).toBe('1/24');
      await line(page, 'flushes all').getByRole('button').click();
      expect(await line(page, 'flushes all').getAttribute('class')).toContain('here');
      await page.getByRole('slider', { name: 'Moment' }).fill('3');
      expect(await count(page)).toBe('3/24');
    });

    test('refuses an allocation that is pressed, and goes on from there', async () => {
      const page = await visit('s=thread/large-np-leaf.js&m=2');
      await settled(page);
      await page.getByRole('button', { name: 'refuse allocation 1' }).click();
      await page.getByText('Chosen here: refused: allocation 1.').waitFor();
      await settled(page);
      expect(await page.locator('.line.refused').first().textContent()).toContain('2M of memory');
      expect(await page.locator('.ended').textContent()).toContain('which is NULL: it stops there');
      await page.getByRole('button', { name: 'As the script says' }).click();
      await page.getByText('Chosen here').waitFor({ state: 'detached' });
      expect(await count(page)).toBe('2/24');
    });

    test('lets the other CPU run at any step, each CPU in a lane of its own', async () => {
      const script = `({ cpus: 2, ram: '2G' });
const page = alloc_pages(0);
interleave('', () => { set_memory_ro(page_address(page), 1); }, () => { set_memory_nx(page_address(page), 1); });
`;
      const page = await visit(await encodeLink({ script, moment: 8 }));
      await settled(page);
      expect(await page.locator('.lanes-head').textContent()).toBe('CPU 0CPU 1');
      await page.getByRole('button', { name: 'CPU 1 now' }).click();
      await page.getByText('Chosen here: another order of the CPUs.').waitFor();
      await settled(page);
      await expect.poll(() => new URL(page.url()).hash).toContain('turns=');
      // It runs at the next point at which it can come in.
      const here = page.locator('.line.here');
      for (let press = 0; press < 6 && !(await here.textContent())?.includes('CPU 1'); press++) {
        await page.keyboard.press('ArrowRight');
        await settled(page);
      }
      expect(await here.textContent()).toContain('CPU 1');
    });

    test('says what is wrong with a script where it is, as one types, and completes names with what they do', async () => {
      const page = await visit('s=thread/remap-4k-np.js');
      await settled(page);
      const editor = page.getByRole('textbox', { name: 'Script of the scenario' });
      await page.locator('.cm-editor').waitFor();
      await page.getByRole('option', { name: 'arm64' }).first().waitFor({ state: 'attached' });
      await editor.click();
      await page.keyboard.press('Control+End');
      await page.keyboard.type('set_mem');
      await page.locator('.cm-tooltip-autocomplete').waitFor();
      expect(await page.locator('.cm-tooltip-autocomplete').textContent()).toContain(
        'set_memory_np(addr, pages)',
      );
      expect(await page.locator('.cm-completionInfo').textContent()).toMatch(/Returns int\./);
      await page.keyboard.press('Escape');
      await page.keyboard.type('ory_npp(1);');
      await page.locator('.problem').filter({ hasText: 'unknown call "set_memory_npp"' }).waitFor();
      expect(await page.locator('.cm-lintRange-error').count()).toBeGreaterThan(0);
    });

    test('runs a text that was typed', async () => {
      const page = await visit('s=thread/remap-4k-np.js');
      await settled(page);
      await page.locator('.cm-editor').waitFor();
      await page.getByRole('textbox', { name: 'Script of the scenario' }).click();
      await page.keyboard.press('Control+A');
      await page.keyboard.type('alloc_pages(3);');
      await page.getByText('The text was changed since the last run.').waitFor();
      await page.keyboard.press('Control+Enter');
      await line(page, 'alloc_pages(3)').waitFor();
      expect(await count(page)).toBe('3/3');
      expect(await page.getByLabel('Scenario of the library').inputValue()).toBe('');
    });

    test('leaves the run before to be gone through when the next one cannot be', async () => {
      const page = await visit('s=thread/large-np-leaf.js');
      await settled(page);
      await page.getByLabel('build options').fill('NO_SUCH=y');
      await page.getByLabel('build options').press('Enter');
      await page.getByRole('alert').filter({ hasText: 'NO_SUCH' }).waitFor();
      await page.getByRole('button', { name: 'Back', exact: true }).click();
      expect(await count(page)).toBe('23/24');
      expect(await page.getByRole('alert').count()).toBe(1);
    });

    test('keeps what is being written beside it while the run goes on', async () => {
      const page = await visit('s=thread/large-np-leaf.js');
      await settled(page);
      await page.getByLabel('build options').pressSequentially('DEBUG_PAGE');
      for (let press = 0; press < 3; press++)
        await page.getByRole('button', { name: 'Back', exact: true }).dispatchEvent('click');
      expect(await count(page)).toBe('21/24');
      expect(await page.getByLabel('build options').inputValue()).toBe('DEBUG_PAGE');
    });

    test('takes kernel, architecture, boot and machine from beside it', async () => {
      const page = await visit('s=thread/remap-4k-np.js');
      await settled(page);
      await page.getByRole('combobox', { name: 'architecture' }).selectOption('arm64');
      await page.locator('.script summary').filter({ hasText: 'arm64 v' }).waitFor();
      await page.getByRole('combobox', { name: 'kernel', exact: true }).fill('v6.12');
      await page.getByRole('combobox', { name: 'kernel', exact: true }).press('Enter');
      await page.locator('.script summary').filter({ hasText: 'arm64 v6.12.107' }).waitFor();
      await page.getByLabel('RAM', { exact: true }).fill('1G');
      await page.getByLabel('RAM', { exact: true }).press('Enter');
      await page.locator('.script summary').filter({ hasText: '1 GiB, 1 CPU' }).waitFor();
      await page.getByLabel('way to boot').selectOption('rodata=off');
      await page.locator('.script summary').filter({ hasText: 'rodata=off' }).waitFor();
      await page.getByRole('combobox', { name: 'kernel', exact: true }).fill('v9.9');
      await page.getByRole('combobox', { name: 'kernel', exact: true }).press('Enter');
      expect(await page.getByRole('alert').textContent()).toContain('unknown kernel "v9.9"');
    });

    test('starts from any scenario of the library', async () => {
      const page = await visit();
      await settled(page);
      const library = page.getByLabel('Scenario of the library');
      await library.focus();
      await page.locator('option[value="history/s38-arm64-clears.js"]').waitFor({ state: 'attached' });
      await library.selectOption('thread/remap-4k-np.js');
      await page.getByText('The run finished. All').waitFor();
      await page.waitForTimeout(400);
      expect(new URL(page.url()).hash).toBe('#s=thread/remap-4k-np.js');
    });
  });

  describe('Map', () => {
    test('says what is at the cursor, with its owner, and zooms from all of the window to a page', async () => {
      const page = await visit('s=thread/large-np-leaf.js&m=12&at=ffff888004205000');
      await settled(page);
      const status = page.locator('.status');
      expect(await status.textContent()).toBe(
        '0xffff888004205000  pfn 0x4205  2M not present  RW A D NX  pages of step 1: alloc_pages(9)',
      );
      await page.getByRole('button', { name: 'window 64 TiB' }).click();
      await page.getByText('row 4T').waitFor();
      await page.locator('.rows').focus();
      for (let press = 0; press < 40; press++) await page.keyboard.press('+');
      await page.getByText(/row (16|32|64)K/).waitFor();
      await page.keyboard.press('ArrowRight');
      expect(await status.textContent()).toContain('0xffff888004206000  pfn 0x4206');
      await page.keyboard.press('Home');
      expect(await status.textContent()).toContain('0xffff888000000000  pfn 0x0');
    });

    test('shows a large leaf become 512 smaller ones', async () => {
      const page = await visit('s=thread/large-np-leaf.js&grant=2');
      await settled(page);
      expect(await page.locator('.legend').textContent()).toMatch(/4K not present 2\.0 MiB/);
      await page.keyboard.press('Home');
      await settled(page);
      expect(await page.locator('.legend').textContent()).not.toContain('not present');
    });

    test('shows what a TLB holds and the tables no longer have', async () => {
      const script =
        'const page = alloc_pages(0);\nset_memory_4k(page_address(page), 1);\nwrite_page(page);\nset_direct_map_invalid_noflush(page);\n';
      const page = await visit(await encodeLink({ script }));
      await settled(page);
      expect(await page.locator('.legend').textContent()).toContain('stale in a TLB 4 KiB');
      expect(await page.locator('.observers').textContent()).toContain('TLB of CPU 04K rw nx, stale');
    });
  });

  describe('Walk', () => {
    test('shows every level with its bits by name, before and after the call, and what observers are told', async () => {
      const page = await visit('s=thread/large-np-leaf.js&m=12&at=ffff888004205000');
      await settled(page);
      const pmd = page.locator('.step').filter({ hasText: 'PMD[33]' });
      expect(await pmd.locator('.raw').textContent()).toBe('800ffffffbdff062');
      expect(await pmd.locator('.was').textContent()).toBe('before 80000000042001e3');
      expect(await pmd.locator('del').allTextContents()).toEqual(['−P', '−PSE', '−G']);
      const observers = await page.locator('.observers').textContent();
      expect(observers).toContain('hardware, by the tablesa fault');
      expect(observers).toContain('kernel_page_present()false');
      expect(observers).toContain('/proc/meminfo DirectMap');
    });

    test('goes to any address, frame or physical address, and says what is none', async () => {
      const page = await visit('s=thread/large-np-leaf.js');
      await settled(page);
      const input = page.getByLabel('Address, pfn:0x… or phys:0x…');
      await input.fill('pfn:0x4400');
      await input.press('Enter');
      await page.locator('.answer').filter({ hasText: '0xffff888004400000' }).waitFor();
      expect(await page.getByLabel('follow the run').isChecked()).toBe(false);
      await input.fill('somewhere');
      await input.press('Enter');
      await page.getByText('Write an address such as').waitFor();
    });
  });

  describe('Check', () => {
    test('checks one claim, with its bounds, and opens what refutes it in the timeline', async () => {
      const page = await visit('v=check');
      await page.getByRole('button', { name: 'no-large-np-leaf on v7.2.13: check', exact: true }).click();
      await page.getByRole('button', { name: 'no-large-np-leaf on v7.2.13: refuted', exact: true }).waitFor();
      expect(await page.locator('.verdict pre').textContent()).toBe(
        directmap('check', 'no-large-np-leaf', '--kernel', 'v7.2').stdout.replace(
          /\n\nCPU[\s\S]*|\n\nx86_64 v7[\s\S]*$/,
          '\n',
        ),
      );
      await page.getByRole('button', { name: 'Open the counterexample' }).click();
      await line(page, 'set_memory_np').waitFor();
      await page.getByText('The claim that this refutes').click();
      expect(await page.locator('.script details pre').textContent()).toContain('Refuted on v7.2.13');
    });

    test('tells how far it is, and can be cancelled', async () => {
      const page = await visit('v=check');
      const name = 'returned-0-means-done-across-leaves on v7.2.13';
      await page.getByRole('button', { name: 'Check all' }).click();
      await page.locator('.cell.running').first().waitFor();
      await page.getByRole('button', { name: 'Cancel' }).click();
      await page.locator('.cell.running, .cell.waiting').first().waitFor({ state: 'detached' });
      expect(await page.locator('.tally').textContent()).toMatch(/not asked yet/);
      await page.getByRole('button', { name: new RegExp(`^${name}: `) }).click();
      await page.locator('.verdict h2').filter({ hasText: 'returned-0-means-done-across-leaves' }).waitFor();
    });

    test('keeps its answers when the page is loaded again', async () => {
      const page = await visit('v=check');
      await page
        .getByRole('button', { name: 'remap-of-4k-np-cannot-fail on v5.11: check', exact: true })
        .click();
      await page.getByRole('button', { name: 'remap-of-4k-np-cannot-fail on v5.11: holds' }).waitFor();
      await page.waitForTimeout(400);
      await page.reload();
      await page.getByRole('button', { name: 'remap-of-4k-np-cannot-fail on v5.11: holds' }).waitFor();
      expect(await page.locator('.verdict pre').textContent()).toContain('exhausted');
    });

    test('answers what can go wrong with a call, as directmap ask does', async () => {
      const page = await visit('v=check');
      const call = 'set_direct_map_default_noflush(page)';
      await page.getByLabel('call', { exact: true }).fill(call);
      await page.locator('.ask').getByLabel('kernel').selectOption('v5.11');
      await page.getByRole('button', { name: 'Ask', exact: true }).click();
      await page.locator('.ask pre').waitFor();
      expect(await page.locator('.ask pre').textContent()).toBe(
        directmap('ask', call, '--kernel', 'v5.11').stdout,
      );
      await page.getByRole('button', { name: 'Open', exact: true }).first().click();
      await page.locator('.line.refused').first().waitFor();
    });

    test('says what is wrong with a question', async () => {
      const page = await visit('v=check');
      await page.getByLabel('call', { exact: true }).fill('no_such_call(page)');
      await page.getByRole('button', { name: 'Ask', exact: true }).click();
      await page.getByRole('alert').filter({ hasText: 'no_such_call' }).waitFor();
    });
  });

  describe('Inspect', () => {
    test('opens a packed core: what directmap inspect says of it, its map and any walk', async () => {
      const page = await visit('v=inspect');
      await page.setInputFiles('input[type=file]', DEBIAN);
      await page.locator('.inspection').waitFor();
      expect(await page.locator('.facts').textContent()).toContain('Linux 6.1.0-55-amd64');
      const account = await page.locator('.inspection > details pre').textContent();
      expect(account?.split('\n').slice(2).join('\n')).toBe(
        directmap('inspect', DEBIAN).stdout.split('\n').slice(2).join('\n'),
      );
      await page.getByRole('link', { name: '0xffff888101b28000' }).click();
      await page.locator('.step').filter({ hasText: 'PTE[296]' }).waitFor();
      expect(await page.locator('.status').textContent()).toContain('4K not present');
    });

    test('runs a scenario from there, with the outcome of directmap run --from', async () => {
      const page = await visit('v=inspect');
      await page.setInputFiles('input[type=file]', DEBIAN);
      await page.getByRole('button', { name: 'Run a scenario from here' }).click();
      await page.getByText('On the page tables of x86_64-6.1-debian.core.gz.').waitFor();
      await line(page, 'set_memory_np(0xffff888101400000, 512)').waitFor();
      await page.getByText('The account, as directmap run prints it').click();
      const account = await page.locator('.happens details pre').textContent();
      const printed = directmap(
        'run',
        'scenarios/thread/large-np-leaf.js',
        '--from',
        DEBIAN,
        '--cost',
      ).stdout;
      const steps = (text: string) => text.slice(text.indexOf('\n1  '), text.indexOf('who notices'));
      expect(steps(account ?? '')).toBe(steps(printed));
      await page.getByRole('button', { name: 'Boot a machine instead' }).click();
      await page.getByText('On the page tables of').waitFor({ state: 'detached' });
    });

    test('opens the text of ptdump', async () => {
      const page = await visit('v=inspect');
      const text = [
        '---[ Low Kernel Mapping ]---',
        '0xffff888000000000-0xffff888000200000           2M     RW                 GLB NX pte',
        '0xffff888000200000-0xffff888040000000        1022M     RW         PSE     GLB NX pmd',
        '---[ vmalloc() Area ]---',
        '',
      ].join('\n');
      await page.setInputFiles('input[type=file]', {
        name: 'kernel_page_tables',
        mimeType: 'text/plain',
        buffer: Buffer.from(text),
      });
      await page.locator('.inspection').waitFor();
      expect(await page.locator('.facts').textContent()).toContain('ptdump text of x86');
    });

    test.each([
      ['inspect', '.inspect'],
      ['scenario', '.welcome, .script'],
    ])('opens a file that is dropped on the page, while it shows %s', async (view, place) => {
      const page = await visit(`v=${view}`);
      await page.locator(place).first().waitFor();
      const text = '0xffff888000000000-0xffff888040000000           1G     RW         PSE     GLB NX pud\\n';
      const dataTransfer = await page.evaluateHandle(`(() => {
        const data = new DataTransfer();
        data.items.add(new File(['${text}'], 'dropped'));
        return data;
      })()`);
      await page.locator(place).first().dispatchEvent('drop', { dataTransfer });
      await page.locator('.inspection').waitFor();
      expect(await page.locator('.facts-part h2').textContent()).toBe('dropped');
    });

    test('opens what directmap serve has beside it', async () => {
      const page = await visit('v=inspect&f=debian.core.gz');
      await page.locator('.inspection').waitFor();
      expect(await page.locator('.facts').textContent()).toContain('Linux 6.1.0-55-amd64');
    });

    test('shows what was found after the page is loaded again', async () => {
      const page = await visit('v=inspect');
      await page.setInputFiles(
        'input[type=file]',
        path.join(CORES, 'arm64-6.12-rodata-off-kfence100.core.gz'),
      );
      await page.locator('.inspection').waitFor();
      await page.waitForTimeout(400);
      await page.reload();
      await page.locator('.inspection').waitFor();
      expect(await page.locator('.inspection h2').first().textContent()).toContain('arm64-6.12-rodata-off');
      expect(await page.getByText('To run from it, open the file again.').count()).toBe(1);
    });

    test.each([
      ['nothing', new Uint8Array(), 'an empty file'],
      [
        'letters',
        Buffer.from('<script>document.title="evil"</script>'.repeat(200)),
        'found none that is known',
      ],
      ['an ELF file that ends early', Buffer.from('\x7fELF\x02\x01\x01', 'latin1'), 'hostile'],
      ['a gzip file that is cut', readFileSync(DEBIAN).subarray(0, 5000), 'gzip'],
      ['random bytes', Buffer.from(Array.from({ length: 9000 }, (_, i) => (i * 7919) % 256)), 'found none'],
      [
        'a kdump header and nothing else',
        Buffer.concat([Buffer.from('KDUMP   '), Buffer.alloc(4096, 0xff)]),
        'hostile',
      ],
    ])('says what is wrong with a file of %s', async (_, bytes, message) => {
      const page = await visit('v=inspect');
      await page.setInputFiles('input[type=file]', {
        name: 'hostile',
        mimeType: '',
        buffer: Buffer.from(bytes),
      });
      await page.getByRole('alert').waitFor();
      const alert = await page.getByRole('alert').textContent();
      expect(alert).toContain(message);
      expect(alert).not.toContain('mistake of ours');
      expect(await page.title()).toBe('directmap workbench');
    });

    test('opens a dump of 4 GiB, by its parts, in much less memory', async () => {
      const dump = path.join(SCRATCH, 'vmcore-4g');
      makeDirectMapCore(dump, { gibibytes: 4 });
      expect(statSync(dump).size).toBeGreaterThan(4 * 2 ** 30);
      const own = await launch();
      const served = await serveWorkbench(own);
      try {
        const opened = await served.visit('v=inspect');
        await opened.page.setInputFiles('input[type=file]', dump);
        await opened.page.locator('.inspection').waitFor({ timeout: 60_000 });
        expect(await opened.page.locator('.facts').textContent()).toContain('PTE 2048');
        const cdp = await own.newBrowserCDPSession();
        const { processInfo } = await cdp.send('SystemInfo.getProcessInfo');
        const peaks = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => peakOf(id));
        expect(Math.max(...peaks)).toBeGreaterThan(10);
        expect(Math.max(...peaks)).toBeLessThan(500);
        expect(opened.errors).toEqual([]);
      } finally {
        await served.close();
        await own.close();
      }
    });
  });

  describe('Share', () => {
    test('gives a link that shows the same to somebody else', async () => {
      const page = await visit('s=thread/large-np-leaf.js&k=v7.2&grant=2&m=20&at=ffff888004205000');
      await settled(page);
      await page.getByRole('button', { name: 'Share' }).click();
      const link = await page.getByLabel('Link', { exact: true }).inputValue();
      expect(link).toBe(
        `${workbenches.url}#s=thread/large-np-leaf.js&k=v7.2&grant=2&at=ffff888004205000&m=20`,
      );
      expect(await page.getByLabel('On the command line').inputValue()).toBe(
        "directmap serve '#s=thread/large-np-leaf.js&k=v7.2&grant=2&at=ffff888004205000&m=20'",
      );
      const other = await visit(link.replace(/^.*#/, ''));
      expect(await count(other)).toBe(await count(page));
      expect(await other.locator('.walk-part').textContent()).toBe(
        await page.locator('.walk-part').textContent(),
      );
    });

    test('gives a mail in 72 columns, as directmap run prints it, with the link', async () => {
      const page = await visit('s=thread/large-np-leaf.js');
      await settled(page);
      await page.getByRole('button', { name: 'Share' }).click();
      await expect.poll(() => page.getByLabel('As a mail').inputValue()).not.toBe('');
      const mail = await page.getByLabel('As a mail').inputValue();
      const printed = directmap('run', 'scenarios/thread/large-np-leaf.js', '--cost').stdout;
      expect(mail).toBe(printed.replace(/^repeat.*\n/m, ''));
      for (const text of mail.split('\n')) expect(text.length).toBeLessThanOrEqual(72);
    });

    test('opens the counterexample of a replay id, with the outcome that directmap replay has', async () => {
      const [id] = /no-large-np-leaf@[^']+/.exec(
        directmap('check', 'no-large-np-leaf', '--kernel', 'v7.2').stdout,
      )!;
      const page = await visit(`r=${id}`);
      await settled(page);
      const { outcome, trace } = JSON.parse(directmap('replay', id, '--json').stdout);
      for (const step of outcome.steps) await line(page, step.call).waitFor();
      await page.getByText('The account, as directmap run prints it').click();
      const account = (await page.locator('.happens details pre').textContent()) ?? '';
      for (const step of outcome.steps) {
        for (const change of step.changes) expect(account).toContain(change.after.word.replace('0x', ''));
      }
      await page.getByRole('button', { name: 'Share' }).click();
      const { stdout } = directmap('replay', id);
      await expect.poll(() => page.getByLabel('As a mail').inputValue()).toBe(stdout);
      expect(trace.id).toBe(id);
    });

    test.each([
      ['z=AAAA', 'part z of the link'],
      ['s=../../secret', 'there is no scenario "../../secret" in the library'],
      ['s=__proto__', 'there is no scenario "__proto__"'],
      ['r=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E', 'replay id'],
      ['javascript:alert(1)', 'unknown part of a link'],
      ['v=check&claim=%3Cscript%3E', ''],
      ['k=%3Cscript%3Ealert(1)%3C/script%3E', 'unknown kernel "<script>alert(1)</script>"'],
      ['refuse=1,x', 'allocation: found "x"'],
      ['turns=9*9', 'schedule'],
      ['one of 70,000 letters', 'length of the link'],
    ])('shows an error, and runs no script, for the link %s', async (link, message) => {
      const fragment = link.startsWith('one of') ? `s=${'a'.repeat(70_000)}` : link;
      const page = await visit(fragment);
      await page.evaluate(`window.alert = () => { document.title = 'evil'; }`);
      if (message !== '' && message !== 'schedule') {
        await page.getByRole('alert').first().waitFor();
        expect((await page.getByRole('alert').allTextContents()).join('\n')).toContain(message);
      }
      expect(await page.locator('main').count()).toBe(1);
      expect(await page.title()).toBe('directmap workbench');
    });

    test('leads to the same from any path of any host of static files', async () => {
      const host = path.join(SCRATCH, 'host');
      cpSync(BUILT, path.join(host, 'pages/directmap'), { recursive: true });
      const elsewhere = await serveWorkbench(browser, { folder: host, page: 'pages/directmap/index.html' });
      const { page, errors, close } = await elsewhere.visit('s=thread/large-np-leaf.js&a=x86_64&m=12');
      expect(await count(page)).toBe('12/24');
      await page.getByRole('button', { name: 'Check', exact: true }).click();
      await page.locator('.cell').first().waitFor();
      expect(errors).toEqual([]);
      await close();
      await elsewhere.close();
    });

    test('bounds what a script of a link may take', async () => {
      const endless = 'for (let i = 0; i < 1000000000; i++) { alloc_pages(0); }';
      const page = await visit(await encodeLink({ script: endless }));
      await page.getByRole('alert').waitFor({ timeout: 30_000 });
      expect(await page.getByRole('alert').textContent()).toMatch(/at most/);
    });
  });

  describe('for everybody', () => {
    const VIEWS = [
      ['s=thread/large-np-leaf.js&m=14', 'the scenario'],
      ['v=check&claim=no-large-np-leaf@v7.2.13@x86_64', 'the claims'],
      ['v=inspect&f=debian.core.gz', 'a dump'],
    ] as const;
    const LOOKS = [
      [1400, 1000, 'light'],
      [360, 740, 'dark'],
      [360, 740, 'light'],
      [1400, 1000, 'dark'],
    ] as const;

    test.each(VIEWS.flatMap(([fragment, name]) => LOOKS.map((look) => [name, ...look, fragment] as const)))(
      'axe finds nothing wrong with %s at %i x %i in the %s, and nothing is cut off',
      async (name, width, height, colorScheme, fragment) => {
        const page = await visit(fragment, { viewport: { width, height }, colorScheme });
        if (name === 'the scenario') {
          await settled(page);
          await page.locator('.cm-editor').waitFor();
        } else if (name === 'a dump') await page.locator('.inspection').waitFor();
        else await page.getByRole('button', { name: 'Check it' }).click();
        if (name === 'the claims') await page.locator('.verdict pre').waitFor();
        await page.evaluate(AXE);
        const found =
          await page.evaluate(`axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
          violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).slice(0, 3).join(' | ')))`);
        expect(found).toEqual([]);
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
      },
    );

    test('the shared link can be come to with the keyboard alone', async () => {
      const page = await visit('s=thread/large-np-leaf.js&m=12');
      await settled(page);
      await page.keyboard.press('Tab');
      expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the part');
      const reached: string[] = [];
      for (let press = 0; press < 80; press++) {
        await page.keyboard.press('Tab');
        const at = await page.evaluate(
          'document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent.slice(0, 40)',
        );
        reached.push(String(at));
      }
      for (const wanted of ['Share', 'Run', 'Moment', 'Forward', 'Moments of the run', 'Walk', 'Zoom in']) {
        expect(reached).toContain(wanted);
      }
      expect(reached.some((each) => each.startsWith('Map of the direct map'))).toBe(true);
    });
  });
});

/** The most memory that a process ever had, in MiB. */
function peakOf(pid: number): number {
  const [, kibibytes = '0'] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) / 1024;
}
