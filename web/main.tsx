/** Starts the workbench. */

import { render } from 'preact';
import { SECTIONS_STYLE, VIEWER_COLOURS, VIEWER_STYLE } from '../src/report/html/viewer_style.ts';
import './style.css';
import { WorkbenchPage } from './page.tsx';
import { Workbench } from './workbench.ts';

const root = document.getElementById('workbench');
if (root === null) throw new Error('no #workbench in the page');
const style = document.createElement('style');
style.textContent = VIEWER_COLOURS + VIEWER_STYLE + SECTIONS_STYLE;
document.head.prepend(style);
const workbench = new Workbench();
root.replaceChildren();
render(<WorkbenchPage workbench={workbench} />, root);
void workbench.start();
